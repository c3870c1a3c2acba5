using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class ReceiveBufferTests
{
    /// <summary>Goal: pieces of a stream in any order, cut anyhow, doubled and overlapping, with moves in between, are read as the stream that was sent.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    public void Any_order_any_cut_any_move_gives_the_same_bytes(int seed)
    {
        const int window = 100_000;
        Random random = new(seed);
        byte[] sent = StreamPair.Pattern(600_000, seed);
        ReceiveBuffer buffer = new();
        int read = 0;
        for (int i = 0; read < sent.Length; i++)
        {
            // The first unread byte is sent again now and then, so that it ends.
            int start = i % 7 == 0 ? (int)buffer.Contiguous : int.Min(sent.Length, read + random.Next(window));
            int end = int.Min(int.Min(sent.Length, read + window), start + random.Next(random.Next(20) == 0 ? 40_000 : 3000));
            buffer.Write((ulong)start, sent.AsSpan(start, int.Max(0, end - start)));
            if (random.Next(3) == 0)
            {
                ReadOnlySpan<byte> piece = buffer.Peek();
                piece = piece[..random.Next(piece.Length + 1)];
                Assert.IsTrue(piece.SequenceEqual(sent.AsSpan(read, piece.Length)), $"other bytes at {read}");
                read += piece.Length;
                buffer.Consume(piece.Length);
            }

            if (random.Next(50) == 0)
            {
                buffer = Move(buffer);
            }
        }

        Assert.AreEqual(0, buffer.Rented, "memory is held for nothing");
    }

    /// <summary>Goal: of bytes that arrive twice and differ the first win, byte by byte (checklist S57).</summary>
    [TestMethod]
    public void S57_first_bytes_win()
    {
        ReceiveBuffer buffer = new();
        buffer.Write(4, "eFgh"u8);
        buffer.Write(2, "cdXXXXij"u8);
        buffer.Write(0, "abYYYY"u8);
        buffer.Write(0, "ZZZZZZZZZZ"u8);
        Assert.AreEqual("abcdeFghij", System.Text.Encoding.ASCII.GetString(buffer.Peek()));
    }

    /// <summary>Goal: a window of 1 MiB in single bytes, the even ones first, costs no more than four windows and time linear in the bytes (checklist S55).</summary>
    [TestMethod]
    [Timeout(20_000)]
    public void S55_single_bytes_with_gaps_cost_little()
    {
        const int window = 1 << 20;
        byte[] sent = StreamPair.Pattern(window);
        ReceiveBuffer buffer = new();
        for (int first = 0; first < 2; first++)
        {
            for (int i = 2 - first * 2 + first; i < window; i += 2)
            {
                buffer.Write((ulong)i, sent.AsSpan(i, 1));
            }

            Assert.IsLessThanOrEqualTo(4L * window, buffer.Rented);
        }

        Assert.AreEqual(0UL, buffer.Contiguous);
        buffer.Write(0, sent.AsSpan(0, 1));
        Assert.AreEqual((ulong)window, buffer.Contiguous);
        Assert.IsTrue(Drain(buffer).AsSpan().SequenceEqual(sent));
        Assert.AreEqual(0, buffer.Rented);
    }

    /// <summary>Goal: a snapshot cut short, with empty pieces or pieces beyond any window is refused.</summary>
    [TestMethod]
    public void It_distrusts_a_snapshot()
    {
        ReceiveBuffer buffer = new();
        buffer.Write(0, new byte[100]);
        buffer.Consume(60);
        buffer.Write(120, new byte[10]);
        byte[] good = Written(buffer);
        for (int length = 0; length < good.Length; length++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => ReceiveBuffer.Import(new(good.AsMemory(0, length), default)));
        }

        Assert.ThrowsExactly<SnapshotException>(() => ReceiveBuffer.Import(new(new byte[] { 0, 1, 0, 0 }, default)));
        // 2^28 away, then one byte.
        Assert.ThrowsExactly<SnapshotException>(() => ReceiveBuffer.Import(new(new byte[] { 0, 0x80, 0x80, 0x80, 0x80, 1, 1, 9, 2, 1, 9, 0 }, default)));
    }

    private static byte[] Drain(ReceiveBuffer buffer)
    {
        List<byte> all = [];
        while (buffer.Readable > 0)
        {
            all.AddRange(buffer.Peek());
            buffer.Consume(buffer.Peek().Length);
        }

        return [.. all];
    }

    private static ReceiveBuffer Move(ReceiveBuffer buffer)
    {
        byte[] written = Written(buffer);
        SnapshotReader reader = new(written, default);
        ReceiveBuffer moved = ReceiveBuffer.Import(reader);
        reader.End();
        CollectionAssert.AreEqual(written, Written(moved));
        Assert.AreEqual((buffer.Consumed, buffer.Contiguous, buffer.Highest), (moved.Consumed, moved.Contiguous, moved.Highest));
        return moved;
    }

    private static byte[] Written(ReceiveBuffer buffer)
    {
        SnapshotWriter writer = new(default);
        buffer.Export(writer);
        return writer.Written.ToArray();
    }
}
