using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Fills the caller's buffer with the next datagrams: asks the parts for frames in order of urgency, seals, accounts.</summary>
/// <remarks>
/// During the handshake a datagram coalesces packets of several levels; afterwards a buffer is filled with many datagrams of one size,
/// each behind its headroom, for one GSO send. A packet number is spent when its packet is sealed.
/// </remarks>
internal static class Packetizer
{
    /// <summary>A remainder that no further frame fits is padded, so that the next datagram of a batch may follow.</summary>
    private const int MaxSlack = 64;

    /// <summary>Room for less than this is not worth a packet: an ACK of one range, or the frames of a path, would not fit.</summary>
    private const int MinPayload = 32;

    /// <summary>Below this a packet of that level is not worth beginning: its header, which the peer's ID makes long or short, the tag and a little.</summary>
    public static int MinPacket(ConnectionParts c, EncryptionLevel level)
    {
        int header = level == EncryptionLevel.OneRtt
            ? ShortHeader.HeaderLength(c.PeerIds.Current)
            : LongHeader.HeaderLength(TypeOf(level), c.PeerIds.Current, SourceOf(c), TokenOf(c, level).Length);
        return header + PacketNumber.MaxLength + MinPayload + PacketProtection.TagLength;
    }

    /// <summary>Below this no datagram is begun: it would not hold a packet of each level that has keys. So nobody waits for what never fits.</summary>
    public static int MinDatagram(ConnectionParts c)
    {
        int least = MinPacket(c, EncryptionLevel.OneRtt);
        for (EncryptionLevel level = EncryptionLevel.Initial; level < EncryptionLevel.OneRtt; level++)
        {
            least = c.Handshake?.Write(level) is null ? least : int.Max(least, MinPacket(c, level));
        }

        return least;
    }

    public static bool TryTransmit(ConnectionParts c, Span<byte> buffer, int headroom, Instant now, out Transmit transmit)
    {
        transmit = default;
        if (c.Lifecycle.State == ConnectionState.Closing)
        {
            return CloseWriter.TryTransmit(c, buffer, headroom, now, out transmit);
        }

        if (!c.Lifecycle.IsOpen || !c.MaySpeak)
        {
            return false;
        }

        if (c.Keys is { IsExhausted: true })
        {
            c.Fail(TransportError.Of(TransportErrorCode.AeadLimitReached, "the key has sealed as many packets as it may"), now);
            return CloseWriter.TryTransmit(c, buffer, headroom, now, out transmit);
        }

        if (c.Recovery.IsUnheeded)
        {
            // What elicits an acknowledgement must be given one (RFC 9000, section 13.2.1).
            c.Fail(TransportError.ProtocolViolation("acknowledges nothing"), now);
            return CloseWriter.TryTransmit(c, buffer, headroom, now, out transmit);
        }

        if (c.Keys is not null && c.Identity.IsConfirmed && c.Gate.IsOpen && c.Path.TryPeekElsewhere(out NetworkPath elsewhere, out int allowance, out ulong? peerId))
        {
            return TryTransmitElsewhere(c, buffer, headroom, elsewhere, allowance, peerId, now, out transmit);
        }

        return c.Handshake is HandshakeState h && (h.Write(EncryptionLevel.Initial) ?? h.Write(EncryptionLevel.Handshake)) is not null
            ? TryTransmitHandshake(c, buffer, headroom, now, out transmit)
            : TryTransmitBatch(c, buffer, headroom, now, out transmit);
    }

