using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Sessions;

/// <summary>QPACK's streams on a connection: tables in both directions, waiting sections, closed streams, and moves in between.</summary>
[TestClass]
public sealed class QpackSessionTests
{
    /// <summary>Goal: requests and responses use both tables, and a move between any two deliveries changes nothing.</summary>
    [TestMethod]
    public void Tables_work_in_both_directions_across_moves()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link), client = new(link.Client);
        link.Client.Attach(client);
        server.Start();
        client.Start();
        link.Run();
        int answered = 0;
        for (int i = 0; i < 6; i++)
        {
            RequestHead head = new("GET", "https", "a.test", $"/{i}", new([("user-agent", "a client with a long name"), ("x-same", "something that stays")]));
            Assert.IsTrue(client.TryOpenRequest(head, hasBody: false, out StreamId id));
            link.Run(7, () =>
            {
                while (server.TryTakeEvent(out Http3Event e))
                {
                    if (server.TakeRequest(e.Id) is RequestHead got)
                    {
                        Assert.AreEqual("something that stays", got.Headers["x-same"]);
                        server.Respond(e.Id, new(200, new([("x-answer", "an answer that stays the same"), ("content-length", "0")])));
                        server.TryFinish(e.Id);
                    }
                }

                server = SessionSnapshotTests.Move(server, link);
                while (client.TryTakeEvent(out Http3Event e))
                {
                    answered += client.TakeResponse(e.Id)?.Headers["x-answer"] == "an answer that stays the same" ? 1 : 0;
                }
            });
            // Reads the end, so that the request is forgotten.
            Assert.AreEqual(ReadOutcome.End, client.Read(id, new byte[9], out _));
        }

        Assert.AreEqual(6, answered);
        Assert.IsFalse(server.Error.IsError || client.Error.IsError);
        Assert.IsGreaterThan(0UL, server.Encoder.Inserted);
        Assert.AreEqual(client.Encoder.Inserted, server.Decoder.Inserted);
        Assert.IsGreaterThan(0UL, client.Encoder.KnownReceived);
        Assert.IsGreaterThan(0UL, server.Encoder.KnownReceived);
    }

    /// <summary>Goal: a section that waits for an insertion, and its end, are read when the insertion comes, after a move as well.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_section_waits_for_its_insertion(bool move)
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        link.Client.Send(true, Frames.Control());
        // GET https, then :authority from the dynamic table, which is empty, then path /.
        StreamId id = link.Client.Send(false, Frames.Frame(Http3FrameType.Headers, 2, 0, 0xD1, 0xD7, 0x80, 0xC1), fin: true);
        ServerRulesTests.Drain(link, server);
        Assert.IsNull(server.TakeRequest(id));
        server = move ? SessionSnapshotTests.Move(server, link) : server;
        link.Client.Send(true, [2, 0x3F, 0x45, 0xC0, 1, (byte)'a']);
        link.Run();
        Assert.IsFalse(server.Error.IsError, server.Error.ToString());
        Assert.AreEqual("a", server.TakeRequest(id)?.Authority);
        Assert.AreEqual(ReadOutcome.End, server.Read(id, new byte[1], out _));
    }

    /// <summary>Goal: a waiting section that is reset is cancelled, and no longer counts (section 2.2.2.2; S66).</summary>
    [TestMethod]
    public void S66_a_reset_while_a_section_waits()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        StreamId id = link.Client.Send(false, Frames.Frame(Http3FrameType.Headers, 2, 0, 0x80));
        ServerRulesTests.Drain(link, server);
        Assert.HasCount(1, server.Decoder.BlockedStreams.ToArray());
        link.Client.Reset(id, 0x10C);
        ServerRulesTests.Drain(link, server);
        Assert.IsEmpty(server.Decoder.BlockedStreams.ToArray());
        CollectionAssert.AreEqual(new byte[] { 3, 0x40 }, link.Server.Sending[server.Decoder.Stream!.Value].Delivered.ToArray());
        link.Client.Send(true, [2, 0x3F, 0x45, 0xC0, 1, (byte)'a']);
        ServerRulesTests.Drain(link, server);
        Assert.IsFalse(server.Error.IsError);
    }

    /// <summary>
    /// Goal: a client that gives our decoder stream no credit, and makes us say more and more on it, ends its connection with H3_EXCESSIVE_LOAD.
    /// Method: it fills its table, then begins and resets requests, each of which is cancelled to its encoder.
    /// </summary>
    [TestMethod]
    public void A_decoder_stream_without_credit_holds_no_more_than_the_limit()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        link.Client.Send(true, [2, 0x3F, 0x45, 0xC0, 1, (byte)'a']);
        ServerRulesTests.Drain(link, server);
        byte[] head = Frames.Request("POST");
        int most = 0;
        for (int requests = 0; !server.Error.IsError; requests++)
        {
            Assert.IsLessThan(Http3Limits.MaxDecoderBacklog, requests);
            link.Window = 1000;
            StreamId id = link.Client.Send(false, head);
            link.Window = 0;
            ServerRulesTests.Drain(link, server);
            link.Client.Reset(id, 0x10C);
            most = int.Max(most, server.Decoder.Pending.Count);
            ServerRulesTests.Drain(link, server);
            // The link looks at all streams in each round: those that are over are of no use.
            foreach (Dictionary<StreamId, FakePipe> pipes in (Dictionary<StreamId, FakePipe>[])[link.Client.Sending, link.Client.Receiving, link.Server.Sending, link.Server.Receiving])
            {
                pipes.Remove(id);
            }
        }

        Assert.AreEqual(Http3ErrorCode.ExcessiveLoad, server.Error.Code);
        Assert.AreEqual((ulong)Http3ErrorCode.ExcessiveLoad, link.Server.Closed);
        Assert.IsTrue(most is > Http3Limits.MaxDecoderBacklog - 10 and <= Http3Limits.MaxDecoderBacklog, $"{most}");
    }

    /// <summary>Goal: what options say is what SETTINGS say, in every way of a move, and an encoder that was never used is held to its limit after one.</summary>
    [TestMethod]
    public void Options_rule_both_tables_across_a_move()
    {
        FakeLink link = new();
        Http3Session server = new(link.Server, new() { DecoderTableCapacity = 100, BlockedStreams = 3, EncoderTableCapacity = 0 });
        link.Server.Attach(server);
        server.Start();
        Http3Session client = new(link.Client);
        link.Client.Attach(client);
        client.Start();
        server = SessionSnapshotTests.Move(server, link);
        link.Run();
        Assert.AreEqual((100UL, 3UL), (client.State.PeerSettings.QpackMaxTableCapacity, client.State.PeerSettings.QpackBlockedStreams));
        Assert.AreEqual(4096UL, server.State.PeerSettings.QpackMaxTableCapacity);
        Assert.IsFalse(server.Encoder.WantsStream, "its limit is 0");
        server = SessionSnapshotTests.Move(server, link);
        Assert.AreEqual((100, 3), (server.Decoder.MaxCapacity, server.Decoder.MaxBlocked));
        Assert.IsFalse(server.Encoder.WantsStream);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new QpackOptions { DecoderTableCapacity = Http3Limits.MaxDecoderTable + 1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new QpackOptions { BlockedStreams = Http3Limits.MaxBlockedStreams + 1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new QpackOptions { EncoderTableCapacity = -1 });
    }

    /// <summary>Goal: a copy that was made while instructions waited is not up to date once they have left: they would be said twice.</summary>
    [TestMethod]
    public void Instructions_that_leave_are_a_change()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        StreamId id = link.Client.Send(false, Frames.Frame(Http3FrameType.Headers, 2, 0, 0x80));
        ServerRulesTests.Drain(link, server);
        link.Window = 0;
        link.Client.Reset(id, 0x10C);
        ServerRulesTests.Drain(link, server);
        Assert.AreEqual(2, server.Decoder.Pending.Count, "type and cancellation wait for room");
        ulong copied = server.Decoder.Changes;
        link.Window = 1000;
        server.OnWritable(server.Decoder.Stream!.Value);
        Assert.AreEqual(0, server.Decoder.Pending.Count);
        Assert.AreNotEqual(copied, server.Decoder.Changes);
    }

    /// <summary>Goal: a peer that closes, resets or refuses a QPACK stream ends the connection (RFC 9204, section 4.2; S66).</summary>
    [TestMethod]
    [DataRow(2, false, DisplayName = "S66 the encoder stream ends")]
    [DataRow(3, false, DisplayName = "S66 the decoder stream ends")]
    [DataRow(2, true, DisplayName = "S66 the encoder stream is reset")]
    [DataRow(3, true, DisplayName = "S66 the decoder stream is reset")]
    public void S66_qpack_streams_are_critical(int type, bool reset)
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        StreamId id = link.Client.Send(true, [(byte)type], fin: !reset);
        ServerRulesTests.Drain(link, server);
        if (reset)
        {
            link.Client.Reset(id, 0);
            ServerRulesTests.Drain(link, server);
        }

        Assert.AreEqual(Http3ErrorCode.ClosedCriticalStream, server.Error.Code);
    }
}
