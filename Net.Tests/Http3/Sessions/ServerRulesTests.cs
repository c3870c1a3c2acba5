using Net.Core.Streams;
using Net.Core.Wire;
using Net.Http3.Server;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Sessions;

/// <summary>What a client may not send, each with its error code, whole and byte by byte.</summary>
[TestClass]
public sealed class ServerRulesTests
{
    private static readonly byte[] s_connect = Frames.Headers((":method", "CONNECT"), (":authority", "a.test:443"));

    public static IEnumerable<object[]> ConnectionErrors =>
    [
        // Control stream (S66).
        ["a frame before SETTINGS", true, new byte[] { 0, 7, 1, 0 }, Http3ErrorCode.MissingSettings],
        ["GREASE before SETTINGS", true, new byte[] { 0, 0x21, 0 }, Http3ErrorCode.MissingSettings],
        ["SETTINGS twice", true, Frames.Control(4, 0), Http3ErrorCode.FrameUnexpected],
        ["DATA on control", true, Frames.Control(0, 0), Http3ErrorCode.FrameUnexpected],
        ["HEADERS on control", true, Frames.Control(1, 0), Http3ErrorCode.FrameUnexpected],
        ["PUSH_PROMISE on control", true, Frames.Control(5, 1, 0), Http3ErrorCode.FrameUnexpected],
        ["PRIORITY of HTTP/2", true, Frames.Control(2, 0), Http3ErrorCode.FrameUnexpected],
        ["PING of HTTP/2", true, Frames.Control(6, 0), Http3ErrorCode.FrameUnexpected],
        ["WINDOW_UPDATE of HTTP/2", true, Frames.Control(8, 0), Http3ErrorCode.FrameUnexpected],
        ["CONTINUATION of HTTP/2", true, Frames.Control(9, 0), Http3ErrorCode.FrameUnexpected],
        ["GOAWAY with two integers", true, Frames.Control(7, 2, 0, 0), Http3ErrorCode.FrameError],
        ["GOAWAY without one", true, Frames.Control(7, 0), Http3ErrorCode.FrameError],
        ["GOAWAY of 9 bytes", true, Frames.Control(7, 9), Http3ErrorCode.FrameError],
        ["GOAWAY that grows", true, Frames.Control(7, 1, 4, 7, 1, 5), Http3ErrorCode.IdError],
        ["MAX_PUSH_ID that shrinks", true, Frames.Control(13, 1, 4, 13, 1, 3), Http3ErrorCode.IdError],
        ["MAX_PUSH_ID cut", true, Frames.Control(13, 1, 0x40), Http3ErrorCode.FrameError],
        ["CANCEL_PUSH of nothing", true, Frames.Control(3, 1, 0), Http3ErrorCode.IdError],
        ["SETTINGS cut", true, new byte[] { 0, 4, 1, 6 }, Http3ErrorCode.FrameError],
        ["a setting of HTTP/2", true, new byte[] { 0, 4, 2, 2, 0 }, Http3ErrorCode.SettingsError],
        ["a setting twice", true, new byte[] { 0, 4, 4, 6, 1, 6, 1 }, Http3ErrorCode.SettingsError],
        ["extended CONNECT = 2", true, new byte[] { 0, 4, 2, 8, 2 }, Http3ErrorCode.SettingsError],
        ["datagrams = 2", true, new byte[] { 0, 4, 2, 0x33, 2 }, Http3ErrorCode.SettingsError],
        ["SETTINGS without end", true, new byte[] { 0, 4, 0x7F, 0xFF }, Http3ErrorCode.ExcessiveLoad],
        ["push from a client", true, new byte[] { 1, 0 }, Http3ErrorCode.StreamCreationError],
        ["bad encoder instruction", true, new byte[] { 2, 0x00 }, Http3ErrorCode.QpackEncoderStreamError],
        ["bad decoder instruction", true, new byte[] { 3, 0x80 }, Http3ErrorCode.QpackDecoderStreamError],
        // Request streams.
        ["DATA before HEADERS", false, Frames.Data(1), Http3ErrorCode.FrameUnexpected],
        ["SETTINGS on a request", false, Frames.Frame(Http3FrameType.Settings), Http3ErrorCode.FrameUnexpected],
        ["GOAWAY on a request", false, Frames.Frame(Http3FrameType.GoAway, 0), Http3ErrorCode.FrameUnexpected],
        ["CANCEL_PUSH on a request", false, Frames.Frame(Http3FrameType.CancelPush, 0), Http3ErrorCode.FrameUnexpected],
        ["MAX_PUSH_ID on a request", false, Frames.Frame(Http3FrameType.MaxPushId, 0), Http3ErrorCode.FrameUnexpected],
        ["PUSH_PROMISE from a client", false, Frames.Frame(Http3FrameType.PushPromise, 0), Http3ErrorCode.FrameUnexpected],
        ["PING of HTTP/2 on a request", false, Frames.Frame(Http3FrameType.Http2Ping), Http3ErrorCode.FrameUnexpected],
        ["QPACK garbage", false, Frames.Frame(Http3FrameType.Headers, 0, 0, 9), Http3ErrorCode.QpackDecompressionFailed],
        ["an empty HEADERS", false, Frames.Frame(Http3FrameType.Headers), Http3ErrorCode.QpackDecompressionFailed],
        ["HEADERS behind trailers", false, (byte[])[.. Frames.Request(), .. Frames.Headers(("a", "b")), .. Frames.Headers(("a", "b"))], Http3ErrorCode.FrameUnexpected],
        ["DATA behind trailers", false, (byte[])[.. Frames.Request(), .. Frames.Headers(("a", "b")), .. Frames.Data(1)], Http3ErrorCode.FrameUnexpected],
        ["trailers of a CONNECT", false, (byte[])[.. s_connect, .. Frames.Data(1), .. Frames.Headers(("a", "b"))], Http3ErrorCode.FrameUnexpected],
        ["CANCEL_PUSH without an ID", true, Frames.Control(3, 0), Http3ErrorCode.FrameError],
        ["MAX_PUSH_ID with two integers", true, Frames.Control(13, 2, 0, 0), Http3ErrorCode.FrameError],
        ["CONTINUATION of HTTP/2 on a request", false, (byte[])[.. Frames.Request(), .. Frames.Frame(Http3FrameType.Http2Continuation)], Http3ErrorCode.FrameUnexpected],
        ["SETTINGS behind a request", false, (byte[])[.. Frames.Request(), .. Frames.Frame(Http3FrameType.Settings)], Http3ErrorCode.FrameUnexpected],
        ["end inside a frame's head", false, (byte[])[.. Frames.Request(), 0x00], Http3ErrorCode.FrameError],
        ["end inside DATA", false, (byte[])[.. Frames.Request(), 0x00, 5, 1, 2], Http3ErrorCode.FrameError],
        ["end inside HEADERS", false, Frames.Request()[..^1], Http3ErrorCode.FrameError],
        ["end inside an unknown frame", false, (byte[])[.. Frames.Request(), 0x21, 5], Http3ErrorCode.FrameError],
    ];

