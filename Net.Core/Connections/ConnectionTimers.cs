using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>Deadlines that belong to this process alone: the handshake's, which ends before a connection can move, and the keep-alive's, which each owner sets for itself.</summary>
internal sealed class ConnectionTimers
{
    private readonly TimeSpan _keepAlive;
    private Instant _nextKeepAlive;

    public ConnectionTimers(Instant handshakeDeadline, TimeSpan keepAlive, Instant now)
    {
        HandshakeDeadline = handshakeDeadline;
        _keepAlive = keepAlive;
        _nextKeepAlive = keepAlive > TimeSpan.Zero ? now + keepAlive : Instant.Never;
    }

    public Instant HandshakeDeadline { get; private set; }

    public Instant Deadline => Instant.Min(HandshakeDeadline, _nextKeepAlive);

    public void OnHandshakeComplete() => HandshakeDeadline = Instant.Never;

    public bool IsKeepAliveDue(Instant now) => now >= _nextKeepAlive;

    /// <summary>Something was sent that the peer answers, or is about to be.</summary>
    public void OnSignOfLife(Instant now) => _nextKeepAlive = _nextKeepAlive.IsNever ? Instant.Never : now + _keepAlive;
}
