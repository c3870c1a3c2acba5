using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>From a datagram to frames: splits it into packets, takes their protection off and drops what is not ours (RFC 9000, section 12.2).</summary>
internal static class Inbound
{
    private const byte LongHeaderBit = 0x80;
    private const byte LongReservedBits = 0x0C;
    private const byte ShortReservedBits = 0x18;

    /// <param name="datagram">Opened in place.</param>
    /// <param name="arrivedWith">Sequence number of the local ID that it came to; null for a client's first, random one.</param>
    public static void OnDatagram(ConnectionParts c, Span<byte> datagram, in NetworkPath path, Ecn ecn, ulong? arrivedWith, Instant now)
    {
        if (!c.Lifecycle.IsOpen)
        {
            OnDatagramWhileClosing(c, datagram, now);
            return;
        }

        c.Traffic.OnDatagramReceived(datagram.Length);
        NetworkPath known = c.IsServer ? path : c.Path.AsKnown(path);
        if (!c.Path.Knows(known) && (!c.IsServer || Migration.IsForbidden(c, path, arrivedWith)))
        {
            // Servers do not move but where they were tried, and clients not where they were asked to stay (RFC 9000, section 9; checklist S18).
            c.Observer?.OnPacketNotRead(PacketKind.Unknown, datagram.Length, PacketFate.Rejected, now);
            return;
        }

        c.Path.OnReceived(known, datagram.Length);
        Arrival arrival = new(known, ecn, arrivedWith, datagram.Length, now);
        OnPackets(c, datagram, arrival);
        OnKeysChanged(c, now);
    }

    /// <summary>Keys may have come: packets that were kept for them are read now, once.</summary>
    public static void OnKeysChanged(ConnectionParts c, Instant now)
    {
        while (c.Lifecycle.IsOpen && c.Handshake?.Read(EncryptionLevel.ZeroRtt) is not null && c.Handshake.TryTakeEarlyData(out EarlyPacket data))
        {
            OnPackets(c, data.Bytes, Arrival.Of(data, c.Path.Current, now));
        }

        // A packet whose keys are still missing goes back behind the others: a client may get 1-RTT packets before it has judged the certificate.
        for (int waiting = c.Handshake?.EarlyPackets ?? 0; waiting > 0 && c.Lifecycle.IsOpen && CanReadEarly(c) && c.Handshake!.TryTakeEarly(out EarlyPacket packet); waiting--)
        {
            OnPackets(c, packet.Bytes, Arrival.Of(packet, c.Path.Current, now));
        }

        if (c.Identity.IsConfirmed && c.Handshake is { EarlyPackets: 0 })
        {
            c.Handshake = null;
        }
    }

    public static void OnStatelessReset(ConnectionParts c, Instant now) =>
        c.Lifecycle.OnPeerClose(new(CloseOrigin.StatelessReset, 0, "the peer has lost the connection"), now + (3 * c.Pto));

    /// <summary>
    /// ICMP is not authenticated. It counts for a client that has heard nothing yet, which whoever sees its port could end by a forged Initial as well
    /// (RFC 9000, section 21.2); and not at once: the client asks again, so that what one flight has drawn, or one stray message, ends nothing.
    /// </summary>
    public static void OnRefused(ConnectionParts c, Instant now)
    {
        bool isUnheard = !c.IsServer && c.Lifecycle.State == ConnectionState.Handshaking && c.Received(PacketNumberSpace.Initial).Largest is null
            && c.Handshake is { RetrySource: null, Tried: null };
        if (!isUnheard)
        {
            return;
        }

        if (++c.Handshake!.Refusals < HandshakeState.RefusalsToBelieve)
        {
            c.Probes[(int)PacketNumberSpace.Initial] = 1;
            return;
        }

        c.Lifecycle.CloseSilently(new(CloseOrigin.Refused, 0, "nobody listens at that port"));
    }

    /// <summary>The ClientHello is not complete, or its 0-RTT data was accepted and the keys are about to come.</summary>
    private static bool MayReadEarlyData(ConnectionParts c) =>
        !c.Identity.IsConfirmed && (c.Peer is null || c.Tls?.EarlyData == Tls.EarlyDataState.Accepted);

    private static bool CanReadEarly(ConnectionParts c) =>
        c.Handshake is { EarlyPackets: > 0 } h && (c.Identity.Session is not null || (c.Keys is null && h.Read(EncryptionLevel.Handshake) is not null));

    private static void OnPackets(ConnectionParts c, Span<byte> datagram, in Arrival arrival)
    {
        ConnectionId? first = null;
        while (!datagram.IsEmpty && c.Lifecycle.IsOpen)
        {
            if ((datagram[0] & LongHeaderBit) == 0)
            {
                // A coalesced packet for another connection is ignored (RFC 9000, section 12.2).
                if (first is not ConnectionId id || datagram[1..].StartsWith(id.Span))
                {
                    OnShort(c, datagram, arrival);
                }

                return;
            }

            if (!LongHeader.TryRead(datagram, out LongHeader header))
            {
                FirstAnswers.OnNegotiation(c, datagram, arrival.Now);
                return;
            }

            if ((first ?? header.Destination) != header.Destination || (header.Version != c.Identity.Version && !VersionChange.IsOurs(c, header, datagram)))
            {
                c.Observer?.OnPacketNotRead(PacketTrace.KindOf(header.Type), header.PacketLength, PacketFate.Unsupported, arrival.Now);
                return;
            }

            first = header.Destination;
            OnLong(c, datagram[..header.PacketLength], header, arrival);
            datagram = datagram[header.PacketLength..];
        }
    }