    /// <summary>Goal: each of these closes the connection with the code of the RFC, however the bytes are cut.</summary>
    [TestMethod]
    [DynamicData(nameof(ConnectionErrors))]
    public void Connection_errors(string what, bool unidirectional, byte[] bytes, Http3ErrorCode code)
    {
        foreach (int pieces in (int[])[int.MaxValue, 1])
        {
            FakeLink link = new();
            Http3Session server = Serve(link);
            link.Client.Send(unidirectional, bytes, fin: !unidirectional);
            Drain(link, server, pieces);
            Assert.AreEqual(code, server.Error.Code, what);
            Assert.AreEqual((ulong)code, link.Server.Closed);
        }
    }

    public static IEnumerable<object[]> StreamErrors =>
    [
        ["nothing", Array.Empty<byte>(), Http3ErrorCode.RequestIncomplete],
        ["only an unknown frame", new byte[] { 0x21, 1, 7 }, Http3ErrorCode.RequestIncomplete],
        ["malformed", Frames.Request("G T"), Http3ErrorCode.MessageError],
        ["less body than announced", (byte[])[.. Frames.Request("POST", ("content-length", "3")), .. Frames.Data(1, 2)], Http3ErrorCode.MessageError],
        ["no body, announced", Frames.Request("POST", ("content-length", "3")), Http3ErrorCode.MessageError],
        ["more body than announced", (byte[])[.. Frames.Request("POST", ("content-length", "1")), .. Frames.Data(1, 2)], Http3ErrorCode.MessageError],
        ["more body in a second frame", (byte[])[.. Frames.Request("POST", ("content-length", "1")), .. Frames.Data(1), .. Frames.Data(2)], Http3ErrorCode.MessageError],
        ["two requests", (byte[])[.. Frames.Request(), .. Frames.Request()], Http3ErrorCode.MessageError],
        ["a CONNECT with a path", Frames.Request("CONNECT"), Http3ErrorCode.MessageError],
        ["a connection-specific trailer", (byte[])[.. Frames.Request(), .. Frames.Headers(("connection", "close"))], Http3ErrorCode.MessageError],
        ["upper case in trailers", (byte[])[.. Frames.Request(), .. Frames.Headers(("A", "b"))], Http3ErrorCode.MessageError],
        ["pseudo-header in trailers", (byte[])[.. Frames.Request(), .. Frames.Headers((":path", "/"))], Http3ErrorCode.MessageError],
    ];

