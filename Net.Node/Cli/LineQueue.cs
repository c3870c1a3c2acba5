namespace Net.Node.Cli;

/// <summary>Lines for one stream: who posts one waits for nobody, who writes one waits for whoever reads the stream.</summary>
/// <remarks>Thread-safe. A line is written whole, and lines come in order, whichever way they were given; what is too much is lost, and counted.</remarks>
/// <param name="writer">The stream.</param>
/// <param name="prefix">In front of what this says of itself.</param>
internal sealed class LineQueue(TextWriter writer, string prefix)
{
    /// <summary>Lines that wait for whoever reads the stream.</summary>
    internal const int MaxWaiting = 1000;

    private readonly Lock _lock = new();
    private readonly Lock _waitingLock = new();
    private readonly Queue<Entry> _waiting = new();
    private int _lost;
    private bool _isDraining;
    private volatile bool _wasPosted;

    /// <summary>Writes a line behind what waits.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string line)
    {
        lock (_lock)
        {
            WriteWaiting();
            writer.WriteLine(line);
            writer.Flush();
        }
    }

    /// <param name="line">To be written by another thread.</param>
    /// <param name="evenWhenFull">It may not be lost: nothing follows it.</param>
    public void Post(string line, bool evenWhenFull = false)
    {
        lock (_waitingLock)
        {
            _wasPosted = true;
            if (_waiting.Count >= MaxWaiting && !evenWhenFull)
            {
                _lost++;
                return;
            }

            if (_lost > 0)
            {
                _waiting.Enqueue(TakeLoss());
            }

            _waiting.Enqueue(new(line, 1));
            if (_isDraining)
            {
                return;
            }

            _isDraining = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static queue => queue.Flush(), this, preferLocal: false);
    }

    /// <summary>Writes what waits.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            WriteWaiting();
        }
    }

    /// <summary>As <see cref="Flush"/>, for at most a time.</summary>
    /// <returns>False: nobody has taken it all by then.</returns>
    public bool TryFlush(TimeSpan patience)
    {
        if (!_wasPosted)
        {
            return true;
        }

        // A thread of its own: those of the pool may all be held up. Where it is stuck it does not keep the process.
        Thread last = new(Flush) { IsBackground = true, Name = "last lines" };
        last.Start();
        return last.Join(patience);
    }

    /// <summary>Under the lock. What cannot be written is lost: nobody waits for it, so nobody could be told.</summary>
    private void WriteWaiting()
    {
        Entry entry = default;
        try
        {
            while (TryTake(out entry))
            {
                writer.WriteLine(entry.Line);
                writer.Flush();
            }
        }
        catch (IOException)
        {
            lock (_waitingLock)
            {
                _lost += entry.Count + _waiting.Sum(waiting => waiting.Count);
                _waiting.Clear();
                _isDraining = false;
            }
        }
    }

    private bool TryTake(out Entry entry)
    {
        lock (_waitingLock)
        {
            if (_waiting.TryDequeue(out entry))
            {
                return true;
            }

            _isDraining = _lost > 0;
            entry = _isDraining ? TakeLoss() : default;
            return _isDraining;
        }
    }

    /// <summary>Under the lock of what waits.</summary>
    private Entry TakeLoss()
    {
        Entry loss = new($"{prefix}{_lost} lines are missing here, as nobody took them", _lost);
        _lost = 0;
        return loss;
    }

    /// <param name="Line">As it is written.</param>
    /// <param name="Count">Lines that are lost with it: the one that tells of others stands for these.</param>
    private readonly record struct Entry(string Line, int Count);
}
