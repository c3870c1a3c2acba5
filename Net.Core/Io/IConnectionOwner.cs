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

    /// <summary>The shard has stopped: no event comes any more, and posted work no longer runs.</summary>
    /// <param name="fault">The fault of ours that stopped it; null when it was asked to.</param>
    void OnShardStopped(Exception? fault)
    {
    }
}