    private static void OnLong(ConnectionParts c, Span<byte> packet, in LongHeader header, in Arrival arrival)
    {
        if (header.Type == LongPacketType.Retry)
        {
            FirstAnswers.OnRetry(c, packet, arrival.Now);
            return;
        }

        EncryptionLevel level = header.Type switch
        {
            LongPacketType.Initial => EncryptionLevel.Initial,
            LongPacketType.ZeroRtt => EncryptionLevel.ZeroRtt,
            _ => EncryptionLevel.Handshake,
        };
        if (c.Handshake is not HandshakeState handshake || (level == EncryptionLevel.ZeroRtt && !c.IsServer))
        {
            c.Observer?.OnPacketNotRead(PacketTrace.KindOf(header.Type), packet.Length, PacketFate.KeyUnavailable, arrival.Now);
            return;
        }

        if (level == EncryptionLevel.Initial && c.IsServer && arrival.Bytes is > 0 and < PathMtu.Base)
        {
            // A client must fill its datagrams (RFC 9000, section 14.1).
            c.Observer?.OnPacketNotRead(PacketKind.Initial, packet.Length, PacketFate.Invalid, arrival.Now);
            return;
        }

        if (handshake.Read(level, header.Version) is not PacketProtection keys)
        {
            bool isEarly = level == EncryptionLevel.Handshake && !c.Identity.IsConfirmed && arrival.Bytes > 0;
            bool isEarlyData = level == EncryptionLevel.ZeroRtt && MayReadEarlyData(c) && arrival.Bytes > 0;
            bool isKept = (isEarly && handshake.KeepEarly(packet, arrival)) || (isEarlyData && handshake.KeepEarlyData(packet, arrival));
            c.Observer?.OnPacketNotRead(PacketTrace.KindOf(header.Type), packet.Length, isKept ? PacketFate.Buffered : PacketFate.KeyUnavailable, arrival.Now);
            return;
        }

        ReceivedPackets received = c.Received(Handshaking.SpaceOf(level));
        if (!keys.TryUnmask(packet, header.PacketNumberOffset, out int length, out uint truncated))
        {
            c.Observer?.OnPacketNotRead(PacketTrace.KindOf(level), packet.Length, PacketFate.Invalid, arrival.Now);
            return;
        }

        int headerLength = header.PacketNumberOffset + length;
        ulong number = PacketNumber.Decode(received.Largest, truncated, length);
        if (!keys.TryOpen(packet, headerLength, number))
        {
            c.Observer?.OnPacketNotRead(PacketTrace.KindOf(level), packet.Length, PacketFate.DecryptionFailure, arrival.Now);
            return;
        }

        if (!AcceptSource(c, header, received))
        {
            c.Observer?.OnPacketNotRead(PacketTrace.KindOf(level), packet.Length, PacketFate.Invalid, arrival.Now);
            return;
        }

        if ((packet[0] & LongReservedBits) != 0)
        {
            c.Fail(TransportError.ProtocolViolation("reserved bits are not zero"), arrival.Now);
            return;
        }

        if (level == EncryptionLevel.Handshake && c.IsServer)
        {
            // Only who received our Initial could make this packet: its address is proven (RFC 9000, section 8.1).
            c.Path.OnProven();
            Handshaking.Discard(c, EncryptionLevel.Initial, arrival.Now);
        }

        PacketTrace trace = new(PacketTrace.KindOf(level), number, packet.Length, header.Version, header.Destination, header.Source, TokenLength: header.TokenLength);
        OnPayload(c, level, received, trace, packet[headerLength..^PacketProtection.TagLength], arrival);
    }

