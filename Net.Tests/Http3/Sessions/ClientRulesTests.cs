using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Sessions;

/// <summary>What a server may not send, each with its error code.</summary>
[TestClass]
public sealed class ClientRulesTests
{
    private static readonly byte[] s_ok = Frames.Headers((":status", "200"));
    private static readonly byte[] s_reserved = [.. Frames.Frame((Http3FrameType)0x21), .. Frames.Frame((Http3FrameType)0x40, 1, 2, 3)];

    public static IEnumerable<object[]> ControlErrors =>
    [
        ["MAX_PUSH_ID from a server", Frames.Control(13, 1, 0), Http3ErrorCode.FrameUnexpected],
        ["GOAWAY with a server's stream", Frames.Control(7, 1, 1), Http3ErrorCode.IdError],
        ["GOAWAY with a unidirectional stream", Frames.Control(7, 1, 2), Http3ErrorCode.IdError],
        ["GOAWAY that grows", Frames.Control(7, 1, 4, 7, 1, 8), Http3ErrorCode.IdError],
        ["CANCEL_PUSH", Frames.Control(3, 1, 0), Http3ErrorCode.IdError],
        ["a push stream", new byte[] { 1, 0 }, Http3ErrorCode.IdError],
        ["GOAWAY for a push", Frames.Control(7, 1, 3), Http3ErrorCode.IdError],
        // What holds in both directions.
        ["a frame before SETTINGS", new byte[] { 0, 7, 1, 0 }, Http3ErrorCode.MissingSettings],
        ["SETTINGS twice", Frames.Control(4, 0), Http3ErrorCode.FrameUnexpected],
        ["DATA on control", Frames.Control(0, 0), Http3ErrorCode.FrameUnexpected],
        ["HEADERS on control", Frames.Control(1, 0), Http3ErrorCode.FrameUnexpected],
        ["PUSH_PROMISE on control", Frames.Control(5, 1, 0), Http3ErrorCode.FrameUnexpected],
        ["PRIORITY of HTTP/2", Frames.Control(2, 0), Http3ErrorCode.FrameUnexpected],
        ["PING of HTTP/2", Frames.Control(6, 0), Http3ErrorCode.FrameUnexpected],
        ["WINDOW_UPDATE of HTTP/2", Frames.Control(8, 0), Http3ErrorCode.FrameUnexpected],
        ["CONTINUATION of HTTP/2", Frames.Control(9, 0), Http3ErrorCode.FrameUnexpected],
        ["GOAWAY with two integers", Frames.Control(7, 2, 0, 0), Http3ErrorCode.FrameError],
        ["GOAWAY without one", Frames.Control(7, 0), Http3ErrorCode.FrameError],
        ["CANCEL_PUSH without an ID", Frames.Control(3, 0), Http3ErrorCode.FrameError],
        ["SETTINGS cut", new byte[] { 0, 4, 1, 6 }, Http3ErrorCode.FrameError],
        ["a setting of HTTP/2", new byte[] { 0, 4, 2, 4, 0 }, Http3ErrorCode.SettingsError],
        ["a setting twice", new byte[] { 0, 4, 4, 6, 1, 6, 1 }, Http3ErrorCode.SettingsError],
    ];

    /// <summary>Goal: each of these closes the connection with the code of the RFC.</summary>
    [TestMethod]
    [DynamicData(nameof(ControlErrors))]
    public void Control_errors(string what, byte[] bytes, Http3ErrorCode code)
    {
        FakeLink link = new();
        Http3Session client = Connect(link, out _);
        link.Server.Send(unidirectional: true, bytes);
        link.Run(1);
        Assert.AreEqual(code, client.Error.Code, what);
    }

    /// <summary>Goal: a bidirectional stream of a server is H3_STREAM_CREATION_ERROR (section 6.1).</summary>
    [TestMethod]
    public void A_server_opens_no_bidirectional_streams()
    {
        FakeLink link = new();
        Http3Session client = Connect(link, out _);
        link.Server.Send(unidirectional: false, [0]);
        link.Run();
        Assert.AreEqual(Http3ErrorCode.StreamCreationError, client.Error.Code);
    }

