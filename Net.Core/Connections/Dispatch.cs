using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Gives each frame of an opened packet to the part that it concerns (RFC 9000, section 12.4).</summary>
internal static class Dispatch
{
    /// <param name="payload">The packet's plaintext: at least one frame.</param>
    public static TransportError OnPayload(ConnectionParts c, EncryptionLevel level, ReadOnlySpan<byte> payload, in Arrival arrival, ref PayloadTraits traits)
    {
        if (payload.IsEmpty)
        {
            return TransportError.ProtocolViolation("a packet without a frame");
        }

        ByteReader reader = new(payload);
        while (!reader.IsEmpty)
        {
            int start = reader.Position;
            if (!reader.TryReadVarInt(out ulong type))
            {
                return TransportError.FrameEncoding(0);
            }

            if (reader.Position - start != VarInt.Length(type))
            {
                // The shortest encoding is mandatory for frame types alone (section 12.4).
                return TransportError.ProtocolViolation("a frame type is encoded longer than needed");
            }

            if (type == (ulong)FrameType.Padding)
            {
                SkipPadding(ref reader);
                continue;
            }

            if (!FrameTypes.IsAllowed((FrameType)type, level))
            {
                // Types in between that nobody has defined are as unknown as those above (section 12.4).
                return FrameTypes.IsKnown((FrameType)type)
                    ? TransportError.ProtocolViolation("a frame that this kind of packet must not carry", (FrameType)type)
                    : TransportError.FrameEncoding(type);
            }

            traits.Note((FrameType)type);
            TransportError error = OnFrame(c, level, (FrameType)type, ref reader, arrival);
            if (error.IsError)
            {
                return error;
            }
        }

        return TransportError.None;
    }

    private static TransportError OnFrame(ConnectionParts c, EncryptionLevel level, FrameType type, ref ByteReader payload, in Arrival arrival)
    {
        Instant now = arrival.Now;
        // A frame that does not parse falls through its guard to the last arm.
        return type switch
        {
            FrameType.Ping => TransportError.None,
            FrameType.Ack or FrameType.AckEcn when AckFrame.TryRead(type, ref payload, out AckFrame f) => OnAck(c, level, f, arrival),
            FrameType.Crypto when CryptoFrame.TryRead(ref payload, out CryptoFrame f) => Handshaking.OnCrypto(c, level, f, now),
            >= FrameType.Stream and <= FrameType.StreamLast when StreamFrame.TryRead(type, ref payload, out StreamFrame f) => c.Streams.On(f),
            FrameType.ResetStream when ResetStreamFrame.TryRead(ref payload, out ResetStreamFrame f) => c.Streams.On(f),
            FrameType.StopSending when StopSendingFrame.TryRead(ref payload, out StopSendingFrame f) => c.Streams.On(f),
            FrameType.MaxData when MaxDataFrame.TryRead(ref payload, out MaxDataFrame f) => c.Streams.On(f),
            FrameType.MaxStreamData when MaxStreamDataFrame.TryRead(ref payload, out MaxStreamDataFrame f) => c.Streams.On(f),
            FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional
                when MaxStreamsFrame.TryRead(type, ref payload, out MaxStreamsFrame f) => c.Streams.On(f),
            FrameType.DataBlocked when DataBlockedFrame.TryRead(ref payload, out DataBlockedFrame f) => c.Streams.On(f),
            FrameType.StreamDataBlocked when StreamDataBlockedFrame.TryRead(ref payload, out StreamDataBlockedFrame f) => c.Streams.On(f),
            FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional
                when StreamsBlockedFrame.TryRead(type, ref payload, out StreamsBlockedFrame f) => c.Streams.On(f),
            FrameType.NewConnectionId when NewConnectionIdFrame.TryRead(ref payload, out NewConnectionIdFrame f) => c.PeerIds.On(f, c.Local.ActiveConnectionIdLimit),
            FrameType.RetireConnectionId when RetireConnectionIdFrame.TryRead(ref payload, out RetireConnectionIdFrame f) => c.LocalIds.On(f, arrival.ArrivedWith),
            FrameType.PathChallenge when PathChallengeFrame.TryRead(ref payload, out PathChallengeFrame f) => OnChallenge(c, f, arrival),
            FrameType.PathResponse when PathResponseFrame.TryRead(ref payload, out PathResponseFrame f) => OnResponse(c, f, now),
            FrameType.ConnectionClose or FrameType.ApplicationClose
                when ConnectionCloseFrame.TryRead(type, ref payload, out ConnectionCloseFrame f) => OnClose(c, f, now),
            FrameType.NewToken when !c.IsServer && NewTokenFrame.TryRead(ref payload, out NewTokenFrame f) => OnToken(c, f),
            FrameType.NewToken when c.IsServer => TransportError.ProtocolViolation("a client sends NEW_TOKEN", type),
            FrameType.HandshakeDone => Handshaking.OnHandshakeDone(c, now),
            FrameType.Datagram or FrameType.DatagramWithLength => OnDatagram(c, type, ref payload),
            _ => TransportError.FrameEncoding((ulong)type),
        };
    }