    /// <summary>Goal: each of these resets the one stream with the code of the RFC; the connection lives.</summary>
    [TestMethod]
    [DynamicData(nameof(StreamErrors))]
    public void Stream_errors(string what, byte[] bytes, Http3ErrorCode code)
    {
        foreach (int pieces in (int[])[int.MaxValue, 1])
        {
            FakeLink link = new();
            Http3Session server = Serve(link);
            StreamId id = link.Client.Send(unidirectional: false, bytes, fin: true);
            Drain(link, server, pieces);
            Assert.IsFalse(server.Error.IsError, what);
            Assert.AreEqual((ulong)code, link.Server.Sending[id].ResetCode, what);
            Assert.IsEmpty(server.Requests);
        }
    }

    /// <summary>Goal: closing or resetting a critical stream, or a second one, ends the connection (S66).</summary>
    [TestMethod]
    [DataRow(0, DisplayName = "control")]
    [DataRow(2, DisplayName = "encoder")]
    [DataRow(3, DisplayName = "decoder")]
    public void Critical_streams_stay_open_and_single(int type)
    {
        byte[] bytes = type == 0 ? Frames.Control() : [(byte)type];
        foreach (string how in (string[])["fin", "reset", "second"])
        {
            FakeLink link = new();
            Http3Session server = Serve(link);
            StreamId id = link.Client.Send(unidirectional: true, bytes, fin: how == "fin");
            Drain(link, server);
            if (how == "reset")
            {
                link.Client.Reset(id, 7);
            }
            else if (how == "second")
            {
                link.Client.Send(unidirectional: true, bytes);
            }

            Drain(link, server);
            Assert.AreEqual(how == "second" ? Http3ErrorCode.StreamCreationError : Http3ErrorCode.ClosedCriticalStream, server.Error.Code, how);
        }
    }

    /// <summary>Goal: a stream that ends, or is reset, before it has said what it is, is no error (section 6.2).</summary>
    [TestMethod]
    [DataRow(false, DisplayName = "ended")]
    [DataRow(true, DisplayName = "reset")]
    public void A_stream_may_end_inside_its_type(bool reset)
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        StreamId id = link.Client.Send(unidirectional: true, [0x40], fin: !reset), empty = link.Client.Send(unidirectional: true, [], fin: !reset);
        Drain(link, server);
        if (reset)
        {
            link.Client.Reset(id, 7);
            link.Client.Reset(empty, 7);
            Drain(link, server);
        }

