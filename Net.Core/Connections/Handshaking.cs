using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Carries bytes, keys and verdicts between TLS and the transport (RFC 9001, section 4).</summary>
internal static class Handshaking
{
    public static PacketNumberSpace SpaceOf(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => PacketNumberSpace.Initial,
        EncryptionLevel.Handshake => PacketNumberSpace.Handshake,
        _ => PacketNumberSpace.ApplicationData,
    };

    public static TransportError OnCrypto(ConnectionParts c, EncryptionLevel level, in CryptoFrame frame, Instant now)
    {
        if (c.CryptoAt(level) is not CryptoStream stream)
        {
            return TransportError.None;
        }

        if (stream.HasRead(frame))
        {
            c.Handshake?.Hastening.OnRepeated(c);
        }

        TransportError error = stream.On(frame);
        while (!error.IsError && stream.Peek() is { IsEmpty: false } bytes)
        {
            if (level == EncryptionLevel.OneRtt && c.Identity.Session is not null)
            {
                error = OnPostHandshake(c, bytes, now);
            }
            else if (c.Tls is ITlsHandshake tls)
            {
                error = tls.OnCrypto(level, bytes);
            }

            stream.Consume(bytes.Length);
        }

        return error.IsError ? error : Pump(c, now);
    }

    public static TransportError OnAnswer(ConnectionParts c, CryptoAnswer answer, Instant now)
    {
        TransportError error = c.Tls?.OnAnswer(answer) ?? TransportError.None;
        return error.IsError ? error : Pump(c, now);
    }

    /// <summary>Serves this client with other options than its endpoint's others. Nothing of ours may have been said yet.</summary>
    public static void Configure(ConnectionParts c, ConnectionOptions options, Instant now)
    {
        if (c.Tls is not TlsServer tls || c.Identity.Session is not null || c.Streams.Count > 0)
        {
            throw new InvalidOperationException("only a connection that a client has just begun can be configured");
        }

        c.Local = ConnectionFactory.Describe(c.Local, options);
        tls.SetTransportParameters(VersionChange.Declare(c));
        // Who watches has begun to, and version and addresses were said of all.
        c.Options = options with
        {
            Observers = c.Options.Observers,
            KeyLog = c.Options.KeyLog,
            MayChangeVersion = c.Options.MayChangeVersion,
            PreferredVersion = c.Options.PreferredVersion,
            PreferredIPv4 = c.Options.PreferredIPv4,
            PreferredIPv6 = c.Options.PreferredIPv6,
        };
        c.Idle = new(options.IdleTimeout, now);
        c.Timers = new(now + options.HandshakeTimeout, options.KeepAlive, now);
        c.Streams = new(isServer: true, options.Streams);
        c.Datagrams = new(options.Datagrams);
        if (c.Peer is TransportParameters peer)
        {
            c.Idle.OnPeerTimeout(peer.MaxIdleTimeout);
            c.Streams.OnPeerParameters(peer);
        }
    }

    /// <summary>Moves what TLS has to say to where it belongs: keys, bytes to send, the peer's parameters, the end of the handshake.</summary>
    public static TransportError Pump(ConnectionParts c, Instant now)
    {
        if (c.Tls is not ITlsHandshake tls)
        {
            return TransportError.None;
        }

        OnEarlyData(c, tls, now);
        while (tls.TryTakeSecret(out TlsSecret secret))
        {
            KeyLogging.OnSecret(c, tls, secret);
            Install(c, secret);
        }

        while (tls.TryTakeOutput(out TlsOutput output))
        {
            c.CryptoAt(output.Level)?.Write(output.Bytes.Span);
        }

        if (c.Peer is null && !tls.PeerTransportParameters.IsEmpty)
        {
            TransportError error = OnPeerParameters(c, tls.PeerTransportParameters.Span);
            if (error.IsError)
            {
                return error;
            }
        }

        if (c.EarlySession is null && tls.EarlySession is TlsSession early)
        {
            KeyLogging.OnEarlyData(c, tls, early);
            BeginEarlyData(c, early);
        }

        if (tls.IsComplete && c.Identity.Session is null && tls.Session is TlsSession session)
        {
            if (c.EarlySession is TlsSession assumed && !assumed.Alpn.Span.SequenceEqual(session.Alpn.Span))
            {
                // 0-RTT was rejected, and what was written is not of the protocol that is spoken now (RFC 9001, section 4.6.2).
                return TransportError.Of(TransportErrorCode.NoError, "0-RTT data was rejected and cannot be repeated");
            }

            KeyLogging.OnComplete(c, tls, session);
            OnComplete(c, session, now);
        }

        return TransportError.None;
    }

