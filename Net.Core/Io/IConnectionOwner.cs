using Net.Core.Connections;
using Net.Core.Time;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>The application of one connection, called on the shard's thread only.</summary>
internal interface IConnectionOwner
{
    /// <summary>Decides for this connection what the shard's host would decide for all: certificates and whom to trust. Null: the shard's.</summary>
    ICryptoHost? Crypto => null;

    /// <summary>Answers a request of the handshake itself, later. False: as <see cref="Crypto"/> would.</summary>
    bool TryTake(CryptoRequest request) => false;

    /// <summary>Takes the connection's events until there are none. Called once per step and connection, after everything that arrived.</summary>
    void OnEvents(Connection connection, Instant now);

    /// <summary>A fault of ours has ended the connection, without a word to the peer, and the shard has forgotten it: no event comes any more.</summary>
    /// <param name="connection">Nobody knows what state it is in: nothing is to be asked of it.</param>
    /// <param name="fault">The fault.</param>
    void OnFault(Connection connection, Exception fault) => OnShardStopped(fault);

    /// <summary>The shard has stopped: no event comes any more, and posted work no longer runs.</summary>
    /// <param name="fault">The fault of ours that stopped it; null when it was asked to.</param>
    void OnShardStopped(Exception? fault)
    {
    }
}