    /// <summary>One datagram, with packets of every level that has something to say (RFC 9000, section 12.2).</summary>
    private static bool TryTransmitHandshake(ConnectionParts c, Span<byte> buffer, int headroom, Instant now, out Transmit transmit)
    {
        transmit = default;
        int size = (int)long.Min(PathMtu.Base, c.Path.Allowance);
        Span<byte> datagram = buffer.Slice(headroom, size);
        Span<OpenPacket> packets = stackalloc OpenPacket[4];
        int count = 0, used = 0;
        bool mustFill = false;
        bool mayElicit = c.Recovery.SendAllowance(now) >= size;
        Ecn ecn = c.Recovery.Marking;
        c.Frames.Clear();
        for (EncryptionLevel level = EncryptionLevel.Initial; level <= EncryptionLevel.OneRtt; level++)
        {
            // CRYPTO is not held back by the window: early 1-RTT data in flight has no probe timeout yet, and would lock out for ever
            // the handshake that it waits for. It is little: a flight, and what is lost of it.
            // What elicits an answer at the Initial level fills its datagram, or waits until there is credit for that (section 14.1).
            bool mayElicitHere = level switch
            {
                EncryptionLevel.Initial => size == PathMtu.Base,
                EncryptionLevel.ZeroRtt or EncryptionLevel.OneRtt => mayElicit,
                _ => true,
            };
            if (TryBuild(c, level, datagram, used, mayElicitHere, now, out OpenPacket packet))
            {
                packets[count++] = packet;
                used = packet.End + PacketProtection.TagLength;
                // A client fills every datagram with an Initial, a server those that elicit an answer (RFC 9000, section 14.1).
                mustFill |= level == EncryptionLevel.Initial && (!c.IsServer || packet.IsAckEliciting);
            }
        }

        if (count == 0)
        {
            return false;
        }

        if (mustFill && used < size)
        {
            ref OpenPacket last = ref packets[count - 1];
            datagram[last.End..(size - PacketProtection.TagLength)].Clear();
            last.End = size - PacketProtection.TagLength;
            used = size;
        }

        ulong? firstNumber = null;
        for (int i = 0; i < count; i++)
        {
            int nextFrame = i + 1 < count ? packets[i + 1].FirstFrame : c.Frames.Count;
            Seal(c, datagram, packets[i], nextFrame, isPadded: mustFill && i == count - 1, ecn, now);
            firstNumber = packets[i].Level == EncryptionLevel.OneRtt ? packets[i].Number : null;
        }

        c.Path.OnSent(used);
        transmit = new(c.Path.Current, used, 1, headroom + used, ecn, firstNumber);
        return true;
    }

    /// <summary>Many 1-RTT datagrams of one size; only the last may be shorter.</summary>
    private static bool TryTransmitBatch(ConnectionParts c, Span<byte> buffer, int headroom, Instant now, out Transmit transmit)
    {
        transmit = default;
        if (c.Keys is null)
        {
            return false;
        }

        int probe = c.Identity.IsConfirmed && c.Path.IsProven && c.Gate.IsOpen ? c.Mtu.ProbeSize(now) : 0;
        if (probe > 0 && headroom + probe <= buffer.Length && c.Recovery.SendAllowance(now) >= probe)
        {
            return TryTransmitMtuProbe(c, buffer, headroom, probe, now, out transmit);
        }

        int size = c.Mtu.Current;
        int used = 0, segments = 0;
        // One call of the system sends them all, with one mark.
        Ecn ecn = c.Recovery.Marking;
        ulong? firstNumber = null;
        while (buffer.Length - used >= headroom + size && segments < Transmit.MaxSegments)
        {
            int room = (int)long.Min(size, c.Path.Allowance);
            Span<byte> datagram = buffer.Slice(used + headroom, room);
            bool mayElicit = c.Probes[(int)PacketNumberSpace.ApplicationData] > 0 || c.Recovery.SendAllowance(now) >= room;
            c.Frames.Clear();
            if (!TryBuild(c, EncryptionLevel.OneRtt, datagram, 0, mayElicit, now, out OpenPacket packet))
            {
                break;
            }

            int slack = room - packet.End - PacketProtection.TagLength;
            bool isPadded = slack is > 0 and <= MaxSlack && HasFrames(c);
            if (!isPadded && packet.ProbesPath)
            {
                // Shows that the path carries what QUIC needs (RFC 9000, sections 8.2.1 and 8.2.2).
                slack = int.Min(room, PathMtu.Base) - packet.End - PacketProtection.TagLength;
                isPadded = slack > 0;
            }

            if (isPadded)
            {
                datagram.Slice(packet.End, slack).Clear();
                packet.End += slack;
            }

            Seal(c, datagram, packet, c.Frames.Count, isPadded, ecn, now);
            firstNumber ??= packet.Number;
            int length = packet.End + PacketProtection.TagLength;
            c.Path.OnSent(length);
            used += headroom + length;
            segments++;
            if (length < size)
            {
                break;
            }
        }

        if (segments == 0)
        {
            return false;
        }

        transmit = new(c.Path.Current, segments == 1 ? used - headroom : size, segments, used, ecn, firstNumber);
        return true;
    }