        Assert.IsFalse(server.Error.IsError);
        Assert.IsEmpty(server.Streams);
    }

    /// <summary>Goal: requests have as many streams, and what is not a request as many and as much credit, as sections 6.1 and 6.2 ask for, at either end.</summary>
    [TestMethod]
    public void Limits_of_streams_are_no_smaller_than_the_protocol_needs()
    {
        Assert.IsGreaterThanOrEqualTo(100, new Http3ServerLimits().MaxConcurrentRequests);
        Assert.IsGreaterThanOrEqualTo(3UL, new StreamOptions().MaxUnidirectional);
        Assert.IsGreaterThanOrEqualTo(1024UL, new StreamOptions().UnidirectionalWindow);
    }

    /// <summary>Goal: STOP_SENDING on a stream that we need ends the connection (S66; RFC 9204, section 4.2).</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Stopping_our_table_streams_is_an_error(bool encoder)
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        link.Server.TryOpen(unidirectional: true, out StreamId id);
        (encoder ? () => server.Encoder.Stream = id : (Action)(() => server.Decoder.Stream = id))();
        server.OnStopped(id, 1);
        Assert.AreEqual(Http3ErrorCode.ClosedCriticalStream, server.Error.Code);
    }

    /// <summary>Goal: STOP_SENDING on our control stream ends the connection (S66).</summary>
    [TestMethod]
    public void Stopping_our_control_stream_is_an_error()
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        link.Client.StopSending(server.State.LocalControl!.Value, 1);
        Drain(link, server);
        Assert.AreEqual(Http3ErrorCode.ClosedCriticalStream, server.Error.Code);
    }

    /// <summary>Goal: unknown frames, settings and streams are ignored wherever they stand (S67).</summary>
    [TestMethod]
    public void Grease_is_ignored()
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        link.Client.Send(unidirectional: true, [0x40, 0x21, 1, 2, 3]);
        link.Client.Send(unidirectional: true, [0, 4, 4, 0x21, 9, 6, 42, 0x21, 2, 9, 9, 0x40, 0x5F, 0]);
        byte[] grease = [0x21, 3, 1, 2, 3, 0x40, 0x40, 0];
        StreamId id = link.Client.Send(false,
            [.. grease, .. Frames.Request("POST", ("content-length", "2")), .. grease, .. Frames.Data(7), .. grease, .. Frames.Data(), .. Frames.Data(8), .. grease], fin: true);
        List<byte> body = Drain(link, server, 1);
        Assert.IsFalse(server.Error.IsError, server.Error.ToString());
        CollectionAssert.AreEqual(new byte[] { 7, 8 }, body);
        Assert.AreEqual(42UL, server.State.PeerSettings.MaxFieldSectionSize);
        // The unknown stream was asked to stop.
        Assert.AreEqual((ulong)Http3ErrorCode.StreamCreationError, link.Client.Sending[StreamId.Of(0, false, true)].StopCode);
        Assert.AreEqual(ReadPhase.Ended, server.Requests[id].Reader.Phase);
    }

    /// <summary>Goal: a flood of frames or streams that mean nothing is H3_EXCESSIVE_LOAD (S67).</summary>
    [TestMethod]
    [DataRow("control")]
    [DataRow("request")]
    [DataRow("empty")]
    [DataRow("streams")]
    public void Floods_of_nothing_are_excessive(string where)
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        byte[] nothing = [.. Enumerable.Repeat<byte[]>(where == "empty" ? [0x00, 0x00] : [0x21, 0x00], 1100).SelectMany(frame => frame)];
        switch (where)
        {
            case "control": link.Client.Send(true, Frames.Control(nothing)); break;
            case "streams":
                for (int i = 0; i <= Http3Limits.MaxUnknownStreams; i++)
                {
                    link.Client.Send(true, [0x21]);
                }

                break;
            default: link.Client.Send(false, [.. Frames.Request(), .. nothing]); break;
        }

        Drain(link, server);
        Assert.AreEqual(Http3ErrorCode.ExcessiveLoad, server.Error.Code);
    }

    /// <summary>Goal: a frame that announces 2^62-1 bytes is skipped as it comes, without memory (S67).</summary>
    [TestMethod]
    public void A_frame_of_any_length_is_skipped()
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        StreamId id = link.Client.Send(false, [0x21, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, .. new byte[1000]]);
        Drain(link, server);
        Assert.IsFalse(server.Error.IsError);
        Assert.IsEmpty(link.Client.Sending[id].Delivered);
    }

    /// <summary>Goal: a head above the limit is answered with 431, by its frame's length or by its decoded size (S63); trailers reset.</summary>
    [TestMethod]
    [DataRow("frame")]
    [DataRow("decoded")]
    public void A_head_that_is_too_large_gets_431(string how)
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        byte[] head = how == "frame" ? [1, 0x80, 1, 0, 1]
            : Frames.Frame(Http3FrameType.Headers, [0, 0, .. Enumerable.Repeat((byte)(0xC0 | 25), 3000)]);
        StreamId id = link.Client.Send(false, head);
        Drain(link, server);
        Assert.IsFalse(server.Error.IsError);
        byte[] expected = Frames.Headers((":status", "431"), ("content-length", "0"));
        CollectionAssert.AreEqual(expected, link.Server.Sending[id].Delivered.ToArray());
        Assert.IsTrue(link.Server.Sending[id].FinDelivered);
        Assert.IsEmpty(server.Requests);
    }

    /// <summary>Goal: after the final GOAWAY known requests go on and new ones are refused; then the session is drained.</summary>
    [TestMethod]
    public void Goaway_refuses_what_it_has_not_seen()
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        StreamId first = link.Client.Send(false, Frames.Request(), fin: true);
        Drain(link, server);
        server.GoAway(final: false);
        Assert.AreEqual(VarInt.MaxValue - 3, server.State.GoAwaySent);
        server.GoAway(final: true);
        Assert.AreEqual(4UL, server.State.GoAwaySent);
        StreamId second = link.Client.Send(false, Frames.Request(), fin: true);
        Drain(link, server);
        Assert.AreEqual((ulong)Http3ErrorCode.RequestRejected, link.Server.Sending[second].ResetCode);
        Assert.IsFalse(server.IsDrained);
        server.Answer(first, 200);
        Assert.IsTrue(server.IsDrained);
    }

    /// <summary>Goal: the priority field of RFC 9218 reaches the transport.</summary>
    [TestMethod]
    [DataRow("u=0, i", 0, true)]
    [DataRow("i=?0,u=7", 7, false)]
    [DataRow("u=9, x=y, i=?1", 3, true)]
    public void Priorities_are_passed_on(string value, int urgency, bool incremental)
    {
        FakeLink link = new();
        Http3Session server = Serve(link);
        StreamId id = link.Client.Send(false, Frames.Request("GET", ("priority", value)));
        Drain(link, server);
        Assert.AreEqual((urgency, incremental), link.Server.Priorities[id]);
    }

    internal static Http3Session Serve(FakeLink link)
    {
        Http3Session server = new(link.Server);
        link.Server.Attach(server);
        server.Start();
        return server;
    }

    /// <summary>Delivers everything, takes heads, and reads bodies as they come.</summary>
    internal static List<byte> Drain(FakeLink link, Http3Session session, int pieces = int.MaxValue)
    {
        List<byte> body = [];
        byte[] buffer = new byte[100];
        link.Run(pieces, () =>
        {
            while (session.TryTakeEvent(out Http3Event e))
            {
                session.TakeRequest(e.Id);
                while (e.Kind == Http3EventKind.Readable && session.Read(e.Id, buffer, out int count) == ReadOutcome.Data)
                {
                    body.AddRange(buffer.AsSpan(0, count));
                }
            }
        });
        return body;
    }
}