    public static IEnumerable<object[]> Responses =>
    [
        ["nothing", "GET", Array.Empty<byte>(), Http3ErrorCode.MessageError],
        ["only an interim response", "GET", Frames.Headers((":status", "103")), Http3ErrorCode.MessageError],
        ["malformed", "GET", Frames.Headers((":status", "20")), Http3ErrorCode.MessageError],
        ["101", "GET", Frames.Headers((":status", "101")), Http3ErrorCode.MessageError],
        ["too little body", "GET", Frames.Headers((":status", "200"), ("content-length", "1")), Http3ErrorCode.MessageError],
        ["too much body", "GET", (byte[])[.. Frames.Headers((":status", "200"), ("content-length", "1")), .. Frames.Data(1, 2)], Http3ErrorCode.MessageError],
        ["a body to HEAD", "HEAD", (byte[])[.. s_ok, .. Frames.Data(1)], Http3ErrorCode.MessageError],
        ["a body with 304", "GET", (byte[])[.. Frames.Headers((":status", "304")), .. Frames.Data(1)], Http3ErrorCode.MessageError],
        ["DATA before the head", "GET", Frames.Data(1), Http3ErrorCode.FrameUnexpected],
        ["DATA behind an interim response", "GET", (byte[])[.. Frames.Headers((":status", "103")), .. Frames.Data(1)], Http3ErrorCode.FrameUnexpected],
        ["a second final response", "GET", (byte[])[.. s_ok, .. s_ok], Http3ErrorCode.MessageError],
        ["HEADERS behind trailers", "GET", (byte[])[.. s_ok, .. Frames.Headers(("a", "b")), .. Frames.Headers(("a", "b"))], Http3ErrorCode.FrameUnexpected],
        ["DATA behind trailers", "GET", (byte[])[.. s_ok, .. Frames.Headers(("a", "b")), .. Frames.Data(1)], Http3ErrorCode.FrameUnexpected],
        ["an end inside DATA", "GET", (byte[])[.. s_ok, 0, 5, 1], Http3ErrorCode.FrameError],
        ["SETTINGS on a response", "GET", (byte[])[.. s_ok, .. Frames.Frame(Http3FrameType.Settings)], Http3ErrorCode.FrameUnexpected],
        ["GOAWAY on a response", "GET", (byte[])[.. s_ok, .. Frames.Frame(Http3FrameType.GoAway, 0)], Http3ErrorCode.FrameUnexpected],
        ["CANCEL_PUSH on a response", "GET", (byte[])[.. s_ok, .. Frames.Frame(Http3FrameType.CancelPush, 0)], Http3ErrorCode.FrameUnexpected],
        ["MAX_PUSH_ID on a response", "GET", (byte[])[.. s_ok, .. Frames.Frame(Http3FrameType.MaxPushId, 0)], Http3ErrorCode.FrameUnexpected],
        ["PING of HTTP/2 on a response", "GET", (byte[])[.. s_ok, .. Frames.Frame(Http3FrameType.Http2Ping)], Http3ErrorCode.FrameUnexpected],
        ["a connection-specific field", "GET", Frames.Headers((":status", "200"), ("transfer-encoding", "chunked")), Http3ErrorCode.MessageError],
        ["a connection-specific trailer", "GET", (byte[])[.. s_ok, .. Frames.Headers(("connection", "close"))], Http3ErrorCode.MessageError],
        ["a body with 204", "GET", (byte[])[.. Frames.Headers((":status", "204")), .. Frames.Data(1)], Http3ErrorCode.MessageError],
        ["trailers of a tunnel", "CONNECT", (byte[])[.. s_ok, .. Frames.Data(1), .. Frames.Headers(("a", "b"))], Http3ErrorCode.FrameUnexpected],
        ["a tunnel with a length that means nothing", "CONNECT",
            (byte[])[.. Frames.Headers((":status", "200"), ("content-length", "1")), .. Frames.Data(1, 2, 3)], (Http3ErrorCode)0],
        ["a refused CONNECT with trailers", "CONNECT",
            (byte[])[.. Frames.Headers((":status", "405"), ("content-length", "1")), .. Frames.Data(1), .. Frames.Headers(("a", "b"))], (Http3ErrorCode)0],
        ["reserved frames everywhere", "GET",
            (byte[])[.. s_reserved, .. Frames.Headers((":status", "103")), .. s_reserved, .. s_ok, .. s_reserved, .. Frames.Data(1), .. s_reserved], (Http3ErrorCode)0],
        ["PUSH_PROMISE", "GET", (byte[])[.. s_ok, .. Frames.Frame(Http3FrameType.PushPromise, 0)], Http3ErrorCode.IdError],
        ["a head that is too large", "GET", new byte[] { 1, 0x80, 1, 0, 1, 0 }, Http3ErrorCode.ExcessiveLoad],
        ["interim responses without end", "GET",
            (byte[])[.. Enumerable.Repeat(Frames.Headers((":status", "103")), Http3Limits.MaxInterimResponses + 1).SelectMany(f => f)], Http3ErrorCode.ExcessiveLoad],
        ["HEAD with a length and no body", "HEAD", Frames.Headers((":status", "200"), ("content-length", "9")), (Http3ErrorCode)0],
        ["304 with a length and no body", "GET", Frames.Headers((":status", "304"), ("content-length", "9")), (Http3ErrorCode)0],
        ["interim, final, trailers", "GET", (byte[])[.. Frames.Headers((":status", "103")), .. s_ok, .. Frames.Data(1), .. Frames.Headers(("a", "b"))], (Http3ErrorCode)0],
    ];

