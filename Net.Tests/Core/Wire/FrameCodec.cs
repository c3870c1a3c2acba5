using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

/// <summary>Reads any frame by its type and writes it again, so that one test serves all.</summary>
internal static class FrameCodec
{
    /// <returns>The frame's bytes as we write them, or null when it does not parse.</returns>
    public static byte[]? Rewrite(ref ByteReader reader)
    {
        if (!FrameTypes.TryReadType(ref reader, out FrameType type))
        {
            return null;
        }

        return type switch
        {
            FrameType.Padding => [0],
            FrameType.Ping => Bytes(new PingFrame()),
            FrameType.Ack or FrameType.AckEcn => AckFrame.TryRead(type, ref reader, out AckFrame f) ? Bytes(f) : null,
            FrameType.ResetStream => ResetStreamFrame.TryRead(ref reader, out ResetStreamFrame f) ? Bytes(f) : null,
            FrameType.StopSending => StopSendingFrame.TryRead(ref reader, out StopSendingFrame f) ? Bytes(f) : null,
            FrameType.Crypto => CryptoFrame.TryRead(ref reader, out CryptoFrame f) ? Bytes(f) : null,
            FrameType.NewToken => NewTokenFrame.TryRead(ref reader, out NewTokenFrame f) ? Bytes(f) : null,
            >= FrameType.Stream and <= FrameType.StreamLast => StreamFrame.TryRead(type, ref reader, out StreamFrame f) ? Bytes(f) : null,
            FrameType.MaxData => MaxDataFrame.TryRead(ref reader, out MaxDataFrame f) ? Bytes(f) : null,
            FrameType.MaxStreamData => MaxStreamDataFrame.TryRead(ref reader, out MaxStreamDataFrame f) ? Bytes(f) : null,
            FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional =>
                MaxStreamsFrame.TryRead(type, ref reader, out MaxStreamsFrame f) ? Bytes(f) : null,
            FrameType.DataBlocked => DataBlockedFrame.TryRead(ref reader, out DataBlockedFrame f) ? Bytes(f) : null,
            FrameType.StreamDataBlocked => StreamDataBlockedFrame.TryRead(ref reader, out StreamDataBlockedFrame f) ? Bytes(f) : null,
            FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional =>
                StreamsBlockedFrame.TryRead(type, ref reader, out StreamsBlockedFrame f) ? Bytes(f) : null,
            FrameType.NewConnectionId => NewConnectionIdFrame.TryRead(ref reader, out NewConnectionIdFrame f) ? Bytes(f) : null,
            FrameType.RetireConnectionId => RetireConnectionIdFrame.TryRead(ref reader, out RetireConnectionIdFrame f) ? Bytes(f) : null,
            FrameType.PathChallenge => PathChallengeFrame.TryRead(ref reader, out PathChallengeFrame f) ? Bytes(f) : null,
            FrameType.PathResponse => PathResponseFrame.TryRead(ref reader, out PathResponseFrame f) ? Bytes(f) : null,
            FrameType.ConnectionClose or FrameType.ApplicationClose =>
                ConnectionCloseFrame.TryRead(type, ref reader, out ConnectionCloseFrame f) ? Bytes(f) : null,
            FrameType.HandshakeDone => Bytes(new HandshakeDoneFrame()),
            FrameType.Datagram or FrameType.DatagramWithLength =>
                DatagramFrame.TryRead(type, ref reader, out DatagramFrame f) ? Bytes(f) : null,
            _ => null,
        };
    }

    /// <summary>Writes into exactly as much room as the frame says that it needs: more throws, less is seen.</summary>
    public static byte[] Bytes<TFrame>(TFrame frame) where TFrame : IFrame<TFrame>, allows ref struct
    {
        ByteWriter writer = new(new byte[frame.Length]);
        frame.Write(ref writer);
        Assert.AreEqual(0, writer.Free, "Length is what Write takes");
        return writer.Written.ToArray();
    }

    public static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
