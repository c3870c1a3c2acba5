using Net.Core.Errors;
using Net.Core.Time;

namespace Net.Core.Connections;

internal enum ConnectionState
{
    Handshaking,
    Established,

    /// <summary>We said CONNECTION_CLOSE and repeat it to whoever still sends (RFC 9000, section 10.2.1).</summary>
    Closing,

    /// <summary>The peer said it: silence until late packets are gone (section 10.2.2).</summary>
    Draining,
    Closed,
}

/// <summary>How a connection ends.</summary>
/// <remarks>
/// | state       | Close called, fault found | CONNECTION_CLOSE received | silence too long | 3 PTO over |
/// |-------------|---------------------------|---------------------------|------------------|------------|
/// | Handshaking | Closing                   | Draining                  | Closed           |            |
/// | Established | Closing                   | Draining                  | Closed           |            |
/// | Closing     |                           | Draining                  |                  | Closed     |
/// | Draining    |                           |                           |                  | Closed     |
/// A connection in one of the last three is not worth moving: it has told its end, or has been told.
/// </remarks>
internal sealed class Lifecycle
{
    private ulong _packetsSinceClose;
    private ulong _nextAnswer = 1;

    public ConnectionState State { get; private set; } = ConnectionState.Handshaking;

    public CloseReason? Reason { get; private set; }

    /// <summary>What to write in CONNECTION_CLOSE.</summary>
    public TransportError Fault { get; private set; }

    public bool IsApplicationClose { get; private set; }

    public ulong ApplicationCode { get; private set; }

    public Instant Deadline { get; private set; } = Instant.Never;

    /// <summary>A CONNECTION_CLOSE is to be sent now.</summary>
    public bool MustSayClose { get; private set; }

    public bool IsOpen => State is ConnectionState.Handshaking or ConnectionState.Established;

    public void OnEstablished() => State = State == ConnectionState.Handshaking ? ConnectionState.Established : State;

    public void CloseByApplication(ulong code, string reason, Instant until)
    {
        if (IsOpen)
        {
            IsApplicationClose = true;
            ApplicationCode = code;
            BeginClosing(new(CloseOrigin.LocalApplication, code, reason), until);
        }
    }

    public void CloseByFault(TransportError fault, Instant until)
    {
        if (IsOpen)
        {
            Fault = fault;
            BeginClosing(new(CloseOrigin.LocalTransport, (ulong)fault.Code, fault.Reason), until);
        }
    }

    public void OnPeerClose(CloseReason reason, Instant until)
    {
        if (State is ConnectionState.Draining or ConnectionState.Closed)
        {
            return;
        }

        Reason ??= reason;
        State = ConnectionState.Draining;
        MustSayClose = false;
        Deadline = Instant.Min(Deadline, until);
    }

    /// <summary>The end without a word.</summary>
    public void CloseSilently(CloseReason reason)
    {
        Reason ??= reason;
        State = ConnectionState.Closed;
        MustSayClose = false;
        Deadline = Instant.Never;
    }

    /// <summary>A packet came while closing: answered ever more rarely (RFC 9000, section 10.2.1).</summary>
    public void OnPacketWhileClosing()
    {
        if (++_packetsSinceClose >= _nextAnswer)
        {
            _nextAnswer *= 2;
            MustSayClose = true;
        }
    }

    public void OnCloseSaid() => MustSayClose = false;

    /// <returns>Whether the connection is over.</returns>
    public bool Tick(Instant now)
    {
        if (State is ConnectionState.Closing or ConnectionState.Draining && now >= Deadline)
        {
            State = ConnectionState.Closed;
            Deadline = Instant.Never;
        }

        return State == ConnectionState.Closed;
    }

    private void BeginClosing(CloseReason reason, Instant until)
    {
        Reason = reason;
        State = ConnectionState.Closing;
        MustSayClose = true;
        Deadline = until;
    }
}
