namespace Net.Core.Io;

/// <summary>Things that wait to be accepted, and those who wait for them, in order.</summary>
internal sealed class AcceptQueue<T>(int limit) where T : class
{
    private readonly Lock _gate = new();
    private readonly LinkedList<T> _items = new();
    private readonly Queue<TaskCompletionSource<T>> _waiters = new();
    private Exception? _end;

    /// <returns>False when it is full or at its end: nobody will take the item.</returns>
    public bool TryAdd(T item)
    {
        lock (_gate)
        {
            if (_end is not null)
            {
                return false;
            }

            while (_waiters.TryDequeue(out TaskCompletionSource<T>? waiter))
            {
                if (waiter.TrySetResult(item))
                {
                    return true;
                }
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
            while (_waiters.TryDequeue(out TaskCompletionSource<T>? waiter))
            {
                _ = waiter.TrySetException(_end);
            }
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
        TaskCompletionSource<T> waiter;
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

            // Waiters that gave up are dropped here, so that their number is that of those who wait.
            while (_waiters.TryPeek(out TaskCompletionSource<T>? head) && head.Task.IsCompleted)
            {
                _ = _waiters.Dequeue();
            }

            waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Enqueue(waiter);
        }

        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource<T>)state!).TrySetCanceled(token), waiter);
        return await waiter.Task.ConfigureAwait(false);
    }
}