    /// <summary>Answers to an address that is only tried, or questions to it or to one that was left: alone in their datagram, to an ID of its own.</summary>
    private static bool TryTransmitElsewhere(
        ConnectionParts c, Span<byte> buffer, int headroom, NetworkPath path, int size, ulong? peerId, Instant now, out Transmit transmit)
    {
        Span<byte> datagram = buffer.Slice(headroom, size);
        c.Frames.Clear();
        // Without a spare one the present ID must do: no answer would end the connection, and the peer could have given more of them.
        peerId = c.PeerIds.TryLend(ref peerId) ? peerId : c.PeerIds.CurrentNumber;
        OpenPacket packet = Begin(c, EncryptionLevel.OneRtt, datagram, 0, c.PeerIds[peerId!.Value]);
        PacketBuilder builder = new(datagram[packet.End..^PacketProtection.TagLength], c.Frames);
        c.Path.WriteElsewhere(ref builder, ChallengeOf(c, packet.Number), peerId, size, now);
        Fill(datagram, ref packet, builder);
        Seal(c, datagram, packet, c.Frames.Count, isPadded: true, Ecn.NotEct, now);
        transmit = new(path, size, 1, headroom + size, Ecn.NotEct, packet.Number);
        return true;
    }

    private static bool TryTransmitMtuProbe(ConnectionParts c, Span<byte> buffer, int headroom, int size, Instant now, out Transmit transmit)
    {
        Span<byte> datagram = buffer.Slice(headroom, size);
        c.Frames.Clear();
        OpenPacket packet = Begin(c, EncryptionLevel.OneRtt, datagram, 0);
        PacketBuilder builder = new(datagram[packet.End..^PacketProtection.TagLength], c.Frames);
        builder.TryWrite(new PingFrame(), c.Mtu.Probe(size));
        c.Mtu.OnProbeSent(size, now);
        Fill(datagram, ref packet, builder);
        Seal(c, datagram, packet, c.Frames.Count, isPadded: true, Ecn.NotEct, now);
        transmit = new(c.Path.Current, size, 1, headroom + size, Ecn.NotEct, packet.Number);
        return true;
    }

    private static void Fill(Span<byte> datagram, ref OpenPacket packet, in PacketBuilder builder)
    {
        datagram[(packet.End + builder.Writer.Position)..^PacketProtection.TagLength].Clear();
        packet.End = datagram.Length - PacketProtection.TagLength;
        packet.IsAckEliciting = builder.IsAckEliciting;
    }

    /// <summary>Writes the plaintext of one packet at <paramref name="start"/>, if its level has keys and something to say, and there is room for it.</summary>
    internal static bool TryBuild(
        ConnectionParts c, EncryptionLevel level, Span<byte> datagram, int start, bool mayElicit, Instant now, out OpenPacket packet)
    {
        packet = default;
        PacketNumberSpace space = Handshaking.SpaceOf(level);
        bool hasKeys = level == EncryptionLevel.OneRtt
            // With an early session a server answers 0-RTT data before the handshake is complete (RFC 9001, section 5.7).
            ? c.Keys is not null && (c.Identity.Session is not null || (c.IsServer && c.EarlySession is not null))
            : c.Handshake?.Write(level) is not null;
        if (!hasKeys || (level == EncryptionLevel.OneRtt && !c.Gate.IsOpen) || datagram.Length - start < MinPacket(c, level))
        {
            return false;
        }

        ref int probes = ref c.Probes[(int)space];
        // What was sent over the old path may fill the window: a question that waited for it would see the acknowledgements take all that an
        // unproven address may get, and then nobody could speak any more (RFC 9000, sections 8.2.1 and 9.4). Then it goes without anything else.
        bool asksPath = level == EncryptionLevel.OneRtt && c.Path.WantsChallenge;
        // A server's Initial that is to be answered waits for the credit to fill its datagram (section 14.1).
        bool mayProbe = probes > 0 && (mayElicit || level != EncryptionLevel.Initial);
        if (mayProbe && level is EncryptionLevel.Initial or EncryptionLevel.Handshake && !HasFramesAt(c, level))
        {
            _ = Hastening.Repeat(c, space);
        }

        bool elicit = (mayElicit && HasFramesAt(c, level)) || mayProbe || asksPath;
        ReceivedPackets received = c.Received(space);
        if (!elicit && !received.AckIsDue(now))
        {
            return false;
        }

        packet = Begin(c, level, datagram, start);
        PacketBuilder builder = new(datagram[packet.End..^PacketProtection.TagLength], c.Frames);
        // A probe, and a new owner's first packet, tell again what was received: the last word on that may be lost.
        if (level != EncryptionLevel.ZeroRtt && (received.IsAckPending || probes > 0 || c.Recovery.PendingProbes > 0))
        {
            received.TryWriteAck(ref builder, now, c.Options.AckDelayExponent);
        }

        if (elicit)
        {
            bool isPathAlone = asksPath && !mayElicit && probes == 0;
            WriteFrames(c, level, packet.Number, isPathAlone, now, ref builder);
            if (mayProbe)
            {
                probes--;
                if (!builder.IsAckEliciting)
                {
                    builder.TryWrite(new PingFrame(), new(SentFrameKind.Ping));
                }
            }
        }

        if (builder.IsEmpty)
        {
            packet = default;
            return false;
        }

        if (!builder.IsAckEliciting && c.Recovery.WantsPing(space))
        {
            builder.TryWrite(new PingFrame(), new(SentFrameKind.Ping));
        }

        // The sample for header protection begins 4 bytes behind the packet number's start (RFC 9001, section 5.4.2).
        int missing = 4 - packet.NumberLength - builder.Writer.Position;
        for (; missing > 0; missing--)
        {
            builder.Writer.WriteByte(0);
        }

        packet.End += builder.Writer.Position;
        packet.IsAckEliciting = builder.IsAckEliciting;
        packet.ProbesPath = ProbesPath(c.Frames.Frames[packet.FirstFrame..]);
        return true;
    }

