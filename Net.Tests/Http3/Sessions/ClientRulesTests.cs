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

    public static IEnumerable<object[]> ControlErrors =>
    [
        ["MAX_PUSH_ID from a server", Frames.Control(13, 1, 0), Http3ErrorCode.FrameUnexpected],
        ["GOAWAY with a server's stream", Frames.Control(7, 1, 1), Http3ErrorCode.IdError],
        ["GOAWAY with a unidirectional stream", Frames.Control(7, 1, 2), Http3ErrorCode.IdError],
        ["GOAWAY that grows", Frames.Control(7, 1, 4, 7, 1, 8), Http3ErrorCode.IdError],
        ["CANCEL_PUSH", Frames.Control(3, 1, 0), Http3ErrorCode.IdError],
        ["a push stream", new byte[] { 1, 0 }, Http3ErrorCode.IdError],
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
        Assert.IsTrue(client.TryOpenRequest(new(method, "https", "a.test", "/", new()), hasBody: false, out id));
        link.Run();
        return client;
    }
}
