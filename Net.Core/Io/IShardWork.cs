using Net.Core.Connections;
using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>Something to do on a shard's thread, where alone its connections may be touched.</summary>
internal interface IShardWork
{
    /// <summary>The one connection that it is about: a fault of ours in it ends that one alone. Null: it ends the shard.</summary>
    Connection? Connection => null;

    /// <summary>
    /// Whether a thread that is lent may run it (<see cref="Shard.PostAtOnce"/>), which has work of its own. False for what runs code that is not ours: that may wait, for
    /// ever if it likes, and only the shard's own thread has nothing else to do. What was posted behind it waits for it.
    /// </summary>
    bool MayBeLent => true;

    /// <summary>Runs once per post, in the order of posting. Must not wait if it may be lent, and must not throw.</summary>
    void Run(Instant now);

    /// <summary>
    /// Called instead of <see cref="Run"/> when a fault of ours has ended the shard first, and behind it when it has thrown and is about one
    /// <see cref="Connection"/>: whoever waits for this work must be told.
    /// </summary>
    void Abandon(Exception fault)
    {
    }
}
