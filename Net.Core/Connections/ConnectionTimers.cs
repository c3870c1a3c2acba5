using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>Deadlines that belong to this process alone: the handshake's, which ends before a connection can move, and the keep-alive's, which each owner sets for itself.</summary>
internal sealed class ConnectionTimers(Instant handshakeDeadline, TimeSpan keepAlive, Instant now)
{
    /// <summary>Most middleboxes forget a UDP flow that is silent for more than 30 s (RFC 9000, section 10.1.2).</summary>
    private static readonly TimeSpan s_longestSilence = TimeSpan.FromSeconds(25);

    private Instant _lastSign = now;

    public Instant HandshakeDeadline { get; private set; } = handshakeDeadline;

    /// <summary>When a server asks for the rest of a ClientHello.</summary>
    public Instant AskDeadline { get; set; } = Instant.Never;

    /// <summary>
    /// The peer owes an answer, and may be silent for long until it comes: PINGs keep the connection from its idle timeout, and middleboxes from
    /// forgetting it (RFC 9000, section 10.1.2).
    /// </summary>
    public bool ExpectsAnswer { get; set; }

    /// <param name="idleTimeout">Of the connection; zero for none.</param>
    public Instant Deadline(TimeSpan idleTimeout) => Instant.Min(Instant.Min(HandshakeDeadline, AskDeadline), KeepAliveDeadline(idleTimeout));

    public void OnHandshakeComplete() => HandshakeDeadline = Instant.Never;

    public bool IsKeepAliveDue(TimeSpan idleTimeout, Instant now) => now >= KeepAliveDeadline(idleTimeout);

    /// <summary>Something was sent that the peer answers, or is about to be.</summary>
    public void OnSignOfLife(Instant now) => _lastSign = now;

    private Instant KeepAliveDeadline(TimeSpan idleTimeout)
    {
        Instant deadline = keepAlive > TimeSpan.Zero ? _lastSign + keepAlive : Instant.Never;
        if (!ExpectsAnswer)
        {
            return deadline;
        }

        // Half of the timeout leaves the other half for a PING that is lost.
        TimeSpan half = idleTimeout / 2;
        return Instant.Min(deadline, _lastSign + (half > TimeSpan.Zero && half < s_longestSilence ? half : s_longestSilence));
    }
}