    private static TransportError OnPostHandshake(ConnectionParts c, ReadOnlySpan<byte> bytes, Instant now)
    {
        List<NewSessionTicket> messages = [];
        TransportError error = c.PostHandshakeMessages.Read(c.IsServer, bytes, messages);
        foreach (NewSessionTicket message in messages)
        {
            if (c.NewTickets.Count == ConnectionParts.MaxTokens)
            {
                break;
            }

            if (c.Tickets.Receive(message, c.Identity.Session!, c.Identity.Version, RememberedLimits.Of(c.Peer!), now) is ResumptionTicket ticket)
            {
                c.NewTickets.Enqueue(ticket);
                if (c.OwnTickets.Count < ConnectionParts.MaxTokens)
                {
                    c.OwnTickets.Add(ticket);
                }
            }
        }

        return error;
    }

    /// <summary>From here on streams may be used, within what a client remembers of the server.</summary>
    private static void BeginEarlyData(ConnectionParts c, TlsSession early)
    {
        c.EarlySession = early;
        if (!c.IsServer)
        {
            c.Streams.OnPeerParameters(c.Handshake!.Offered!.Limits.ToParameters());
        }

        c.Events.Enqueue(new(ConnectionEventKind.EarlyData));
    }

    /// <summary>A client hears that its 0-RTT packets were not read: all that they carried is sent again, under the next keys.</summary>
    private static void OnEarlyData(ConnectionParts c, ITlsHandshake tls, Instant now)
    {
        bool isRejected = !c.IsServer && tls.EarlyData == EarlyDataState.Rejected && c.Handshake?.Write(EncryptionLevel.ZeroRtt) is not null;
        if (isRejected)
        {
            OnEarlyDataInVain(c, c.Handshake!, now);
        }
        else if (c.IsServer && c.Peer is not null && tls.EarlyData != EarlyDataState.Accepted)
        {
            c.Handshake?.DropEarlyData();
        }
    }

    /// <summary>0-RTT packets were sent to nobody: what they carried waits for the next keys.</summary>
    internal static void OnEarlyDataInVain(ConnectionParts c, HandshakeState handshake, Instant now)
    {
        handshake.Discard(EncryptionLevel.ZeroRtt);
        c.Lost.Clear();
        c.Recovery.OnAllInVain(PacketNumberSpace.ApplicationData, now, c.Lost);
        Feedback.OnLost(c);
    }

    public static TransportError OnHandshakeDone(ConnectionParts c, Instant now)
    {
        if (c.IsServer)
        {
            return TransportError.ProtocolViolation("a client sends HANDSHAKE_DONE", FrameType.HandshakeDone);
        }

        if (c.Identity.Session is null)
        {
            return TransportError.ProtocolViolation("HANDSHAKE_DONE before the handshake is complete", FrameType.HandshakeDone);
        }

        Confirm(c, now);
        return TransportError.None;
    }

    /// <summary>Initial and Handshake keys go as soon as the next ones are in use (RFC 9001, section 4.9).</summary>
    public static void Discard(ConnectionParts c, EncryptionLevel level, Instant now)
    {
        if (c.Handshake?.Read(level) is not null || c.Handshake?.Write(level) is not null)
        {
            c.Handshake.Discard(level);
            c.Recovery.Discard(SpaceOf(level), now);
            c.Probes[(int)SpaceOf(level)] = 0;
        }
    }

    private static void Install(ConnectionParts c, TlsSecret secret)
    {
        HandshakeState handshake = c.Handshake ?? throw new InvalidOperationException("TLS gave a key after the handshake");
        if (secret.Level != EncryptionLevel.OneRtt)
        {
            c.Recovery.HasHandshakeKeys |= secret.Level == EncryptionLevel.Handshake;
            handshake.Install(
                secret.Level, secret.IsWrite, ProtectionSuites.Default.Create(secret.Suite, secret.Secret.Span, secret.Secret.Span, c.Identity.Version));
            return;
        }

        handshake.OneRttWrite = secret.IsWrite ? secret : handshake.OneRttWrite;
        handshake.OneRttRead = secret.IsWrite ? handshake.OneRttRead : secret;
        if (handshake.OneRttRead is TlsSecret read && handshake.OneRttWrite is TlsSecret write)
        {
            c.Keys = new OneRttKeys(secret.Suite, read.Secret.Span, write.Secret.Span, c.Identity.Version);
            if (!c.IsServer)
            {
                // No packet is sealed with them any more (RFC 9001, section 4.9.3).
                handshake.Discard(EncryptionLevel.ZeroRtt);
            }
        }
    }

