namespace Net.Core.Io;

/// <summary>Those who wait for something, in order. Who gives up leaves at once: a caller that tries again and again makes nothing grow.</summary>
/// <remarks>All members may be called from any thread.</remarks>
internal sealed class WaitList<T>
{
    private readonly Lock _gate = new();
    private readonly LinkedList<TaskCompletionSource<T>> _waiters = new();

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _waiters.Count;
            }
        }
    }

    /// <summary>Joins the end of the list. The task ends by one of the members below, or by cancellation.</summary>
    public Task<T> AddAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<T> waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);
        LinkedListNode<TaskCompletionSource<T>> node = new(waiter);
        lock (_gate)
        {
            _waiters.AddLast(node);
        }

        return cancellationToken.CanBeCanceled ? UntilCancelledAsync(node, cancellationToken) : waiter.Task;
    }

    /// <summary>Gives a result to the first who still waits.</summary>
    /// <returns>False when nobody does.</returns>
    public bool TryGive(T result)
    {
        lock (_gate)
        {
            while (_waiters.First is LinkedListNode<TaskCompletionSource<T>> first)
            {
                _waiters.RemoveFirst();
                if (first.Value.TrySetResult(result))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Fails all who wait.</summary>
    public void Fail(Exception fault)
    {
        lock (_gate)
        {
            foreach (TaskCompletionSource<T> waiter in _waiters)
            {
                _ = waiter.TrySetException(fault);
            }

            _waiters.Clear();
        }
    }

    private async Task<T> UntilCancelledAsync(LinkedListNode<TaskCompletionSource<T>> node, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            (state, token) => Leave((LinkedListNode<TaskCompletionSource<T>>)state!, token), node);
        return await node.Value.Task.ConfigureAwait(false);
    }

    private void Leave(LinkedListNode<TaskCompletionSource<T>> node, CancellationToken token)
    {
        lock (_gate)
        {
            if (node.List is not null)
            {
                _waiters.Remove(node);
            }
        }

        _ = node.Value.TrySetCanceled(token);
    }
}