    private static bool ProbesPath(ReadOnlySpan<SentFrame> frames)
    {
        foreach (SentFrame frame in frames)
        {
            if (frame.Kind is SentFrameKind.PathChallenge or SentFrameKind.PathResponse)
            {
                return true;
            }
        }

        return false;
    }

    internal static OpenPacket Begin(ConnectionParts c, EncryptionLevel level, Span<byte> datagram, int start, ConnectionId? destination = null)
    {
        PacketNumbers numbers = c.Recovery[Handshaking.SpaceOf(level)].Numbers;
        if (level == EncryptionLevel.OneRtt && numbers.WantsSkip)
        {
            numbers.PlanSkip(c.LocalIds.DeriveSecret(c.FederationKeys, SecretPurpose.Skip, numbers.Next));
        }

        numbers.SkipIfDue();
        ByteWriter writer = new(datagram[start..]);
        int lengthOffset = 0;
        if (level == EncryptionLevel.OneRtt)
        {
            ShortHeader.Write(ref writer, destination ?? c.PeerIds.Current, spin: false);
            GreaseFixedBit(c, ref datagram[start], numbers.Next);
        }
        else
        {
            LongHeader.Write(
                ref writer, TypeOf(level), c.Identity.Version, c.PeerIds.Current, SourceOf(c), TokenOf(c, level), out lengthOffset);
        }

        int numberOffset = writer.Position;
        ulong number = numbers.Next;
        int numberLength = numbers.EncodedLength(number);
        datagram[start] |= (byte)(numberLength - 1);
        PacketNumber.Write(ref writer, number, numberLength);
        return new(level, start, lengthOffset, numberOffset, numberLength, number, start + writer.Position, c.Frames.Count, false);
    }

    private static LongPacketType TypeOf(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => LongPacketType.Initial,
        EncryptionLevel.ZeroRtt => LongPacketType.ZeroRtt,
        _ => LongPacketType.Handshake,
    };

    private static ConnectionId SourceOf(ConnectionParts c) => c.Local.InitialSourceConnectionId ?? default;

    private static ReadOnlySpan<byte> TokenOf(ConnectionParts c, EncryptionLevel level) =>
        level == EncryptionLevel.Initial ? c.Handshake!.Token.Span : default;

    /// <summary>A bit that is always 1 is one that nobody can ever use: who permits it gets it as it comes (RFC 9287, section 3.1).</summary>
    private static void GreaseFixedBit(ConnectionParts c, ref byte first, ulong number)
    {
        ReadOnlySpan<byte> id = c.PeerIds.Current.Span;
        ulong mixed = (number + (id.IsEmpty ? 0UL : id[^1])) * 0x9E37_79B9_7F4A_7C15;
        if (c.Peer is { GreaseQuicBit: true } && mixed >> 63 != 0)
        {
            first &= unchecked((byte)~ShortHeader.FixedBit);
        }
    }

