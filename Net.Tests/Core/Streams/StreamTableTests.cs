using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class StreamTableTests
{
    private static readonly StreamId _first = new(0);

    /// <summary>Goal: bytes and FIN go there and back, every state is told, and at the end both tables are empty.</summary>
    [TestMethod]
    public void A_request_and_its_answer_leave_nothing_behind()
    {
        StreamPair pair = new();
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        byte[] request = StreamPair.Pattern(100_000);
        Assert.AreEqual(request.Length, pair.Client.Write(id, request, fin: true));
        Assert.AreEqual(WriteEndKind.Finishing, pair.Client.WriteState(id).Kind);
        pair.Settle();
        Assert.AreEqual(WriteEndKind.Finished, pair.Client.WriteState(id).Kind);
        CollectionAssert.AreEqual(new[] { StreamEventKind.Opened, StreamEventKind.Readable }, Kinds(pair.Server));
        CollectionAssert.AreEqual(request, StreamPair.ReadAll(pair.Server, id));
        Assert.AreEqual(ReadEndKind.Finished, pair.Server.ReadState(id).Kind);
        Assert.AreEqual(0, pair.Server.Write(id, default, fin: true));
        pair.Settle();
        Assert.AreEqual(ReadEndKind.Finished, pair.Client.ReadState(id).Kind);
        CollectionAssert.AreEqual(new[] { StreamEventKind.Finished, StreamEventKind.Closed }, Kinds(pair.Server));
        CollectionAssert.AreEqual(new[] { StreamEventKind.Finished, StreamEventKind.Closed }, Kinds(pair.Client));
        Assert.AreEqual((0, 0), (pair.Client.Count, pair.Server.Count));
        Assert.AreEqual((0L, 0L), (pair.Client.Rented, pair.Server.Rented));
        Assert.AreEqual(ReadEndKind.Closed, pair.Client.ReadState(id).Kind);
        Assert.AreEqual(WriteEndKind.Closed, pair.Server.WriteState(id).Kind);
    }

    /// <summary>Goal: a slow reader holds the writer back at the buffer's bound and the windows; reading lets it go on to the end.</summary>
    [TestMethod]
    public void A_slow_reader_holds_the_writer_back()
    {
        StreamOptions options = new() { StreamWindow = 10_000, ConnectionWindow = 15_000, SendBuffer = 20_000 };
        StreamPair pair = new(options);
        pair.Client.TryOpen(unidirectional: true, out StreamId id);
        byte[] data = StreamPair.Pattern(200_000);
        int written = pair.Client.Write(id, data, fin: true);
        Assert.AreEqual(20_000, written);
        List<byte> read = [];
        while (pair.Server.Count == 0 || pair.Server.ReadState(id).Kind == ReadEndKind.Open)
        {
            pair.Settle();
            Assert.IsLessThanOrEqualTo(10_000UL, pair.Server.Unread);
            read.AddRange(StreamPair.ReadAll(pair.Server, id));
            if (Kinds(pair.Client).Contains(StreamEventKind.Writable))
            {
                written += pair.Client.Write(id, data.AsSpan(written), fin: true);
            }
        }

        CollectionAssert.AreEqual(data, read);
    }

    /// <summary>Goal: no more streams than told may be opened, skipping to far numbers included, and closing too fast gains nothing (checklist S52).</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void S52_the_stream_limit_holds(bool unidirectional)
    {
        StreamOptions options = new() { MaxBidirectional = 10, MaxUnidirectional = 10 };
        foreach (ulong index in new ulong[] { 10, 11, 1UL << 59, (1UL << 60) - 1 })
        {
            StreamTable server = new(isServer: true, options);
            StreamId id = StreamId.Of(index, serverInitiated: false, unidirectional);
            Assert.AreEqual(TransportErrorCode.StreamLimitError, server.On(new StreamFrame(id, 0, "x"u8, false)).Code);
            Assert.AreEqual(0, server.Count);
        }

        StreamTable table = new(isServer: true, options);
        for (ulong index = 0; index < 10; index++)
        {
            StreamId id = StreamId.Of(index, serverInitiated: false, unidirectional);
            Assert.AreEqual(TransportError.None, table.On(new ResetStreamFrame(id, 7, 0)));
        }

        StreamId next = StreamId.Of(10, serverInitiated: false, unidirectional);
        Assert.AreEqual(TransportErrorCode.StreamLimitError, table.On(new ResetStreamFrame(next, 7, 0)).Code);
        Assert.IsFalse(table.HasFrames, "credit came back although nobody has dealt with the streams");
    }

    /// <summary>Goal: the peer gets a stream back only when the handler here has ended too, whatever it resets and stops (checklist S53).</summary>
    [TestMethod]
    public void A_reset_stream_counts_until_our_side_has_ended()
    {
        StreamOptions options = new() { MaxBidirectional = 1 };
        StreamPair pair = new(options);
        pair.Client.TryOpen(unidirectional: false, out StreamId id);
        pair.Client.Write(id, "GET"u8, fin: false);
        pair.Client.Reset(id, 1);
        pair.Client.StopSending(id, 2);
        pair.Settle();
        StreamEvent[] events = [.. StreamPair.Events(pair.Server)];
        CollectionAssert.AreEqual(
            new StreamEvent[] { new(StreamEventKind.Opened, id), new(StreamEventKind.ResetByPeer, id, 1), new(StreamEventKind.StoppedByPeer, id, 2) },
            events);
        Assert.AreEqual(new WriteEnd(WriteEndKind.Stopped, 2), pair.Server.WriteState(id));
        pair.Settle();
        Assert.IsFalse(pair.Client.TryOpen(unidirectional: false, out _));
        pair.Settle();
        Assert.AreEqual(1, pair.Server.Count);
        pair.Server.Reset(id, 3);
        Assert.AreEqual(0, pair.Server.Count);
        pair.Settle();
        Assert.AreEqual(StreamEventKind.StreamsAvailable, StreamPair.Events(pair.Client)[0].Kind);
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId second));
        Assert.AreEqual(new StreamId(4), second);
    }

    /// <summary>
    /// Goal: a stream whose two directions are done stays the peer's as long as something works for it, also across a move, so that resetting
    /// does not buy more of that (checklist S53, S54).
    /// </summary>
    [TestMethod]
    public void A_held_stream_is_given_back_when_it_is_let_go()
    {
        StreamPair pair = new(new() { MaxBidirectional = 1 });
        pair.Client.TryOpen(unidirectional: false, out StreamId id);
        pair.Client.Write(id, "GET"u8, fin: false);
        pair.Settle();
        pair.Server.SetHeld(id, true);
        pair.Client.Reset(id, 1);
        pair.Client.StopSending(id, 2);
        pair.Settle();
        StreamPair.Events(pair.Server);
        pair.Server.Reset(id, 3);
        pair.Settle();
        pair.Server = StreamPair.Move(pair.Server);
        pair.Settle();
        Assert.IsTrue(pair.Server.Exists(id));
        Assert.AreEqual(0L, pair.Server.Rented);
        Assert.IsFalse(pair.Client.TryOpen(unidirectional: false, out _));
        pair.Settle();
        pair.Server.SetHeld(id, false);
        Assert.AreEqual(0, pair.Server.Count);
        pair.Server.SetHeld(id, true);
        pair.Settle();
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId second));
        Assert.AreEqual(new StreamId(4), second);
    }

    /// <summary>Goal: a frame for a stream that is closed, before or after a move, opens nothing and is no error.</summary>
    [TestMethod]
    public void A_closed_stream_does_not_open_again()
    {
        StreamTable server = new(isServer: true, new());
        StreamId id = new(2);
        StreamFrame frame = new(id, 0, "bye"u8, true);
        Assert.AreEqual(TransportError.None, server.On(frame));
        StreamPair.ReadAll(server, id);
        Assert.AreEqual(ReadEndKind.Finished, server.ReadState(id).Kind);
        Assert.IsFalse(server.Exists(id));
        StreamTable moved = StreamPair.Move(server);
        Assert.AreEqual(TransportError.None, moved.On(frame));
        Assert.AreEqual(TransportError.None, moved.On(new ResetStreamFrame(id, 0, 3)));
        Assert.IsFalse(moved.Exists(id));
        Assert.AreEqual(0UL, moved.Unread);
        CollectionAssert.AreEqual(new[] { StreamEventKind.Opened, StreamEventKind.Closed }, Kinds(moved));
    }

    /// <summary>Goal: frames that a stream's kind or state forbids close the connection with STREAM_STATE_ERROR (RFC 9000, sections 19.4 to 19.13).</summary>
    [TestMethod]
    public void Frames_that_do_not_fit_the_stream_are_refused()
    {
        StreamTable server = new(isServer: true, new());
        server.OnPeerParameters(StreamPair.LimitsOf(new()));
        server.TryOpen(unidirectional: true, out StreamId ours);
        StreamId unopened = new(1), unopenedOneWay = new(7), theirs = new(2);
        TransportError[] errors =
        [
            server.On(new StreamFrame(ours, 0, "x"u8, false)),
            server.On(new ResetStreamFrame(ours, 0, 0)),
            server.On(new StreamDataBlockedFrame(ours, 0)),
            server.On(new StreamFrame(unopened, 0, "x"u8, false)),
            server.On(new MaxStreamDataFrame(unopened, 9)),
            server.On(new StopSendingFrame(unopened, 9)),
            server.On(new StopSendingFrame(unopenedOneWay, 9)),
            server.On(new StopSendingFrame(theirs, 9)),
            server.On(new MaxStreamDataFrame(theirs, 9)),
        ];
        foreach (TransportError error in errors)
        {
            Assert.AreEqual(TransportErrorCode.StreamStateError, error.Code);
        }

        Assert.AreEqual(1, server.Count);
        Assert.AreEqual(TransportError.None, server.On(new MaxStreamDataFrame(new(4), 9)));
        Assert.AreEqual(3, server.Count, "the stream and its predecessor are open");
    }

    /// <summary>Goal: offsets beyond the stream's or the connection's limit close with FLOW_CONTROL_ERROR at once, up to the largest (checklist S51).</summary>
    [TestMethod]
    public void S51_offsets_beyond_the_limits_are_refused()
    {
        StreamOptions options = new() { StreamWindow = 1000, ConnectionWindow = 1500 };
        foreach (ulong offset in new ulong[] { 1000, VarInt.MaxValue - 1 })
        {
            StreamTable server = new(isServer: true, options);
            Assert.AreEqual(TransportErrorCode.FlowControlError, server.On(new StreamFrame(_first, offset, "x"u8, false)).Code);
            Assert.AreEqual(TransportErrorCode.FlowControlError, server.On(new ResetStreamFrame(_first, 0, offset + 1)).Code);
            Assert.AreEqual(0L, server.Rented);
        }

        StreamTable table = new(isServer: true, options);
        Assert.AreEqual(TransportError.None, table.On(new StreamFrame(_first, 999, "x"u8, false)));
        Assert.AreEqual(TransportError.None, table.On(new StreamFrame(new(4), 499, "x"u8, false)));
        Assert.AreEqual(TransportErrorCode.FlowControlError, table.On(new StreamFrame(new(4), 500, "x"u8, false)).Code);
        Assert.AreEqual(TransportErrorCode.FlowControlError, table.On(new ResetStreamFrame(new(4), 0, 501)).Code);
    }

    /// <summary>Goal: what is sent far ahead raises no window; only what was read does (checklist S56).</summary>
    [TestMethod]
    public void S56_sparse_frames_raise_no_limit()
    {
        StreamOptions options = new() { StreamWindow = 100_000, ConnectionWindow = 1_000_000 };
        StreamTable server = new(isServer: true, options);
        for (ulong i = 0; i < 10; i++)
        {
            Assert.AreEqual(TransportError.None, server.On(new StreamFrame(new(4 * i), 99_999, "x"u8, false)));
        }

        Assert.IsFalse(server.HasFrames);
        Assert.IsLessThanOrEqualTo(4_000_000L, server.Rented);
        byte[] data = new byte[60_000];
        Assert.AreEqual(TransportError.None, server.On(new StreamFrame(_first, 0, data, false)));
        Assert.IsFalse(server.HasFrames);
        StreamPair.ReadAll(server, _first);
        Parcel parcel = StreamPair.Write(server);
        CollectionAssert.AreEqual(new SentFrame[] { new(SentFrameKind.MaxStreamData, 0, 160_000) }, parcel.Frames);
    }

    /// <summary>Goal: a second final size, bytes beyond it, or one below what came close with FINAL_SIZE_ERROR (checklist S57; RFC 9000, section 4.5).</summary>
    [TestMethod]
    public void S57_the_final_size_is_final()
    {
        static TransportErrorCode Second(Func<StreamTable, TransportError> second, bool reset = false)
        {
            StreamTable server = new(isServer: true, new());
            TransportError first = reset ? server.On(new ResetStreamFrame(_first, 1, 10)) : server.On(new StreamFrame(_first, 5, "56789"u8, true));
            Assert.AreEqual(TransportError.None, first);
            return second(server).Code;
        }

        foreach (bool reset in new[] { false, true })
        {
            Assert.AreEqual(TransportErrorCode.FinalSizeError, Second(s => s.On(new StreamFrame(_first, 10, "x"u8, false)), reset));
            Assert.AreEqual(TransportErrorCode.FinalSizeError, Second(s => s.On(new StreamFrame(_first, 11, default, true)), reset));
            Assert.AreEqual(TransportErrorCode.FinalSizeError, Second(s => s.On(new StreamFrame(_first, 0, "x"u8, true)), reset));
            Assert.AreEqual(TransportErrorCode.FinalSizeError, Second(s => s.On(new ResetStreamFrame(_first, 1, 9)), reset));
            Assert.AreEqual(TransportErrorCode.FinalSizeError, Second(s => s.On(new ResetStreamFrame(_first, 1, 11)), reset));
            Assert.AreEqual(TransportErrorCode.NoError, Second(s => s.On(new ResetStreamFrame(_first, 1, 10)), reset));
            Assert.AreEqual(TransportErrorCode.NoError, Second(s => s.On(new StreamFrame(_first, 9, "9"u8, true)), reset));
        }

        StreamTable table = new(isServer: true, new());
        table.On(new StreamFrame(_first, 5, "56789"u8, false));
        Assert.AreEqual(TransportErrorCode.FinalSizeError, table.On(new StreamFrame(_first, 0, "x"u8, true)).Code);
        Assert.AreEqual(TransportErrorCode.FinalSizeError, table.On(new ResetStreamFrame(_first, 0, 9)).Code);
    }

    /// <summary>Goal: the connection's window comes back in full after resets, stops and bytes that come after a stop (checklist S58).</summary>
    [TestMethod]
    public void S58_reset_and_stopped_streams_give_the_window_back()
    {
        StreamOptions options = new() { StreamWindow = 1000, ConnectionWindow = 1000, MaxUnidirectional = 1000 };
        StreamTable server = new(isServer: true, options);
        ulong told = 1000;
        for (ulong i = 0; i < 50; i++)
        {
            StreamId id = StreamId.Of(i, serverInitiated: false, unidirectional: true);
            Assert.AreEqual(TransportError.None, server.On(new StreamFrame(id, 300, new byte[300], false)));
            if (i % 2 == 0)
            {
                server.StopSending(id, 1);
                Assert.AreEqual(TransportError.None, server.On(new StreamFrame(id, 700, new byte[300], true)));
            }
            else
            {
                Assert.AreEqual(TransportError.None, server.On(new ResetStreamFrame(id, 1, 1000)));
            }

            StreamPair.Events(server);
            Assert.IsFalse(server.Exists(id));
            SentFrame max = StreamPair.Write(server).Frames.Single(frame => frame.Kind == SentFrameKind.MaxData);
            told += 1000;
            Assert.AreEqual(told, max.Offset);
        }

        Assert.AreEqual((0UL, 0L), (server.Unread, server.Rented));
    }

    /// <summary>Goal: a flood of *_BLOCKED frames is answered at most once per window, and only where there is something to tell (checklist S58).</summary>
    [TestMethod]
    public void S58_blocked_frames_are_answered_once()
    {
        StreamOptions options = new() { StreamWindow = 1000, ConnectionWindow = 1000, MaxBidirectional = 100 };
        StreamTable server = new(isServer: true, options);
        server.On(new StreamFrame(_first, 0, new byte[1000], false));
        int answers = 0;
        for (int i = 0; i < 400; i++)
        {
            server.Consume(_first, 1);
            for (ulong limit = 998; limit < 1500; limit += 50)
            {
                server.On(new DataBlockedFrame(limit));
                server.On(new StreamDataBlockedFrame(_first, limit));
                server.On(new StreamsBlockedFrame(false, limit));
                server.On(new StreamsBlockedFrame(true, limit));
            }

            answers += StreamPair.Write(server).Frames.Length;
        }

        Assert.AreEqual(2, answers, "one MAX_DATA and one MAX_STREAM_DATA");
    }

    /// <summary>Goal: we say once per limit that it holds us up, again only when that was lost, for data, stream and count of streams.</summary>
    [TestMethod]
    public void We_say_once_that_a_limit_holds_us_up()
    {
        StreamTable client = new(isServer: false, new());
        client.OnPeerParameters(new PeerStreamLimits(100, 0, 1000, 50, 1, 1));
        client.TryOpen(unidirectional: true, out StreamId small);
        client.TryOpen(unidirectional: false, out StreamId large);
        Assert.IsFalse(client.TryOpen(unidirectional: false, out _));
        client.Write(small, new byte[60], fin: false);
        client.Write(large, new byte[60], fin: false);
        List<SentFrame> frames = [];
        Parcel parcel = StreamPair.Write(client);
        frames.AddRange(parcel.Frames);
        Assert.IsFalse(client.HasFrames);
        client.Write(large, new byte[60], fin: false);
        Assert.IsFalse(client.HasFrames);
        SentFrameKind[] blocked = [SentFrameKind.StreamsBlocked, SentFrameKind.DataBlocked, SentFrameKind.StreamDataBlocked];
        foreach (SentFrameKind kind in blocked)
        {
            Assert.AreEqual(1, frames.Count(frame => frame.Kind == kind), $"{kind}");
        }

        StreamPair.Lose(client, parcel);
        parcel = StreamPair.Write(client);
        Assert.IsTrue(blocked.All(parcel.Carries));
        client.On(new MaxDataFrame(1000));
        client.On(new MaxStreamDataFrame(small, 1000));
        StreamPair.Lose(client, parcel);
        parcel = StreamPair.Write(client);
        Assert.IsFalse(parcel.Carries(SentFrameKind.DataBlocked) || parcel.Carries(SentFrameKind.StreamDataBlocked));
    }

    /// <summary>Goal: what is lost is sent first, then by urgency; streams of one urgency go one after the other, or in turns when incremental.</summary>
    [TestMethod]
    public void Streams_are_sent_by_urgency_and_in_turns()
    {
        StreamPair pair = new();
        StreamId[] ids = [.. Enumerable.Range(0, 4).Select(_ => pair.Client.TryOpen(false, out StreamId id) ? id : default)];
        foreach (StreamId id in ids)
        {
            pair.Client.Write(id, new byte[5000], fin: false);
        }

        pair.Client.SetPriority(ids[3], 0, incremental: false);
        pair.Client.SetPriority(ids[1], 5, incremental: true);
        pair.Client.SetPriority(ids[2], 5, incremental: true);
        List<ulong> order = [];
        Parcel first = StreamPair.Write(pair.Client);
        Assert.AreEqual(ids[3], first.Frames.Single().Stream);
        pair.Client = StreamPair.Move(pair.Client);
        StreamPair.Lose(pair.Client, first);
        while (pair.Client.HasFrames)
        {
            Parcel parcel = StreamPair.Write(pair.Client);
            order.AddRange(parcel.Frames.Select(frame => frame.Id));
            pair.Client = StreamPair.Move(pair.Client);
        }

        Assert.AreEqual(ids[3].Value, order[0]);
        List<ulong> changes = [.. order.Where((id, i) => i == 0 || order[i - 1] != id)];
        CollectionAssert.AreEqual(new ulong[] { 12, 0 }, changes[..2]);
        Assert.IsGreaterThan(6, changes.Count, "the last two take turns");
    }

    /// <summary>
    /// Goal (RFC 9218, section 10): streams of one urgency are sent in the order of their IDs, unidirectional ones first, in whatever order they were
    /// filled, across a move, and again when one that had run dry is filled behind others; incremental ones take turns behind them.
    /// </summary>
    [TestMethod]
    public void Streams_of_one_urgency_go_in_the_order_of_their_ids()
    {
        StreamPair pair = new();
        StreamId Open(bool unidirectional) => pair.Client.TryOpen(unidirectional, out StreamId id) ? id : default;
        StreamId first = Open(false), second = Open(false), third = Open(false), turns = Open(false), alsoTurns = Open(false), lone = Open(true), hurried = Open(false);
        StreamId[] whole = [third, first, lone, second];
        foreach (StreamId id in whole.Append(turns).Append(alsoTurns).Append(hurried))
        {
            pair.Client.SetPriority(id, id == hurried ? 2 : 5, incremental: id == turns || id == alsoTurns);
        }

        foreach (StreamId id in (StreamId[])[turns, alsoTurns, .. whole, hurried])
        {
            pair.Client.Write(id, new byte[3000], fin: false);
        }

        List<ulong> order = [];
        for (bool isAgain = false; pair.Client.HasFrames; isAgain = true)
        {
            if (!isAgain)
            {
                pair.Client = StreamPair.Move(pair.Client);
            }

            foreach (ulong id in StreamPair.Write(pair.Client).Frames.Select(frame => frame.Id))
            {
                order.Add(id);
                if (id == second.Value && !order[..^1].Contains(id))
                {
                    // It had run dry: now it comes before the second, which is under way.
                    pair.Client.Write(first, new byte[2000], fin: false);
                }
            }
        }

        ulong[] changes = [.. order.Where((id, i) => i == 0 || order[i - 1] != id)];
        CollectionAssert.AreEqual(
            new ulong[] { hurried.Value, lone.Value, first.Value, second.Value, first.Value, second.Value, third.Value }, changes[..7], string.Join(", ", changes));
        CollectionAssert.AreEqual(
            new ulong[] { turns.Value, alsoTurns.Value, turns.Value, alsoTurns.Value }, changes[7..11], string.Join(", ", changes));
    }

    /// <summary>Goal: with thousands of idle streams a packet is written without looking at them, and nothing is allocated.</summary>
    [TestMethod]
    [DoNotParallelize] // The shared array pool lets go of chunks while other tests collect garbage.
    public void Idle_streams_cost_nothing_and_nothing_is_allocated()
    {
        StreamOptions options = new() { MaxBidirectional = 5000, StreamWindow = 1 << 27, ConnectionWindow = 1 << 27 };
        StreamPair pair = new(options);
        StreamId id = default;
        for (int i = 0; i < 5000; i++)
        {
            Assert.IsTrue(pair.Client.TryOpen(false, out id));
        }

        byte[] data = new byte[10_000], payload = new byte[1200];
        SentFrameBuffer frames = new();
        int frameCount = 0;
        long Cycle(int rounds)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < rounds; i++)
            {
                pair.Client.Write(id, data, fin: false);
                while (pair.Client.HasFrames)
                {
                    frames.Clear();
                    PacketBuilder builder = new(payload, frames);
                    pair.Client.WriteFrames(ref builder);
                    foreach (SentFrame frame in frames.Frames)
                    {
                        frameCount++;
                        pair.Client.OnAcked(frame);
                    }

                    ByteReader reader = new(payload.AsSpan(0, builder.Writer.Position));
                    while (reader.TryReadVarInt(out ulong type) && StreamFrame.TryRead((FrameType)type, ref reader, out StreamFrame f))
                    {
                        pair.Server.On(f);
                        pair.Server.Consume(f.Id, pair.Server.Peek(f.Id).Length);
                    }
                }
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Cycle(20);
        frameCount = 0;
        long allocated = Cycle(500);
        Assert.IsGreaterThan(4000, frameCount);
        Assert.IsLessThan(frameCount, allocated, $"{allocated} bytes for {frameCount} frames");
    }

    /// <summary>Goal: who begins anew after a move hears of unread bytes, room, resets and stops although the events were taken before.</summary>
    [TestMethod]
    public void A_successor_is_reminded_of_what_is_there()
    {
        StreamPair pair = new();
        pair.Client.TryOpen(unidirectional: false, out StreamId first);
        pair.Client.TryOpen(unidirectional: false, out StreamId second);
        pair.Client.Write(first, "unread"u8, fin: false);
        pair.Client.StopSending(second, 8);
        pair.Settle();
        StreamPair.Events(pair.Server);
        StreamTable moved = StreamPair.Move(pair.Server);
        Assert.IsEmpty(StreamPair.Events(moved));
        moved.Remind();
        CollectionAssert.AreEquivalent(
            new StreamEvent[] { new(StreamEventKind.Readable, first), new(StreamEventKind.Writable, first), new(StreamEventKind.StoppedByPeer, second, 8) },
            StreamPair.Events(moved));
    }

    private static StreamEventKind[] Kinds(StreamTable table) => [.. StreamPair.Events(table).Select(e => e.Kind)];
}
