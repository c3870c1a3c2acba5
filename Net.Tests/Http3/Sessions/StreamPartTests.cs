using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Sessions;

/// <summary>Fields that only show later: each is brought away from its default, moved, and its effect is looked for.</summary>
[TestClass]
public sealed class StreamPartTests
{
    /// <summary>Goal: counts of frames that carry nothing do not begin again with a move.</summary>
    [TestMethod]
    public void Floods_are_counted_across_moves()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        byte[] half = [.. Enumerable.Repeat<byte[]>([0x21, 0x00], (Http3Limits.MaxIdleFrames / 2) + 1).SelectMany(frame => frame)];
        StreamId id = link.Client.Send(false, half);
        ServerRulesTests.Drain(link, server);
        RequestStream moved = Move(server.Requests[id]);
        link.Server.OnReadable = _ => { };
        link.Client.Write(id, half, fin: false);
        link.Deliver(link.Client, int.MaxValue);
        Assert.AreEqual(ReadStep.Failed, moved.Reader.Advance(link.Server, id, new(0, 0), out _, out Http3Error error));
        Assert.AreEqual(Http3ErrorCode.ExcessiveLoad, error.Code);
    }

    /// <summary>Goal: interim responses, a HEAD, and the absence of a body are remembered across a move.</summary>
    [TestMethod]
    public void A_response_is_judged_across_moves()
    {
        FakeLink link = new();
        StreamId id = link.Server.Send(false, Frames.Data(1));
        RequestStream request = new(new(0));
        request.OnMethod(new("HEAD", "https", "a", "/", new()));
        for (int i = 0; i < Http3Limits.MaxInterimResponses; i++)
        {
            Assert.IsFalse(request.Reader.OnInterim().IsError);
        }

        RequestStream moved = Move(request);
        Assert.IsTrue(moved.IsHead);
        Assert.AreEqual(Http3ErrorCode.ExcessiveLoad, moved.Reader.OnInterim().Code);

        request.Reader.OnHead(contentLength: 5, hasNoBody: true);
        moved = Move(request);
        link.Deliver(link.Server, int.MaxValue);
        Assert.AreEqual(ReadStep.Failed, moved.Reader.Advance(link.Client, id, new(0, 0), out _, out Http3Error error));
        Assert.AreEqual(Http3ErrorCode.MessageError, error.Code);
    }

    /// <summary>Goal: a tunnel is one across a move, at a server and for whoever waits for the response to CONNECT: no trailers come, at either end.</summary>
    [TestMethod]
    public void A_tunnel_stays_one_across_moves()
    {
        RequestStream request = new(new(0));
        request.OnMethod(new("CONNECT", "", "a:1", "", new()));
        Assert.IsTrue(Move(request) is { IsConnect: true, IsHead: false });
        request.Reader.OnHead(MessageReader.Tunnel, hasNoBody: false);
        FakeLink link = new();
        StreamId id = link.Client.Send(false, [.. Frames.Data(1), .. Frames.Headers(("a", "b"))]);
        link.Deliver(link.Client, int.MaxValue);
        RequestStream moved = Move(request);
        Assert.AreEqual(ReadStep.Data, moved.Reader.Advance(link.Server, id, new(0, 0), out _, out _));
        Assert.AreEqual(1, moved.Reader.Take(link.Server, id, new byte[5]));
        Assert.AreEqual(ReadStep.Failed, moved.Reader.Advance(link.Server, id, new(0, 0), out _, out Http3Error error));
        Assert.AreEqual(Http3ErrorCode.FrameUnexpected, error.Code);
    }

    /// <summary>Goal: what was announced and sent of a body travels, so that no byte too many or too few is sent after a move.</summary>
    [TestMethod]
    public void Announced_lengths_are_kept_across_moves()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        StreamId id = link.Client.Send(false, [.. Frames.Request("POST", ("content-length", "4")), .. Frames.Data(1, 2)]);
        ServerRulesTests.Drain(link, server);
        server.Respond(id, new(200, new(new Net.Http3.Messages.Field("content-length", "9"))));
        server.Write(id, [1, 2, 3]);
        RequestStream moved = Move(server.Requests[id]);
        Assert.AreEqual(2, moved.Reader.BodyReceived);
        Assert.AreEqual(6, moved.Writer.BodyLeft);
        Assert.AreEqual(3, moved.Writer.BodySent);
        Assert.AreEqual(WritePhase.Body, moved.Writer.Phase);
        Assert.IsFalse(moved.Writer.TryFinish(link.Server, id));
        link.Client.Write(id, Frames.Data(3, 4, 5), fin: false);
        link.Deliver(link.Client, int.MaxValue);
        Assert.AreEqual(ReadStep.Failed, moved.Reader.Advance(link.Server, id, new(0, 0), out _, out Http3Error error));
        Assert.AreEqual(Http3ErrorCode.MessageError, error.Code);
    }

    /// <summary>Goal: change counts move with every read and write, as exports of what changed rely on it.</summary>
    [TestMethod]
    public void Every_step_is_a_change()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        StreamId id = link.Client.Send(false, [.. Frames.Request("POST"), .. Frames.Data(1, 2)]);
        ServerRulesTests.Drain(link, server);
        RequestStream request = server.Requests[id];
        ulong before = request.Changes;
        foreach (Action step in (Action[])
            [
                () => server.Respond(id, new(200, new())), () => server.Write(id, [1]), () => server.Read(id, new byte[1], out _), () => server.OnReadable(id),
                () => server.OnWritable(id), () => server.TryFinish(id),
            ])
        {
            step();
            Assert.IsGreaterThan(before, request.Changes);
            before = request.Changes;
        }

        StreamId control = link.Client.Send(true, Frames.Control());
        ServerRulesTests.Drain(link, server);
        before = server.Streams[control].Changes;
        link.Client.Write(control, [0x21, 0], fin: false);
        ServerRulesTests.Drain(link, server);
        Assert.IsGreaterThan(before, server.Streams[control].Changes);
    }

    private static RequestStream Move(RequestStream stream)
    {
        SnapshotWriter writer = new(default);
        stream.Export(writer);
        return RequestStream.Import(new(writer.Written.ToArray(), default));
    }
}