    private static TransportError OnAck(ConnectionParts c, EncryptionLevel level, in AckFrame frame, in Arrival arrival)
    {
        PacketNumberSpace space = Handshaking.SpaceOf(level);
        c.Acked.Clear();
        c.Lost.Clear();
        TimeSpan delay = space == PacketNumberSpace.ApplicationData ? RttEstimator.DecodeAckDelay(frame.Delay, c.Peer?.AckDelayExponent ?? 3) : TimeSpan.Zero;
        TransportError error = c.Recovery.OnAck(space, frame, delay, arrival.Now, c.Identity.IsConfirmed, c.Acked, c.Lost, arrival.HeardAt);
        if (!error.IsError)
        {
            if (space == PacketNumberSpace.ApplicationData)
            {
                c.Keys?.OnAcked(frame.Largest);
            }

            Feedback.OnAcked(c);
            Feedback.OnLost(c);
            c.Mtu.OnFeedback(c.Recovery.LargestNewlyAcked, c.Recovery.NewlyLostLarge);
            c.OnDatagramSizeChanged();
        }

        return error;
    }

    /// <summary>Kept for the endpoint, within limits; what is too long for an Initial packet is of no use.</summary>
    private static TransportError OnToken(ConnectionParts c, in NewTokenFrame frame)
    {
        if (frame.Token.Length <= FirstAnswers.MaxToken && c.Tokens.Count < ConnectionParts.MaxTokens)
        {
            c.Tokens.Enqueue(frame.Token.ToArray());
        }

        return TransportError.None;
    }

    private static TransportError OnDatagram(ConnectionParts c, FrameType type, ref ByteReader payload)
    {
        int before = payload.Remaining;
        return DatagramFrame.TryRead(type, ref payload, out DatagramFrame frame)
            ? c.Datagrams.On(frame, VarInt.Length((ulong)type) + before - payload.Remaining, c.Local.MaxDatagramFrameSize)
            : TransportError.FrameEncoding((ulong)type);
    }

    private static TransportError OnChallenge(ConnectionParts c, PathChallengeFrame frame, in Arrival arrival)
    {
        Migration.OnChallenge(c, frame, arrival);
        return TransportError.None;
    }

    private static TransportError OnResponse(ConnectionParts c, PathResponseFrame frame, Instant now)
    {
        Migration.OnResponse(c, frame, now);
        return TransportError.None;
    }

    private static TransportError OnClose(ConnectionParts c, in ConnectionCloseFrame frame, Instant now)
    {
        CloseOrigin origin = frame.IsApplication ? CloseOrigin.PeerApplication : CloseOrigin.PeerTransport;
        c.Lifecycle.OnPeerClose(new(origin, frame.ErrorCode, "closed by the peer"), now + (3 * c.Pto));
        return TransportError.None;
    }

    private static void SkipPadding(ref ByteReader reader)
    {
        int zeros = reader.Rest.IndexOfAnyExcept((byte)0);
        reader.TryReadBytes((ulong)(zeros < 0 ? reader.Remaining : zeros), out _);
    }
}
