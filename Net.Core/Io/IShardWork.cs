using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>Something to do on a shard's thread, where alone its connections may be touched.</summary>
internal interface IShardWork
{
    /// <summary>Runs once per post, in the order of posting. Must not wait, and must not throw.</summary>
    void Run(Instant now);

    /// <summary>Called instead of <see cref="Run"/> when a fault of ours has ended the shard first: whoever waits for this work must be told.</summary>
    void Abandon(Exception fault)
    {
    }
}
