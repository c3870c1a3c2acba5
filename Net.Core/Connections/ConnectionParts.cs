using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>A connection is this record of parts; the orchestrators beside it hold the ifs, and get it as an argument.</summary>
/// <remarks>
/// The first group travels, each part as a section of its own (see <see cref="ConnectionSnapshot"/>). The second exists only during the
/// handshake, the third is scratch space: a connection that moves has neither.
/// </remarks>
internal sealed class ConnectionParts
{
    public required Identity Identity { get; init; }

    public required LocalConnectionIds LocalIds { get; init; }

    public required PeerConnectionIds PeerIds { get; init; }

    public required PathState Path { get; init; }

    public required PathMtu Mtu { get; init; }

    public required IdleTimer Idle { get; set; }

    public required Announcements Announcements { get; init; }

    public required LossRecovery Recovery { get; init; }

    public required StreamTable Streams { get; set; }

    public required Datagrams Datagrams { get; set; }

    public required TrafficCounters Traffic { get; init; }

    public required CryptoStream PostHandshake { get; init; }

    public required PostHandshakeMessages PostHandshakeMessages { get; init; }

    public required SessionTickets Tickets { get; init; }

    public required TransportParameters Local { get; set; }

    public TransportParameters? Peer { get; set; }

    public OneRttKeys? Keys { get; set; }

    /// <summary>Gone once the handshake is confirmed.</summary>
    public ITlsHandshake? Tls { get; set; }

    /// <summary>Null once the handshake is confirmed.</summary>
    public HandshakeState? Handshake { get; set; }

    public Lifecycle Lifecycle { get; } = new();

    public required ConnectionOptions Options { get; set; }

    public required ConnectionKeys FederationKeys { get; init; }

    public required ConnectionTimers Timers { get; set; }

    /// <summary>Null when nobody listens. Of this owner: it does not travel.</summary>
    public IConnectionObserver? Observer { get; private set; }

    /// <summary>Of this owner: it does not travel.</summary>
    public ReleaseGate Gate { get; } = new();

    /// <summary>Tokens that wait for the endpoint; more come from nobody who means well.</summary>
    public const int MaxTokens = 4;

    /// <summary>Tokens for a next connection to this server, until the endpoint takes them.</summary>
    public Queue<byte[]> Tokens { get; } = new();

    /// <summary>Tickets that wait for the endpoint, at most <see cref="MaxTokens"/>.</summary>
    public Queue<ResumptionTicket> NewTickets { get; } = new();

    /// <summary>Tickets of this connection, at most <see cref="MaxTokens"/>, for what the application has to add to them.</summary>
    public List<ResumptionTicket> OwnTickets { get; } = [];

    /// <summary>What is known of the session while 0-RTT data may be sent (client) or read (server); null before, and without.</summary>
    public TlsSession? EarlySession { get; set; }

    public Queue<ConnectionEvent> Events { get; } = new();

    /// <summary>Ack-eliciting packets to send beyond the congestion window, per packet number space (RFC 9002, section 6.2.4).</summary>
    public int[] Probes => field ??= new int[3];

    public SentFrameBuffer Frames => field ??= new();

    public SentFrameBuffer Acked => field ??= new();

    public SentFrameBuffer Lost => field ??= new();

    public bool IsServer => Identity.IsServer;

    public TimeSpan Pto => Recovery.Pto(withMaxAckDelay: true);

    /// <summary>
    /// A datagram may go out now: no more than the client's address has earned (RFC 9000, section 8.1). A server also acknowledges what is not a whole
    /// ClientHello yet (section 13.2.1): some clients, OpenSSL's among them, probe with PING alone, and send the rest again only when they hear that it
    /// was lost.
    /// </summary>
    public bool MaySpeak => Path.Allowance is long allowance && (allowance >= PathMtu.Base || allowance >= Packetizer.MinDatagram(this));

    /// <summary>Lets whoever wants to see this connection see it, from now on.</summary>
    public void BeginObservation(Instant now)
    {
        Observer = Options.Observers?.Observe(ConnectionView.Of(this), now);
        Recovery.Observer = Observer;
    }

    /// <summary>Bytes of data in the largest DATAGRAM that can be sent now; below 0 while the peer takes none (RFC 9221, section 3).</summary>
    public int MaxDatagram
    {
        get
        {
            int packet = Mtu.Current - 1 - PeerIds.Current.Length - PacketNumber.MaxLength - PacketProtection.TagLength;
            return DatagramFrame.MaxData((int)ulong.Min(Peer?.MaxDatagramFrameSize ?? 0, (ulong)packet));
        }
    }

    public void Fail(TransportError fault, Instant now) => Lifecycle.CloseByFault(fault, now + (3 * Pto));

    /// <summary>The path carries more or less than before: the window is counted in full datagrams.</summary>
    public void OnDatagramSizeChanged()
    {
        if (Recovery.Congestion.DatagramSize != Mtu.Current)
        {
            Recovery.Congestion.OnDatagramSize(Mtu.Current);
        }
    }

    /// <summary>With the tickets that are there, and those to come.</summary>
    public void KeepWithTickets(byte[] state)
    {
        Tickets.Keep(state);
        foreach (ResumptionTicket ticket in OwnTickets)
        {
            ticket.ApplicationState = state;
        }
    }

    /// <summary>Gives back all memory and wipes the keys.</summary>
    public void Release()
    {
        WipeKeys();
        Streams.Release();
        Datagrams.Release();
        Observer?.OnReleased();
    }

    /// <summary>
    /// Ends what may be half done, and so does as little as can be. The keys are wiped; buffers go to nobody: one that was given back already, and is
    /// still held here, would be two connections' if it were given back again.
    /// </summary>
    public void Abandon()
    {
        Lifecycle.CloseSilently(new(CloseOrigin.Fault, (ulong)TransportErrorCode.InternalError, "a fault of this library"));
        try
        {
            WipeKeys();
            Observer?.OnReleased();
        }
        catch (Exception again) when (again is not OutOfMemoryException)
        {
            // Perhaps the very fault that has ended it, and of that it is told.
        }
    }

    private void WipeKeys()
    {
        Keys?.Wipe();
        Handshake?.Discard(EncryptionLevel.Initial);
        Handshake?.Discard(EncryptionLevel.ZeroRtt);
        Handshake?.Discard(EncryptionLevel.Handshake);
    }

    public ReceivedPackets Received(PacketNumberSpace space) => Recovery[space].Received;

    public CryptoStream? CryptoAt(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => Handshake?.Initial,
        EncryptionLevel.Handshake => Handshake?.Handshake,
        _ => PostHandshake,
    };
}