    private static TransportError OnPeerParameters(ConnectionParts c, ReadOnlySpan<byte> bytes)
    {
        TransportError error = TransportParameters.TryRead(bytes, fromServer: !c.IsServer, out TransportParameters peer);
        if (error.IsError)
        {
            return error;
        }

        // What the peer says here is authenticated: it proves that nobody changed the IDs on the way (RFC 9000, section 7.3).
        bool sameSource = peer.InitialSourceConnectionId is ConnectionId source && source == c.PeerIds.Current;
        bool sameOriginal = c.IsServer || peer.OriginalDestinationConnectionId == c.Identity.OriginalDestination;
        if (!sameSource || !sameOriginal || peer.RetrySourceConnectionId != c.Handshake?.RetrySource)
        {
            return TransportError.Of(TransportErrorCode.TransportParameterError, "connection IDs were changed on the way", FrameType.Crypto);
        }

        bool wasChanged = !c.IsServer && c.Handshake?.FormerVersion is not null;
        TransportError versions = Versions.Check(peer.VersionInformation, fromServer: !c.IsServer, c.Identity.Version, c.Handshake?.Tried, wasChanged);
        if (versions.IsError)
        {
            return versions;
        }

        if (c.EarlySession is not null && !c.IsServer)
        {
            TransportError reduced = CheckRemembered(c, peer);
            if (reduced.IsError)
            {
                return reduced;
            }
        }

        VersionChange.Prefer(c, peer.VersionInformation);

        c.Peer = peer;
        c.Streams.OnPeerParameters(peer);
        c.LocalIds.OnPeerLimit(peer.ActiveConnectionIdLimit);
        c.Idle.OnPeerTimeout(peer.MaxIdleTimeout);
        c.Recovery.Rtt.MaxAckDelay = peer.MaxAckDelay;
        c.Mtu.OnPeerLimit((ulong)peer.MaxUdpPayloadSize);
        if (peer.StatelessResetToken is ResetToken token)
        {
            c.PeerIds.OnFirstToken(token);
        }

        // Whether the client goes there is decided once the handshake is confirmed; the ID counts as issued either way (RFC 9000, section 5.1.1).
        bool isIssued = peer.PreferredAddress is not PreferredAddress preferred
            || !c.PeerIds.On(new NewConnectionIdFrame(1, RetirePriorTo: 0, preferred.ConnectionId, preferred.Token)).IsError;
        return isIssued
            ? TransportError.None
            // No frame said so: the parameter is at fault (section 18.2).
            : TransportError.Of(TransportErrorCode.TransportParameterError, "a preferred address with the ID of the handshake", FrameType.Crypto);
    }

    /// <summary>What 0-RTT data was held to must hold on (RFC 9000, section 7.4.1).</summary>
    private static TransportError CheckRemembered(ConnectionParts c, TransportParameters peer)
    {
        if (c.Handshake!.Offered!.Limits.HoldUnder(RememberedLimits.Of(peer)))
        {
            return TransportError.None;
        }

        if (c.Tls!.EarlyData == EarlyDataState.Accepted)
        {
            return TransportError.ProtocolViolation("the server accepts 0-RTT data and reduces its limits", FrameType.Crypto);
        }

        // Rejected: the server owes nothing. If nothing was begun under the old limits, the new ones count from the start.
        return c.Streams.TryForgetPeer()
            ? TransportError.None
            : TransportError.Of(TransportErrorCode.NoError, "0-RTT data was rejected and cannot be repeated");
    }

    private static void OnComplete(ConnectionParts c, TlsSession session, Instant now)
    {
        c.Identity.OnComplete(session);
        c.Lifecycle.OnEstablished();
        c.Timers.OnHandshakeComplete();
        c.LocalIds.Issue();
        c.Path.OnProven();
        c.Events.Enqueue(new(ConnectionEventKind.HandshakeCompleted));
        if (c.IsServer)
        {
            // A server's handshake is confirmed when it is complete (RFC 9001, section 4.1.2).
            c.Announcements.AnnounceHandshakeDone();
            Confirm(c, now);
        }
    }

    private static void Confirm(ConnectionParts c, Instant now)
    {
        if (c.Identity.IsConfirmed)
        {
            return;
        }

        c.Identity.OnConfirmed();
        // A server could keep the keys of 0-RTT for packets that were overtaken (RFC 9001, section 4.9.3): those are repeated instead.
        c.Handshake?.Discard(EncryptionLevel.ZeroRtt);
        c.Handshake?.DropEarlyData();
        Discard(c, EncryptionLevel.Initial, now);
        Discard(c, EncryptionLevel.Handshake, now);
        c.Recovery.OnHandshakeConfirmed();
        c.Events.Enqueue(new(ConnectionEventKind.HandshakeConfirmed));
        c.Tls = null;
        if (c.Handshake?.EarlyPackets == 0)
        {
            c.Handshake = null;
        }
    }
}
