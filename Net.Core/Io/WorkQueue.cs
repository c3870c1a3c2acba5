namespace Net.Core.Io;

/// <summary>Work from any thread for one thread, in order. Two lists that change places: nothing is allocated once they have grown.</summary>
internal sealed class WorkQueue
{
    private readonly Lock _gate = new();
    private List<IShardWork> _incoming = [];
    private List<IShardWork> _taken = [];
    private bool _isClosed;

    /// <summary>Whether something urgent was added since the last call of <see cref="Take"/>.</summary>
    public bool IsUrgent { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <returns>False when nobody takes work any more.</returns>
    public bool TryAdd(IShardWork work, bool isUrgent = false)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }

            _incoming.Add(work);
            IsUrgent |= isUrgent;
            return true;
        }
    }

    /// <summary>All that was added since the last call. The list is valid until the next call.</summary>
    public IReadOnlyList<IShardWork> Take()
    {
        _taken.Clear();
        lock (_gate)
        {
            (_incoming, _taken) = (_taken, _incoming);
            IsUrgent = false;
        }

        return _taken;
    }

    /// <summary>Refuses what comes from now on.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
        }
    }
}
