using Net.Core.Time;

namespace Net.Http3.Sessions;

/// <summary>Something to be done on the thread that owns a connection.</summary>
internal interface IShardWork
{
    void Run(Instant now);
}

/// <summary>The way onto that thread.</summary>
internal interface IShardQueue
{
    /// <summary>From any thread; runs in the order of posting, never inside this call.</summary>
    /// <returns><c>false</c> when that thread has ended: the work will not run.</returns>
    bool Post(IShardWork work);
}
