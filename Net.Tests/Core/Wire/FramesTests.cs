using CsCheck;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class FramesTests
{
    private static readonly Gen<ulong> VarInts = Gen.Int[0, 61].SelectMany(bits => Gen.ULong[0, (2UL << bits) - 1]);
    private static readonly Gen<byte[]> Data = Gen.Byte.Array[0, 40];

    /// <summary>One frame of each type with fields of any size, as bytes that end where the frame ends.</summary>
    private static readonly Gen<byte[]> Frames = Gen.Select(Gen.Int[0, 19], VarInts, VarInts, VarInts, Data, Gen.Bool)
        .Select((kind, a, b, c, data, flag) => Frame(kind, a, b, c, data, flag));

    /// <summary>Goal: what is written is read as the same values, whatever their size, and nothing of it is left over.</summary>
    [TestMethod]
    public void Every_frame_is_read_as_it_was_written() => Frames.Sample(bytes =>
    {
        ByteReader reader = new(bytes);
        byte[]? again = FrameCodec.Rewrite(ref reader);

        CollectionAssert.AreEqual(bytes, again);
        Assert.IsTrue(reader.IsEmpty);
    });

    /// <summary>Goal: a frame that is cut anywhere is refused, and nothing throws (checklist S48).</summary>
    [TestMethod]
    public void Every_truncation_of_every_frame_is_refused() => Frames.Sample(bytes =>
    {
        for (int length = 0; length < bytes.Length; length++)
        {
            ByteReader reader = new(bytes.AsSpan(0, length));
            Assert.IsNull(FrameCodec.Rewrite(ref reader), $"cut to {length} of {bytes.Length}");
        }
    });

    /// <summary>Goal: a frame ends where its own fields say, so that the next one is found.</summary>
    [TestMethod]
    public void What_follows_a_frame_is_left_alone() => Frames.Sample(bytes =>
    {
        ByteReader reader = new([.. bytes, 0xFF, 0xFF]);
        Assert.IsNotNull(FrameCodec.Rewrite(ref reader));
        Assert.AreEqual(2, reader.Remaining);
    });

    /// <summary>Goal: the bytes are those of RFC 9000, not merely the same both ways.</summary>
    [TestMethod]
    [DataRow("01", "PING")]
    [DataRow("04 04 4064 8000ffff", "RESET_STREAM of stream 4, code 100, final size 65535")]
    [DataRow("05 08 3f", "STOP_SENDING")]
    [DataRow("10 c000000100000000", "MAX_DATA of 2^32")]
    [DataRow("12 4100", "MAX_STREAMS, bidirectional, 256")]
    [DataRow("1a 0102030405060708", "PATH_CHALLENGE")]
    [DataRow("1c 0a 08 03 616263", "CONNECTION_CLOSE of the transport, frame type 8, 'abc'")]
    [DataRow("1d 4100 00", "CONNECTION_CLOSE of the application")]
    [DataRow("1e", "HANDSHAKE_DONE")]
    [DataRow("18 02 01 04 aabbccdd 000102030405060708090a0b0c0d0e0f", "NEW_CONNECTION_ID")]
    [DataRow("03 0a 05 01 02 00 01 01 02 03", "ACK of 8-10 and 5-6 with ECN counts")]
    [DataRow("0f 04 05 02 6869", "STREAM with offset, length and FIN")]
    [DataRow("31 02 6869", "DATAGRAM with length")]
    public void Bytes_are_as_the_RFC_lays_them_out(string hex, string name)
    {
        byte[] bytes = FrameCodec.Hex(hex);
        ByteReader reader = new(bytes);
        CollectionAssert.AreEqual(bytes, FrameCodec.Rewrite(ref reader), name);
    }

    /// <summary>Goal: values for which section 19 demands FRAME_ENCODING_ERROR are refused (checklist S3, S51).</summary>
    [TestMethod]
    [DataRow("06 ffffffffffffffff 01 00", "CRYPTO beyond 2^62-1")]
    [DataRow("06 fffffffffffffffe 02 0000", "CRYPTO ending at 2^62")]
    [DataRow("0e 00 ffffffffffffffff 01 00", "S51: STREAM beyond 2^62-1")]
    [DataRow("0c 00 ffffffffffffffff 00", "S51: STREAM beyond 2^62-1, without a length")]
    [DataRow("0e 00 00 ffffffffffffffff 00", "S51: STREAM whose length is 2^62-1")]
    [DataRow("07 00", "NEW_TOKEN without a token")]
    [DataRow("12 d000000000000001", "MAX_STREAMS of 2^60+1, bidirectional")]
    [DataRow("13 d000000000000001", "MAX_STREAMS of 2^60+1, unidirectional")]
    [DataRow("16 d000000000000001", "STREAMS_BLOCKED of 2^60+1, bidirectional")]
    [DataRow("17 d000000000000001", "STREAMS_BLOCKED of 2^60+1, unidirectional")]
    [DataRow("18 01 02 01 aa 000102030405060708090a0b0c0d0e0f", "NEW_CONNECTION_ID that retires itself")]
    [DataRow("18 02 01 00 000102030405060708090a0b0c0d0e0f", "NEW_CONNECTION_ID of no bytes")]
    [DataRow("18 02 01 15 000102030405060708090a0b0c0d0e0f101112131415 000102030405060708090a0b0c0d0e0f", "NEW_CONNECTION_ID of 21 bytes")]
    [DataRow("02 05 00 00 06", "ACK whose first range falls below 0")]
    [DataRow("02 05 00 01 04 00 00", "ACK whose gap falls below 0")]
    [DataRow("02 05 00 01 00 01 03", "ACK whose second range falls below 0")]
    [DataRow("02 05 00 01 00 ffffffffffffffff 00", "ACK with the largest gap")]
    [DataRow("02 05 00 ffffffffffffffff 00 00 00 00", "S3: ACK that announces 2^62-1 ranges")]
    public void Values_out_of_range_are_refused(string hex, string name)
    {
        ByteReader reader = new(FrameCodec.Hex(hex));
        Assert.IsNull(FrameCodec.Rewrite(ref reader), name);
    }

    /// <summary>Goal: the last value within each limit is accepted, so that no limit is off by one.</summary>
    [TestMethod]
    [DataRow("06 fffffffffffffffe 01 00", "CRYPTO ending at 2^62-1")]
    [DataRow("0e 00 fffffffffffffffe 01 00", "STREAM ending at 2^62-1")]
    [DataRow("12 d000000000000000", "MAX_STREAMS of 2^60")]
    [DataRow("16 d000000000000000", "STREAMS_BLOCKED of 2^60")]
    [DataRow("18 02 02 01 aa 000102030405060708090a0b0c0d0e0f", "NEW_CONNECTION_ID that retires all before it")]
    [DataRow("18 02 01 14 000102030405060708090a0b0c0d0e0f10111213 000102030405060708090a0b0c0d0e0f", "NEW_CONNECTION_ID of 20 bytes")]
    [DataRow("02 05 00 00 05", "ACK down to 0")]
    [DataRow("02 05 00 01 01 00 02", "ACK of 4-5 and 0-2")]
    public void Values_at_the_limit_are_accepted(string hex, string name)
    {
        byte[] bytes = FrameCodec.Hex(hex);
        ByteReader reader = new(bytes);
        CollectionAssert.AreEqual(bytes, FrameCodec.Rewrite(ref reader), name);
    }

    /// <summary>Goal: forms without a length field take all that is left, and FIN and offset are seen.</summary>
    [TestMethod]
    public void A_frame_without_length_takes_the_rest()
    {
        ByteReader reader = new(FrameCodec.Hex("04 05 010203"));
        Assert.IsTrue(StreamFrame.TryRead((FrameType)0x0D, ref reader, out StreamFrame stream));
        Assert.AreEqual(new StreamId(4), stream.Id);
        Assert.AreEqual(5UL, stream.Offset);
        Assert.AreEqual(8UL, stream.End);
        Assert.IsTrue(stream.Fin);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, stream.Data.ToArray());

        ByteWriter writer = new(new byte[16]);
        stream.Write(ref writer, withLength: false);
        CollectionAssert.AreEqual(FrameCodec.Hex("0d 04 05 010203"), writer.Written.ToArray());
        Assert.AreEqual(StreamFrame.HeaderLength(stream.Id, stream.Offset) + 3, writer.Position);

        reader = new([7, 8]);
        Assert.IsTrue(DatagramFrame.TryRead(FrameType.Datagram, ref reader, out DatagramFrame datagram));
        Assert.AreEqual(2, datagram.Data.Length);
        Assert.IsTrue(reader.IsEmpty);
    }

    private static byte[] Frame(int kind, ulong a, ulong b, ulong c, byte[] data, bool flag) => kind switch
    {
        0 => FrameCodec.Bytes(new PingFrame()),
        1 => FrameCodec.Bytes(new ResetStreamFrame(new(a), b, c)),
        2 => FrameCodec.Bytes(new StopSendingFrame(new(a), b)),
        3 => FrameCodec.Bytes(new CryptoFrame(a / 2, data)),
        4 => FrameCodec.Bytes(new NewTokenFrame([1, .. data])),
        5 => FrameCodec.Bytes(new StreamFrame(new(a), b / 2, data, flag)),
        6 => FrameCodec.Bytes(new MaxDataFrame(a)),
        7 => FrameCodec.Bytes(new MaxStreamDataFrame(new(a), b)),
        8 => FrameCodec.Bytes(new MaxStreamsFrame(flag, a / 4)),
        9 => FrameCodec.Bytes(new DataBlockedFrame(a)),
        10 => FrameCodec.Bytes(new StreamDataBlockedFrame(new(a), b)),
        11 => FrameCodec.Bytes(new StreamsBlockedFrame(flag, a / 4)),
        12 => FrameCodec.Bytes(new NewConnectionIdFrame(
            ulong.Max(a, b), ulong.Min(a, b), new([7, .. data.Take(19)]), new([.. Enumerable.Range(0, 16).Select(i => (byte)(c + (ulong)i))]))),
        13 => FrameCodec.Bytes(new RetireConnectionIdFrame(a)),
        14 => FrameCodec.Bytes(new PathChallengeFrame(a * b)),
        15 => FrameCodec.Bytes(new PathResponseFrame(a * c)),
        16 => FrameCodec.Bytes(new ConnectionCloseFrame(flag, a, b, data)),
        17 => FrameCodec.Bytes(new HandshakeDoneFrame()),
        18 => FrameCodec.Bytes(new DatagramFrame(data)),
        _ => AckFrameTests.Encode(AckFrameTests.RangesOf(a, data), b, flag ? new(a, b, c) : null),
    };
}