    internal static void Seal(ConnectionParts c, Span<byte> datagram, in OpenPacket packet, int endFrame, bool isPadded, Ecn ecn, Instant now)
    {
        PacketNumberSpace space = Handshaking.SpaceOf(packet.Level);
        Span<byte> bytes = datagram[packet.Start..(packet.End + PacketProtection.TagLength)];
        c.Recovery[space].Numbers.Take();
        Observation.OnSealing(c, datagram, packet, endFrame, now);
        c.Traffic.OnSent(bytes.Length);
        if (packet.Level == EncryptionLevel.OneRtt)
        {
            c.Keys!.Seal(bytes, packet.NumberOffset, packet.NumberLength, packet.Number);
        }
        else
        {
            LongHeader.PatchLength(bytes, packet.LengthOffset, bytes.Length - packet.NumberOffset);
            c.Handshake!.Write(packet.Level)!.Seal(bytes, packet.NumberOffset, packet.NumberLength, packet.Number);
        }

        bool inFlight = packet.IsAckEliciting || isPadded;
        c.Recovery.OnSent(
            space, packet.Number, now, bytes.Length, packet.IsAckEliciting, inFlight, ecn, c.Frames.Frames[packet.FirstFrame..endFrame]);
        if (packet.IsAckEliciting)
        {
            c.Idle.OnSentAckEliciting(now);
            c.Timers.OnSignOfLife(now);
        }

        if (packet.Level == EncryptionLevel.Handshake && !c.IsServer)
        {
            // A client's Initial keys go with its first Handshake packet (RFC 9001, section 4.9.1).
            Handshaking.Discard(c, EncryptionLevel.Initial, now);
        }
    }

    private static void WriteFrames(ConnectionParts c, EncryptionLevel level, ulong number, bool isPathAlone, Instant now, ref PacketBuilder builder)
    {
        if (level == EncryptionLevel.ZeroRtt)
        {
            c.Streams.WriteFrames(ref builder);
            return;
        }

        if (level == EncryptionLevel.OneRtt && c.Path.HasFrames)
        {
            c.Path.WriteFrames(ref builder, c.Path.WantsChallenge ? ChallengeOf(c, number) : 0, now);
        }

        if (isPathAlone)
        {
            return;
        }

        c.CryptoAt(level)?.WriteFrames(ref builder, level);
        if (level != EncryptionLevel.OneRtt)
        {
            return;
        }

        c.Announcements.WriteFrames(ref builder);
        c.LocalIds.WriteFrames(ref builder, c.FederationKeys);
        c.PeerIds.WriteFrames(ref builder);
        if (WriteDatagrams(c, ref builder))
        {
            c.Streams.WriteFrames(ref builder, now, c.Recovery.Rtt.HasSample ? c.Recovery.Rtt.Smoothed : TimeSpan.Zero);
            c.Datagrams.WriteFrames(ref builder, c.MaxDatagram);
        }
    }

    /// <summary>Streams and datagrams take turns at the front of a packet, so that neither starves the other.</summary>
    /// <returns>Whether streams may fill the rest.</returns>
    private static bool WriteDatagrams(ConnectionParts c, ref PacketBuilder builder)
    {
        if (!c.Datagrams.HasFrames)
        {
            return true;
        }

        if (c.Datagrams.IsStreamsTurn && c.Streams.HasFrames)
        {
            c.Datagrams.OnStreamsTurnTaken();
            return true;
        }

        ulong sent = c.Datagrams.Sent;
        c.Datagrams.WriteFrames(ref builder, c.MaxDatagram);
        // A long one that does not fit behind an ACK waits for the next packet, which has none; unless that could not hold it either.
        return c.Datagrams.Sent != sent || !c.Datagrams.HasFrames || builder.IsEmpty || c.Datagrams.NextLength > builder.Writer.Position + builder.Free;
    }

    /// <summary>8 bytes that nobody can guess, and other ones in each packet (RFC 9000, sections 8.2.1 and 13.3).</summary>
    private static ulong ChallengeOf(ConnectionParts c, ulong number) => c.LocalIds.DeriveSecret(c.FederationKeys, SecretPurpose.Challenge, number);

    private static bool HasFramesAt(ConnectionParts c, EncryptionLevel level) => level switch
    {
        EncryptionLevel.ZeroRtt => c.Streams.HasFrames,
        EncryptionLevel.OneRtt => HasFrames(c),
        _ => c.CryptoAt(level) is { HasFrames: true },
    };

    private static bool HasFrames(ConnectionParts c) =>
        c.Streams.HasFrames || c.Datagrams.HasFrames || c.Path.HasFrames || c.Announcements.HasFrames || c.LocalIds.HasFrames || c.PeerIds.HasFrames || c.PostHandshake.HasFrames;
}
