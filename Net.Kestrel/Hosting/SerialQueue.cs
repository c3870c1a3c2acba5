using Net.Core.Io;
using Net.Http3.Sessions;

namespace Net.Kestrel.Hosting;

/// <summary>One piece of work after the other, on the thread pool: what stands for a connection's thread where there is no connection.</summary>
/// <param name="onFault">Told of a fault of ours in a piece of work; the next one runs all the same.</param>
internal sealed class SerialQueue(Action<Exception> onFault) : IShardQueue, IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private readonly Queue<IShardWork> _work = new();
    private bool _isRunning;

    public bool Post(IShardWork work)
    {
        lock (_gate)
        {
            _work.Enqueue(work);
            if (_isRunning)
            {
                return true;
            }

            _isRunning = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    public void Post(Action action) => Post(new Work(action));

    public void Execute()
    {
        while (TryNext(out IShardWork? work))
        {
            try
            {
                work!.Run(MonotonicClock.Now);
            }
#pragma warning disable CA1031 // One connection's fault is not the node's end.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                onFault(fault);
            }
        }
    }

    private bool TryNext(out IShardWork? work)
    {
        lock (_gate)
        {
            _isRunning = _work.TryDequeue(out work);
            return _isRunning;
        }
    }

    private sealed class Work(Action action) : IShardWork
    {
        public void Run(Net.Core.Time.Instant now) => action();
    }
}
