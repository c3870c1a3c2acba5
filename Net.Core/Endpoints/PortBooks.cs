using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>The books of a port whose endpoint is alone. One thread at a time.</summary>
/// <param name="options">Gives the limits.</param>
internal sealed class PortBooks(EndpointOptions options) : IPortBooks
{
    private readonly UsedTokens _usedTokens = new();
    private readonly AnswerBudget _resets = new(options.MaxResetsPerSecond);
    private int _handshakes;
    private int _connections;

    public int Handshakes => Volatile.Read(ref _handshakes);

    /// <summary>Connections, those included that are on their way out.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public bool HasRoom => _handshakes < options.MaxHandshakes && _connections < options.MaxConnections;

    /// <summary>The endpoint's own routes know the ID.</summary>
    public bool TryBegin(ConnectionId first) => TryBegin();

    public bool TryBegin()
    {
        bool hasRoom = HasRoom;
        _handshakes += hasRoom ? 1 : 0;
        _connections += hasRoom ? 1 : 0;
        return hasRoom;
    }

    public void OnHandshakeEnded() => _handshakes--;

    public void OnAdded() => _connections++;

    public void OnRemoved(ConnectionId? first) => _connections--;

    /// <summary>A thread has died with all that it had.</summary>
    public void OnLost(int handshakes, int connections)
    {
        _handshakes -= handshakes;
        _connections -= connections;
    }

    public bool IsUsed(UInt128 serial) => _usedTokens.Contains(serial);

    public bool TryUse(UInt128 serial) => _usedTokens.TryAdd(serial);

    public bool TryTakeReset(Instant now) => _resets.TryTake(now);

    public bool TryPass(in InvariantHeader header, ReadOnlySpan<byte> datagram, in NetworkPath path, Ecn ecn) => false;
}
