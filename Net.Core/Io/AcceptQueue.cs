namespace Net.Core.Io;

/// <summary>Things that wait to be accepted, and those who wait for them, in order.</summary>
internal sealed class AcceptQueue<T>(int limit) where T : class
{
    private readonly Lock _gate = new();
    private readonly LinkedList<T> _items = new();
    private readonly WaitList<T> _waiters = new();
    private Exception? _end;

    /// <summary>Those who wait for an item.</summary>
    public int Waiting => _waiters.Count;

    /// <returns>False when it is full or at its end: nobody will take the item.</returns>
    public bool TryAdd(T item)
    {
        lock (_gate)
        {
            if (_end is not null)
            {
                return false;
            }

            if (_waiters.TryGive(item))
            {
                return true;
            }

            if (_items.Count >= limit)
            {
                return false;
            }

            _items.AddLast(item);
            return true;
        }
    }

    /// <summary>Takes back what nobody has accepted.</summary>
    public bool Remove(T item)
    {
        lock (_gate)
        {
            return _items.Remove(item);
        }
    }

    /// <summary>No more items come. Those that are here can still be taken; then, and for all who wait, this is the reason.</summary>
    public void End(Exception reason)
    {
        lock (_gate)
        {
            _end ??= reason;
            _waiters.Fail(_end);
        }
    }

    /// <summary>Takes all that nobody has accepted.</summary>
    public List<T> Drain()
    {
        lock (_gate)
        {
            List<T> rest = [.. _items];
            _items.Clear();
            return rest;
        }
    }

    public async ValueTask<T> TakeAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task<T> waiting;
        lock (_gate)
        {
            if (_items.First is LinkedListNode<T> first)
            {
                _items.RemoveFirst();
                return first.Value;
            }

            if (_end is not null)
            {
                throw _end;
            }

            waiting = _waiters.AddAsync(cancellationToken);
        }

        return await waiting.ConfigureAwait(false);
    }
}
