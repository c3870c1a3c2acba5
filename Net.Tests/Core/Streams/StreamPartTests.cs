using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Wire;
using Net.Tests.Core.Recovery;

namespace Net.Tests.Core.Streams;

/// <summary>Each part is written, read and written again with every field away from its default, and refuses what contradicts itself.</summary>
[TestClass]
public sealed class StreamPartTests
{
    private static readonly StreamId _id = new(0);

    [TestMethod]
    public void Credit_travels()
    {
        Credit credit = new(1000);
        credit.OnMaxData(77);
        Assert.IsTrue(credit.TryReceive(900));
        credit.Return(10);
        credit.OnDataBlocked(1000);
        Assert.IsTrue(credit.TellsLimit);
        credit.OnLimitTold();
        credit.Return(600);
        credit.Spend(77);
        credit.NoteBlocked();
        Assert.IsTrue(credit.TellsLimit && credit.TellsBlocked);
        Credit moved = Move(credit);
        Assert.AreEqual((900UL, 610UL, 1010UL, 77UL, 0UL), (moved.Received, moved.Returned, moved.Told, moved.Sent, moved.Available));
        Assert.AreEqual((1610UL, 77UL, true, true), (moved.Limit, moved.BlockedLimit, moved.TellsLimit, moved.TellsBlocked));
        // This one is sound: so each of the others is refused for the one number that differs.
        _ = Credit.Import(new(new byte[] { 100, 10, 110, 0, 0, 100, 77, 0, 0, 77, 0, 1 }, default));
        // Received 111 of 110 told; sent 78 of 77.
        Refused<Credit>([100, 10, 110, 0, 0, 111, 77, 0, 0, 77, 0, 1]);
        Refused<Credit>([100, 10, 110, 0, 0, 100, 77, 0, 0, 78, 0, 1]);
        Refused<Credit>([100, 10, 111, 0, 0, 100, 77, 0, 0, 77, 0, 1]);
        Refused<Credit>([100, 10, 110, 0, 0, 9, 77, 0, 0, 77, 0, 1]);
        Refused<Credit>([100, 10, 110, 0, 0, 100, 77, 5, 1, 77, 0, 1]);
    }