    private static void OnShort(ConnectionParts c, Span<byte> packet, in Arrival arrival)
    {
        if (c.Keys is not OneRttKeys keys || c.Identity.Session is null)
        {
            // The client's last flight may still be on its way (RFC 9001, section 5.7).
            bool isKept = c.Handshake?.KeepEarly(packet, arrival) == true;
            if (isKept && c.Handshake!.EarlyPackets == 1 && arrival.Bytes > 0)
            {
                c.Handshake.Hastening.OnOvertaken(c);
            }

            if (arrival.Bytes > 0)
            {
                c.Observer?.OnPacketNotRead(PacketKind.OneRtt, packet.Length, isKept ? PacketFate.Buffered : PacketFate.KeyUnavailable, arrival.Now);
            }

            return;
        }

        OpenResult result = keys.Open(packet, 1 + CidLayout.Length, c.Received(PacketNumberSpace.ApplicationData).Largest, arrival.Now, c.Pto, out ulong number, out int headerLength);
        switch (result)
        {
            case OpenResult.Opened:
                break;
            case OpenResult.KeyUpdateError:
                c.Fail(TransportError.Of(TransportErrorCode.KeyUpdateError, "keys were updated too often"), arrival.Now);
                return;
            case OpenResult.AeadLimitReached:
                c.Fail(TransportError.Of(TransportErrorCode.AeadLimitReached, "too many forged packets"), arrival.Now);
                return;
            default:
                c.Observer?.OnPacketNotRead(PacketKind.OneRtt, packet.Length, PacketFate.DecryptionFailure, arrival.Now);
                if (c.PeerIds.IsReset(packet))
                {
                    OnStatelessReset(c, arrival.Now);
                }

                return;
        }

        if ((packet[0] & ShortReservedBits) != 0)
        {
            c.Fail(TransportError.ProtocolViolation("reserved bits are not zero"), arrival.Now);
            return;
        }

        ConnectionId destination = new(packet.Slice(1, CidLayout.Length));
        PacketTrace trace = new(PacketKind.OneRtt, number, packet.Length, 0, destination, default, keys.ReadGeneration);
        OnPayload(c, EncryptionLevel.OneRtt, c.Received(PacketNumberSpace.ApplicationData), trace, packet[headerLength..^PacketProtection.TagLength], arrival);
    }

    private static void OnPayload(
        ConnectionParts c, EncryptionLevel level, ReceivedPackets received, in PacketTrace packet, ReadOnlySpan<byte> payload, in Arrival arrival)
    {
        ulong number = packet.Number;
        if (received.IsDuplicate(number))
        {
            c.Observer?.OnPacketNotRead(packet.Kind, packet.Length, PacketFate.Duplicate, arrival.Now);
            return;
        }

        c.Observer?.OnPacketReceived(packet, payload, arrival.Now);

        bool isNewest = received.Largest is not ulong largest || number > largest;
        PayloadTraits traits = default;
        TransportError error = Dispatch.OnPayload(c, level, payload, arrival, ref traits);
        if (error.IsError)
        {
            c.Fail(error, arrival.Now);
            return;
        }

        c.Traffic.OnPacketReceived();
        received.OnReceived(number, traits.IsAckEliciting, arrival.Ecn, arrival.HeardAt);
        Hastening.OnReceived(c, Handshaking.SpaceOf(level), received, traits, arrival.Now);
        c.Idle.OnReceived(arrival.Now);
        // The packet that confirms the handshake is already one of a confirmed connection: a client whose NAT has changed in between may have
        // nothing else to say, and would wait for HANDSHAKE_DONE at an address that is not its own any more.
        bool mayMove = c.Identity.IsConfirmed && level is EncryptionLevel.OneRtt or EncryptionLevel.Handshake;
        if (!isNewest || !mayMove || !c.IsServer || !c.Lifecycle.IsOpen || arrival.Bytes == 0)
        {
            return;
        }

        if (c.Path.IsCurrent(arrival.Path))
        {
            c.Path.OnUsed(arrival.Path, arrival.ArrivedWith);
        }
        else if (traits.IsNonProbing)
        {
            Migration.OnMoved(c, arrival.Path, arrival.Bytes, arrival.ArrivedWith, arrival.Now);
        }
    }

    /// <summary>A client learns the server's ID from its first packet; after that, no end may change the ID of its long headers (RFC 9000, section 7.2).</summary>
    private static bool AcceptSource(ConnectionParts c, in LongHeader header, ReceivedPackets received)
    {
        if (!c.IsServer && header.Type == LongPacketType.Initial && received.Largest is null)
        {
            c.PeerIds.ReplaceFirst(header.Source);
        }

        return header.Source == c.PeerIds.Current;
    }

    /// <summary>While closing, only the peer's own CONNECTION_CLOSE matters; all else is answered ever more rarely (RFC 9000, section 10.2.1).</summary>
    private static void OnDatagramWhileClosing(ConnectionParts c, Span<byte> datagram, Instant now)
    {
        if (c.Lifecycle.State != ConnectionState.Closing)
        {
            return;
        }

        if (c.Keys is OneRttKeys keys
            && !datagram.IsEmpty && (datagram[0] & LongHeaderBit) == 0
            && keys.Open(datagram, 1 + CidLayout.Length, c.Received(PacketNumberSpace.ApplicationData).Largest, now, c.Pto, out _, out int headerLength) == OpenResult.Opened
            && SaysClose(datagram[headerLength..^PacketProtection.TagLength]))
        {
            c.Lifecycle.OnPeerClose(default, now + (3 * c.Pto));
            return;
        }

        c.Lifecycle.OnPacketWhileClosing();
    }

    private static bool SaysClose(ReadOnlySpan<byte> payload)
    {
        ByteReader reader = new(payload.TrimStart((byte)0));
        return reader.TryReadVarInt(out ulong type) && type is (ulong)FrameType.ConnectionClose or (ulong)FrameType.ApplicationClose;
    }
}
