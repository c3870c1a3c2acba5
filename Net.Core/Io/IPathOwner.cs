using Net.Core.Connections;

namespace Net.Core.Io;

/// <summary>Who has a client's connection moved to other addresses. On the shard's thread.</summary>
internal interface IPathOwner
{
    /// <summary>Its channel is a <see cref="PathSockets"/>.</summary>
    Shard Shard { get; }

    Connection Connection { get; }

    /// <summary>The move that is under way: it must be told of PathChanged and PathFailed, and of the connection's end.</summary>
    MigrateWork? Move { get; set; }

    /// <summary>What ended the connection.</summary>
    QuicException? Fault { get; }
}