    [TestMethod]
    public void Stream_limits_travel()
    {
        StreamLimits limits = new(10, 3);
        foreach (bool unidirectional in new[] { false, true })
        {
            ulong factor = unidirectional ? 1UL : 2;
            limits.OnMaxStreams(unidirectional, factor);
            for (ulong i = 0; i < factor; i++)
            {
                Assert.IsTrue(limits.TryOpen(unidirectional, out _));
            }

            Assert.IsFalse(limits.TryOpen(unidirectional, out _));
            Assert.IsTrue(limits.TryOpenByPeer(unidirectional, 3));
            limits.OnClosed(unidirectional);
            limits.OnStreamsBlocked(unidirectional, 10);
            Assert.IsTrue(limits.TellsLimit(unidirectional) && limits.TellsBlocked(unidirectional));
        }

        StreamLimits moved = Move(limits);
        Assert.AreEqual((3UL, 2UL, 2UL, 11UL), (moved.OpenedByPeer(false), moved.OpenedByUs(false), moved.PeerOpen(false), moved.Limit(false)));
        Assert.AreEqual((3UL, 1UL, 2UL, 4UL), (moved.OpenedByPeer(true), moved.OpenedByUs(true), moved.PeerOpen(true), moved.Limit(true)));
        Assert.IsFalse(moved.TryTakeAvailable(false));
        moved.OnMaxStreams(false, 3);
        Assert.IsTrue(moved.TryTakeAvailable(false));
        // Opened by the peer beyond what it was told; by us beyond what we were told.
        Refused<StreamLimits>([3, 0, 3, 0, 0, 4, 0, 0, 0, 0, 0, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
        Refused<StreamLimits>([3, 0, 3, 0, 0, 3, 1, 0, 0, 2, 0, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    [TestMethod]
    public void A_sending_stream_travels()
    {
        SendStream stream = new(limit: 5000, bound: 6000);
        Credit credit = new(0);
        credit.OnMaxData(1 << 20);
        Assert.AreEqual(6000, stream.Write(new byte[7000], fin: false));
        SentFrame[] frames = [.. Enumerable.Range(0, 5).Select(_ => Write(stream, credit, 1000))];
        stream.OnAcked(frames[0].Offset, frames[0].Length, false);
        stream.OnAcked(frames[2].Offset, frames[2].Length, false);
        stream.OnLost(frames[3].Offset, frames[3].Length, false);
        Write(stream, credit, 300);
        Write(stream, credit, 1000);
        Write(stream, credit, 1000);
        Assert.IsTrue(stream.TellsBlocked, "buffer, gaps, losses, wish for room and the limit are set");
        stream.OnMaxStreamData(6000);
        SendStream moved = Move(stream);
        Assert.AreEqual((stream.Sent, stream.Held, stream.Need), (moved.Sent, moved.Held, moved.Need));

        // FIN, with its flags.
        while (moved.Need != SendNeed.Nothing)
        {
            Write(moved, credit, 1200);
        }

        Assert.IsTrue(moved.OnAcked(0, 4000, false), "the wish for room was kept");
        moved.Write("end"u8, fin: true);
        moved.OnMaxStreamData(10_000);
        SentFrame last = Write(moved, credit, 1200);
        Assert.IsTrue(last.Fin);
        moved.OnAcked(last.Offset, last.Length, fin: true);
        moved = Move(moved);
        Assert.AreEqual(WriteEndKind.Finishing, moved.End.Kind);
        moved.OnAcked(4000, 3000, fin: false);
        Assert.IsTrue(Move(moved).IsDone);

        // Stopped, then let go.
        SendStream stopped = new(100, 100);
        stopped.Write(new byte[10], fin: false);
        Write(stopped, credit, 1200);
        Assert.IsTrue(stopped.OnStopSending(99));
        stopped = Move(stopped);
        Assert.AreEqual((true, 99UL, 10UL), (stopped.TellsReset, stopped.ResetCode, stopped.Sent));
        stopped.OnResetTold();
        stopped = Move(stopped);
        stopped.OnResetLost();
        Assert.IsTrue(stopped.TellsReset);
        stopped.OnResetTold();
        stopped.OnResetAcked();
        Assert.AreEqual((new WriteEnd(WriteEndKind.Stopped, 99), true, false), (stopped.End, stopped.IsComplete, stopped.IsDone));
        stopped = Move(stopped);
        stopped.Reset(5);
        Assert.IsTrue(Move(stopped).IsDone);
        // Sent beyond the limit; FIN acknowledged that was never written; a reset that nobody asked for.
        Refused<SendStream>([0, 1, 0, 0, 0, 1, 65, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Refused<SendStream>([0, 0, 0, 0, 0, 5, 0, 0, 9, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        Refused<SendStream>([0, 0, 0, 0, 0, 5, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
        // A byte that is lost and acknowledged.
        Refused<SendStream>([0, 3, 0, 1, 1, 1, 1, 1, 1, 3, 65, 66, 67, 5, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    [TestMethod]
    public void A_receiving_stream_travels()
    {
        Credit credit = new(100_000);
        ReceiveStream stream = new(1000);
        stream.OnStream(new StreamFrame(_id, 0, new byte[600], false), credit, out _);
        stream.Consume(20, credit);
        stream.OnStreamDataBlocked(1000);
        Assert.IsTrue(stream.TellsLimit);
        stream.OnLimitTold();
        stream.Consume(530, credit);
        stream.OnStream(new StreamFrame(_id, 700, "gap"u8, false), credit, out bool isNews);
        Assert.IsFalse(isNews);
        ReceiveStream moved = Move(stream);
        Assert.AreEqual((703UL, 1020UL, 1550UL, 50UL, true), (moved.Highest, moved.Told, moved.Limit, moved.Readable, moved.TellsLimit));
        moved.OnStream(new StreamFrame(_id, 703, default, true), credit, out _);
        moved.OnStream(new StreamFrame(_id, 600, new byte[100], false), credit, out isNews);
        moved = Move(moved);
        moved.Consume(153, credit);
        Assert.AreEqual(ReadEndKind.Finished, moved.SeeEnd().Kind);
        Assert.IsTrue(Move(moved).IsDone);

        stream.StopSending(44, credit);
        stream = Move(stream);
        Assert.AreEqual((true, 44UL), (stream.TellsStop, stream.StopCode));
        stream.OnStopTold();
        stream.OnStopLost();
        Assert.IsTrue(stream.TellsStop);
        stream.OnStopTold();
        stream.OnStopAcked();
        stream = Move(stream);
        stream.OnResetStream(new ResetStreamFrame(_id, 55, 1000), credit, out _);
        stream = Move(stream);
        Assert.AreEqual((true, 55UL, true, 1000UL), (stream.IsReset, stream.ResetCode, stream.IsDone, stream.Returned));
        Assert.AreEqual(new ReadEnd(ReadEndKind.Reset, 55), stream.SeeEnd());
        Move(stream);
        _ = ReceiveStream.Import(new(new byte[] { 5, 0, 5, 0, 0, 0, 0, 3, 1, 3, 0, 0, 0, 0, 0, 0, 1 }, default));
        // Received beyond the limit; a final size below what came; an end seen before it was there.
        Refused<ReceiveStream>([5, 0, 5, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        Refused<ReceiveStream>([5, 0, 5, 0, 0, 0, 0, 3, 1, 2, 0, 0, 0, 0, 0, 0, 1]);
        Refused<ReceiveStream>([5, 0, 5, 0, 0, 0, 0, 3, 1, 3, 0, 0, 0, 0, 1, 0, 1]);
    }

    /// <summary>Goal: a part that has changed says so, one that has not stays silent, and what is closed is not listed.</summary>
    [TestMethod]
    public void Changes_point_to_what_is_new()
    {
        StreamPair pair = new();
        pair.Client.TryOpen(false, out StreamId quiet);
        pair.Client.TryOpen(false, out StreamId busy);
        pair.Client.Write(quiet, "x"u8, false);
        pair.Client.Write(busy, "x"u8, false);
        pair.Settle();
        Dictionary<(ulong, ulong), (ulong Changes, byte[] Body)> before = Listed(pair.Server);
        pair.Client.Write(busy, "y"u8, true);
        pair.Settle();
        foreach ((var key, (ulong changes, byte[] body)) in Listed(pair.Server))
        {
            bool isSame = before[key].Body.AsSpan().SequenceEqual(body);
            Assert.IsTrue(isSame || changes > before[key].Changes, $"{key} changed in silence");
            Assert.IsFalse(key.Item2 == quiet.Value && key.Item1 == ReceiveStream.Section && changes != before[key].Changes);
        }

        pair.Server.StopSending(busy, 0);
        pair.Server.Reset(busy, 0);
        pair.Settle();
        var after = Listed(pair.Server);
        Assert.IsFalse(after.ContainsKey((SendStream.Section, busy.Value)));
        // A copy made ahead, completed by what changed: the closed stream's old section is not asked for.
        foreach ((var key, (ulong changes, byte[] body)) in after)
        {
            before[key] = (changes, body);
        }

        StreamTable moved = StreamPair.Import(before.ToDictionary(pair => pair.Key, pair => pair.Value.Body));
        Assert.IsTrue(moved.Exists(quiet));
        Assert.IsFalse(moved.Exists(busy));
    }

    /// <summary>Goal: a table whose sections are missing, cut or contradict each other is refused, never half applied.</summary>
    [TestMethod]
    public void A_broken_table_is_refused()
    {
        StreamPair pair = new();
        pair.Client.TryOpen(false, out StreamId id);
        pair.Client.Write(id, "hello"u8, true);
        pair.Settle();
        Dictionary<(ulong, ulong), byte[]> sections = StreamPair.Export(pair.Server);
        foreach ((var key, byte[] body) in sections)
        {
            for (int length = -1; length < body.Length; length++)
            {
                Dictionary<(ulong, ulong), byte[]> broken = new(sections);
                broken.Remove(key);
                if (length >= 0)
                {
                    broken.Add(key, body[..length]);
                }

                Assert.ThrowsExactly<SnapshotException>(() => StreamPair.Import(broken));
            }

            Assert.ThrowsExactly<SnapshotException>(() => StreamPair.Import(new(sections) { [key] = [.. body, 0] }));
        }

        Assert.ThrowsExactly<SnapshotException>(() => StreamPair.Import(new(sections)
        {
            [(Credit.Section, 0)] = StreamPair.Body(new StreamTable(true, new()).Parts.First()),
        }));
    }

    /// <summary>Goal: random bytes and flipped bits give a table or a SnapshotException, nothing else.</summary>
    [TestMethod]
    public void Damaged_snapshots_never_do_worse_than_being_refused()
    {
        StreamPair pair = new();
        pair.Client.TryOpen(false, out StreamId id);
        pair.Client.Write(id, StreamPair.Pattern(3000), false);
        StreamPair.Deliver(pair.Server, StreamPair.Write(pair.Client));
        pair.Server.Write(id, StreamPair.Pattern(3000), true);
        Parcel lost = StreamPair.Write(pair.Server);
        StreamPair.Lose(pair.Server, lost);
        Dictionary<(ulong, ulong), byte[]> sections = StreamPair.Export(pair.Server);
        Random random = new(5);
        (ulong, ulong)[] keys = [.. sections.Keys];
        int refused = 0;
        for (int i = 0; i < 3000; i++)
        {
            var key = keys[random.Next(keys.Length)];
            byte[] body = [.. sections[key]];
            body[random.Next(2) == 0 ? random.Next(body.Length) : random.Next(int.Min(30, body.Length))] ^= (byte)(1 << random.Next(8));
            try
            {
                StreamPair.Import(new(sections) { [key] = body }).Release();
            }
            catch (SnapshotException)
            {
                refused++;
            }
        }

        Assert.IsGreaterThan(500, refused);
    }

    private static Dictionary<(ulong, ulong), (ulong Changes, byte[] Body)> Listed(StreamTable table) =>
        table.Parts.ToDictionary(part => (part.Section, part.Key), part => (part.Changes, StreamPair.Body(part)));

    private static SentFrame Write(SendStream stream, Credit credit, int size)
    {
        SentFrameBuffer frames = new();
        PacketBuilder builder = new(new byte[size], frames);
        Assert.IsTrue(stream.TryWriteFrame(ref builder, _id, credit));
        return frames.Frames[0];
    }

    private static TPart Move<TPart>(TPart part) where TPart : IPart<TPart> => PartAssert.RoundTrip(part, default, default);

    private static void Refused<TPart>(byte[] bytes) where TPart : IPart<TPart> =>
        Assert.ThrowsExactly<SnapshotException>(() => TPart.Import(new(bytes, default)));
}
