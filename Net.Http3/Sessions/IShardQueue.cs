using Net.Core.Io;

namespace Net.Http3.Sessions;

/// <summary>The way onto the thread that owns a connection.</summary>
internal interface IShardQueue
{
    /// <summary>From any thread; runs in the order of posting, never inside this call.</summary>
    /// <returns><c>false</c> when that thread has ended: the work will not run.</returns>
    bool Post(IShardWork work);
}

/// <summary>The queue of a shard.</summary>
internal sealed class ShardQueue(Shard shard) : IShardQueue
{
    public bool Post(IShardWork work) => shard.Post(work);
}
