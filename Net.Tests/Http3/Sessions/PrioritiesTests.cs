using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Sessions;

/// <summary>RFC 9218: the priority field of requests and responses, and PRIORITY_UPDATE in every order.</summary>
[TestClass]
public sealed class PrioritiesTests
{
    /// <summary>Goal: an update counts whether it comes before the stream, before its head, or while it runs; and a move between changes nothing.</summary>
    [TestMethod]
    [DataRow("before the stream")]
    [DataRow("before the head")]
    [DataRow("later")]
    public void An_update_counts_whenever_it_comes(string when)
    {
        foreach (bool move in (bool[])[false, true])
        {
            FakeLink link = new();
            Http3Session server = ServerRulesTests.Serve(link);
            byte[] request = Frames.Request("GET", ("priority", "u=6")), update = Frames.Frame(Http3FrameType.PriorityUpdate, [0, .. "u=1, i"u8]);
            StreamId control = link.Client.Send(true, Frames.Control()), id = default;
            if (when == "before the stream")
            {
                link.Client.Write(control, update, fin: false);
            }
            else
            {
                id = link.Client.Send(false, when == "later" ? request : request[..3]);
                ServerRulesTests.Drain(link, server);
                link.Client.Write(control, update, fin: false);
            }

            ServerRulesTests.Drain(link, server);
            server = move ? SessionSnapshotTests.Move(server, link) : server;
            if (when == "before the stream")
            {
                link.Client.Send(false, request);
            }
            else if (when == "before the head")
            {
                link.Client.Write(id, request.AsSpan(3), fin: false);
            }

            ServerRulesTests.Drain(link, server);
            Assert.AreEqual((1, true), link.Server.Priorities[new(0)], when);
            Assert.AreEqual(new Priority(1, true), server.Requests[new(0)].Priority);
            Assert.IsTrue(server.Priorities.IsEmpty);
        }
    }