    /// <summary>Goal: responses are judged by the RFC's rules; sound ones come to their end.</summary>
    [TestMethod]
    [DynamicData(nameof(Responses))]
    public void Response_rules(string what, string method, byte[] bytes, Http3ErrorCode code)
    {
        foreach (int pieces in (int[])[int.MaxValue, 1])
        {
            FakeLink link = new();
            Http3Session client = Connect(link, out StreamId id, method);
            link.Server.Write(id, bytes, fin: true);
            ulong aborted = 0;
            bool ended = false;
            byte[] buffer = new byte[10];
            link.Run(pieces, () =>
            {
                while (client.TryTakeEvent(out Http3Event e))
                {
                    client.TakeResponse(e.Id);
                    aborted = e.Kind == Http3EventKind.Aborted ? e.Code : aborted;
                }

                ReadOutcome outcome;
                while ((outcome = client.Read(id, buffer, out _)) == ReadOutcome.Data)
                {
                }

                ended |= outcome == ReadOutcome.End;
                while (client.TryTakeEvent(out Http3Event e))
                {
                    aborted = e.Kind == Http3EventKind.Aborted ? e.Code : aborted;
                }
            });
            Assert.AreEqual((ulong)code, client.Error.IsError ? (ulong)client.Error.Code : aborted, what);
            Assert.AreEqual(code == 0, ended, what);
        }
    }

    /// <summary>
    /// Goal: a server that stops reading with H3_NO_ERROR, or with a code that we do not know, which means the same (section 8), may still answer; with any
    /// other code the request is over.
    /// </summary>
    [TestMethod]
    [DataRow((ulong)Http3ErrorCode.NoError, false)]
    [DataRow(0x21UL, false)]
    [DataRow(0x1234567UL, false)]
    [DataRow((ulong)Http3ErrorCode.RequestRejected, true)]
    [DataRow((ulong)Http3ErrorCode.QpackDecoderStreamError, true)]
    public void A_request_that_is_stopped_may_be_answered(ulong code, bool isOver)
    {
        FakeLink link = new();
        Http3Session client = new(link.Client);
        link.Client.Attach(client);
        client.Start();
        Assert.IsTrue(client.TryOpenRequest(new("POST", "https", "a.test", "/", new()), hasBody: true, out StreamId id));
        link.Run();
        link.Server.Write(id, s_ok, fin: true);
        client.OnStopped(id, code);
        Assert.AreEqual((ulong)(isOver ? Http3ErrorCode.RequestCancelled : Http3ErrorCode.NoError), link.Client.Sending[id].ResetCode, "never H3_REQUEST_REJECTED (section 4.1.1)");
        link.Run();
        Assert.AreEqual(isOver ? null : 200, client.TakeResponse(id)?.Status);
    }

    /// <summary>Goal: after GOAWAY no request is opened, and the host learns from which one on none was processed.</summary>
    [TestMethod]
    public void Goaway_ends_new_requests()
    {
        FakeLink link = new();
        Http3Session client = Connect(link, out _);
        while (client.TryTakeEvent(out _)) { }
        link.Server.Send(true, Frames.Control(7, 1, 0));
        link.Run();
        Assert.IsTrue(client.TryTakeEvent(out Http3Event e));
        Assert.AreEqual(new Http3Event(Http3EventKind.GoAway, new(0)), e);
        Assert.IsFalse(client.TryOpenRequest(new("GET", "https", "a.test", "/", new()), false, out _));
    }

    /// <summary>Goal: Kestrel's first GOAWAY, 2^62-1, begins a drain like the last ID that a request can have.</summary>
    [TestMethod]
    public void Kestrels_goaway_is_understood()
    {
        FakeLink link = new();
        Http3Session client = Connect(link, out _);
        while (client.TryTakeEvent(out _)) { }
        link.Server.Send(true, Frames.Control(7, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF));
        link.Run();
        Assert.IsTrue(client.TryTakeEvent(out Http3Event e));
        Assert.AreEqual(new Http3Event(Http3EventKind.GoAway, new((1UL << 62) - 4)), e);
    }

    /// <summary>Goal: a peer that takes no fields makes our own calls fail, and nothing else: it cannot make the server throw (431, 500).</summary>
    [TestMethod]
    public void A_peer_without_room_for_fields_gets_a_reset()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        link.Client.Send(true, [0, 4, 2, 6, 0]);
        StreamId id = link.Client.Send(false, Frames.Request(), fin: true);
        ServerRulesTests.Drain(link, server);
        Assert.ThrowsExactly<ArgumentException>(() => server.Respond(id, new(200, new())));
        server.Answer(id, 500);
        link.Run();
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, link.Server.Sending[id].ResetCode);
    }

    private static Http3Session Connect(FakeLink link, out StreamId id, string method = "GET")
    {
        Http3Session client = new(link.Client);
        link.Client.Attach(client);
        client.Start();
        RequestHead head = method == "CONNECT" ? new(method, "", "a.test:443", "", new()) : new(method, "https", "a.test", "/", new());
        Assert.IsTrue(client.TryOpenRequest(head, hasBody: false, out id));
        link.Run();
        return client;
    }
}