    /// <summary>Goal: a response's own field counts where it says something, and keeps the request's word else (section 8).</summary>
    [TestMethod]
    public void A_response_may_change_its_priority()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        StreamId id = link.Client.Send(false, Frames.Request("GET", ("priority", "u=6, i")));
        ServerRulesTests.Drain(link, server);
        server.Respond(id, new(103, new(("priority", "u=0"))));
        Assert.AreEqual((6, true), link.Server.Priorities[id]);
        server.Respond(id, new(200, new(("priority", "u=2"))));
        Assert.AreEqual((2, true), link.Server.Priorities[id]);
    }

    public static IEnumerable<object[]> Errors =>
    [
        ["of a unidirectional stream", Frames.Control(Frames.Frame(Http3FrameType.PriorityUpdate, 2)), Http3ErrorCode.IdError],
        ["of a server's stream", Frames.Control(Frames.Frame(Http3FrameType.PriorityUpdate, 1)), Http3ErrorCode.IdError],
        ["of a push", Frames.Control(Frames.Frame(Http3FrameType.PriorityUpdatePush, 0)), Http3ErrorCode.IdError],
        ["without an ID", Frames.Control(Frames.Frame(Http3FrameType.PriorityUpdate)), Http3ErrorCode.FrameError],
        ["too large", Frames.Control(Frames.Frame(Http3FrameType.PriorityUpdate, new byte[Http3Limits.MaxPriorityUpdate + 1])), Http3ErrorCode.ExcessiveLoad],
    ];

    /// <summary>Goal: updates of what cannot be prioritized close the connection (section 7.1).</summary>
    [TestMethod]
    [DynamicData(nameof(Errors))]
    public void Errors_of_updates(string what, byte[] bytes, Http3ErrorCode code)
    {
        foreach (int pieces in (int[])[int.MaxValue, 1])
        {
            FakeLink link = new();
            Http3Session server = ServerRulesTests.Serve(link);
            link.Client.Send(true, bytes);
            ServerRulesTests.Drain(link, server, pieces);
            Assert.AreEqual(code, server.Error.Code, what);
        }
    }

    /// <summary>Goal: an update for a request that the client may not open is H3_ID_ERROR; the last one that it may open is none (RFC 9218, section 7.1).</summary>
    [TestMethod]
    [DataRow(9UL, false)]
    [DataRow(10UL, true)]
    public void An_update_stays_within_the_stream_limit(ulong index, bool fails)
    {
        FakeLink link = new();
        link.Server.Permitted = 10;
        Http3Session server = ServerRulesTests.Serve(link);
        link.Client.Send(true, Frames.Control(Frames.Frame(Http3FrameType.PriorityUpdate, Frames.Number(index * 4))));
        ServerRulesTests.Drain(link, server);
        Assert.AreEqual(fails ? Http3ErrorCode.IdError : 0, server.Error.Code);
    }

    /// <summary>Goal: a server may not send updates, and nobody on a request stream (section 7.1).</summary>
    [TestMethod]
    public void Updates_belong_on_a_clients_control_stream()
    {
        FakeLink link = new();
        Http3Session client = new(link.Client);
        link.Client.Attach(client);
        link.Server.Send(true, Frames.Control(Frames.Frame(Http3FrameType.PriorityUpdate, 0)));
        link.Run();
        Assert.AreEqual(Http3ErrorCode.FrameUnexpected, client.Error.Code);

        link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        link.Client.Send(false, Frames.Frame(Http3FrameType.PriorityUpdate, 0));
        ServerRulesTests.Drain(link, server);
        Assert.AreEqual(Http3ErrorCode.FrameUnexpected, server.Error.Code);
    }

    /// <summary>Goal: updates for streams that never come are kept up to the limit, and those of streams that are over not at all.</summary>
    [TestMethod]
    public void Waiting_updates_are_bounded()
    {
        Priorities priorities = new();
        for (ulong i = 0; i < 2 * Http3Limits.MaxWaitingPriorities; i++)
        {
            priorities.Note(i * 4, new(1, false));
        }

        Assert.IsNotNull(priorities.Take(new(4 * (Http3Limits.MaxWaitingPriorities - 1))));
        Assert.IsNull(priorities.Take(new(4 * Http3Limits.MaxWaitingPriorities)));
        priorities.Apply([], next: Http3Limits.MaxWaitingPriorities, new FakeLink().Server);
        Assert.IsTrue(priorities.IsEmpty);
    }

    /// <summary>Goal: waiting priorities travel; what is cut or for no request is refused.</summary>
    [TestMethod]
    public void Priorities_travel()
    {
        Priorities priorities = new();
        priorities.Note(4, new(7, true));
        priorities.Note(400, new(0, false));
        SnapshotWriter writer = new(default);
        priorities.Export(writer);
        for (int cut = 0; cut < writer.Written.Length; cut++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => Priorities.Import(new(writer.Written[..cut], default)));
        }

        Priorities moved = Priorities.Import(new(writer.Written, default));
        Assert.AreEqual(new Priority(7, true), moved.Take(new(4)));
        Assert.AreEqual(new Priority(0, false), moved.Take(new(400)));
        Assert.ThrowsExactly<SnapshotException>(() => Priorities.Import(new(new byte[] { 1, 2, 6 }, default)));
    }

    /// <summary>Goal: a client's field and its later changes reach the server.</summary>
    [TestMethod]
    public void A_client_tells_its_priorities()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link), client = new(link.Client);
        link.Client.Attach(client);
        client.Start();
        Assert.IsTrue(client.TryOpenRequest(new("POST", "https", "a.test", "/", new(("priority", "u=5"))), hasBody: true, out StreamId id));
        ServerRulesTests.Drain(link, server);
        Assert.AreEqual((5, false), link.Client.Priorities[id]);
        Assert.AreEqual((5, false), link.Server.Priorities[id]);
        foreach (Priority priority in (Priority[])[new(1, true), new(3, true), new(2, false), Priority.Default])
        {
            client.Prioritize(id, priority);
            ServerRulesTests.Drain(link, server);
            Assert.AreEqual((priority.Urgency, priority.Incremental), link.Client.Priorities[id]);
            Assert.AreEqual((priority.Urgency, priority.Incremental), link.Server.Priorities[id]);
        }

        using HttpRequestMessage message = new();
        message.SetPriority(1, incremental: true);
        Assert.AreEqual("u=1, i", message.Headers.NonValidated["priority"].ToString());
        message.SetPriority(3);
        Assert.IsFalse(message.Headers.Contains("priority"));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => message.SetPriority(8));
    }
}
