using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;
using Net.Tests.Core.Snapshots;

namespace Net.Tests.Http3.Sessions;

[TestClass]
public sealed class SessionSnapshotTests
{
    /// <summary>
    /// Goal: a session may move between any two bytes of a request, its control streams and its trailers.
    /// Method: deliver one byte at a time; at byte k (or at every byte) write the session down, drop it, and go on with what was read back.
    /// </summary>
    [TestMethod]
    public void A_session_moves_between_any_two_bytes()
    {
        byte[] request =
        [
            0x21, 2, 9, 9, .. Frames.Request("POST", ("content-length", "5"), ("x-long", new string('~', 90))), .. Frames.Data(1, 2, 3), 0x40, 0x21, 1, 7,
            .. Frames.Data(4, 5), .. Frames.Headers(("trailer", "yes")),
        ];
        byte[] control = Frames.Control(0x40, 0x21, 2, 1, 1, 7, 1, 0);
        for (int moveAt = -1; moveAt <= request.Length; moveAt++)
        {
            FakeLink link = new();
            Http3Session server = ServerRulesTests.Serve(link);
            StreamId id = link.Client.Send(false, request, fin: true);
            link.Client.Send(true, control);
            link.Client.Send(true, [2, 0x20, 0x20]);
            link.Client.Send(true, [3, 0x7F, 0x80, 0x01]);
            link.Client.Send(true, [0x40, 0x21, 1, 2, 3]);

            List<byte> body = [];
            RequestHead? head = null;
            int step = 0;
            link.Run(1, () =>
            {
                Take(server, body, ref head);
                if (moveAt == -1 || moveAt == step++)
                {
                    server = Move(server, link);
                    Take(server, body, ref head);
                }
            });

            Assert.IsFalse(server.Error.IsError, $"{moveAt}: {server.Error}");
            CollectionAssert.AreEqual(new byte[] { 1, 2, 3, 4, 5 }, body, $"{moveAt}");
            Assert.AreEqual("POST", head?.Method);
            Assert.AreEqual(ReadPhase.Ended, server.Requests[id].Reader.Phase);
            Assert.AreEqual(0UL, server.State.GoAwayReceived);
            server.Answer(id, 200);
            link.Run();
            CollectionAssert.AreEqual(Frames.Headers((":status", "200"), ("content-length", "0")), link.Server.Sending[id].Delivered.ToArray());
            Assert.IsEmpty(server.Requests);
            Assert.IsNotEmpty(link.Server.Sending[server.State.LocalControl!.Value].Delivered);
        }
    }

    /// <summary>
    /// Goal: a response may move between any two bytes that the send buffer takes, with queued heads, tight frames and a waiting FIN.
    /// Method: windows from 1 byte up; move after every step; the client's session must read every byte once.
    /// </summary>
    [TestMethod]
    public void A_response_moves_between_any_two_bytes()
    {
        byte[] sent = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];
        foreach (int window in (int[])[1, 2, 3, 7, 16, 17, 18, 19, 20, 63, 70, 1000])
        {
            FakeLink link = new();
            Http3Session server = ServerRulesTests.Serve(link);
            Http3Session client = new(link.Client);
            link.Client.Attach(client);
            client.Start();
            Assert.IsTrue(client.TryOpenRequest(new("GET", "https", "a.test", "/", new()), hasBody: false, out StreamId id));
            RequestHead? head = null;
            link.Run();
            Take(server, [], ref head);
            link.Window = window;
            server.Respond(id, new(103, new(new Field("link", "</x>"))));
            server.Respond(id, new(200, new(new Field("content-length", "300"))));

            int written = 0;
            bool finished = false;
            List<byte> body = [];
            byte[] buffer = new byte[50];
            ResponseHead? response = null;
            bool ended = false;
            void Step()
            {
                while (server.TryTakeEvent(out _)) { }

                written += server.Write(id, sent.AsSpan(written));
                if (written == sent.Length && !finished)
                {
                    finished = server.TryFinish(id);
                }

                server = Move(server, link);
                while (client.TryTakeEvent(out Http3Event e))
                {
                    response = client.TakeResponse(e.Id) ?? response;
                }

                ReadOutcome outcome;
                while ((outcome = client.Read(id, buffer, out int count)) == ReadOutcome.Data)
                {
                    body.AddRange(buffer.AsSpan(0, count));
                }

                ended |= outcome == ReadOutcome.End;
            }

            Step();
            for (int i = 0; i < 3; i++)
            {
                link.Run(1, Step);
            }

            Assert.AreEqual(200, response?.Status, $"{window}");
            CollectionAssert.AreEqual(sent, body, $"window {window}");
            Assert.IsTrue(ended, $"window {window}");
            Assert.IsEmpty(server.Requests);
            Assert.IsEmpty(client.Requests);
        }
    }

    /// <summary>Goal: no field of a part is forgotten: parts whose fields have all left their defaults come back equal.</summary>
    [TestMethod]
    public void Parts_come_back_with_every_field()
    {
        ConnectionState state = new(isServer: true)
        {
            LocalControl = new(3),
            PeerControl = new(2),
            PeerEncoder = new(6),
            PeerDecoder = new(10),
            PeerSettings = new(1, 2, 3, true, true),
            HasPeerSettings = true,
            NextRequest = 4,
            NextUnidirectional = 5,
            GoAwaySent = 6,
            GoAwayReceived = 7,
            MaxPushId = 8,
            IdleControlFrames = 9,
            UnknownStreams = 10,
            ControlPending = [11],
        };
        ConnectionState again = ConnectionState.Import(Written(state.Export));
        foreach (System.Reflection.PropertyInfo property in typeof(ConnectionState).GetProperties().Where(p => p.Name is not ("Changes" or "Section")))
        {
            object? before = property.GetValue(state), after = property.GetValue(again);
            if (before is byte[] bytes)
            {
                CollectionAssert.AreEqual(bytes, (byte[])after!);
                continue;
            }

            Assert.AreEqual(before, after, property.Name);
            Assert.AreNotEqual(property.GetValue(new ConnectionState(isServer: false)), after, property.Name);
        }

        // 14 settable properties, each counted as a change.
        Assert.AreEqual(14UL, state.Changes);
    }

    /// <summary>Goal: snapshots that are cut anywhere, or contradict themselves, are refused as such.</summary>
    [TestMethod]
    public void Damaged_snapshots_are_refused()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        link.Client.Send(false, Frames.Request("POST").AsSpan(0, 9));
        link.Client.Send(true, [0, 4]);
        ServerRulesTests.Drain(link, server);
        SnapshotWriter writer = new(default);
        Export(server, writer);
        List<SnapshotSection> sections = Sections(writer);
        Assert.HasCount(4, sections);
        foreach (SnapshotSection section in sections)
        {
            List<SnapshotSection> rest = [.. sections.Where(other => other != section)];
            for (int cut = 0; cut < section.Body.Length; cut++)
            {
                SnapshotSection damaged = section with { Body = section.Body[..cut] };
                Assert.ThrowsExactly<SnapshotException>(() => Import([.. rest, damaged], link));
            }

            Assert.ThrowsExactly<SnapshotException>(() => Import([.. sections, section], link), "twice");
            if (section.Number is SectionNumber.Http3Request or SectionNumber.Http3UnidirectionalStream)
            {
                Assert.ThrowsExactly<SnapshotException>(() => Import([.. rest, section with { Key = 77 }], link), "wrong key");
            }
        }

        Assert.ThrowsExactly<SnapshotException>(() => Import([.. sections.Where(s => s.Number != SectionNumber.Http3Connection)], link));
        Assert.IsNotNull(Import(sections, link));
    }

    internal static Http3Session Move(Http3Session session, FakeLink link)
    {
        while (session.TryTakeEvent(out Http3Event e))
        {
            // Readable and Writable come again after the move; a head was taken by the caller.
            Assert.AreNotEqual(Http3EventKind.Head, e.Kind);
        }

        SnapshotWriter writer = new(default);
        Export(session, writer);

        // Same state, same bytes.
        SnapshotWriter again = new(default);
        Export(Import(Sections(writer), link), again);
        CollectionAssert.AreEqual(writer.Written.ToArray(), again.Written.ToArray());

        Http3Session moved = Import(Sections(writer), link);
        link.Server.Attach(moved);
        moved.Resume();
        return moved;
    }

    internal static List<SnapshotSection> Sections(SnapshotWriter writer)
    {
        List<SnapshotSection> sections = [];
        SnapshotReader reader = new(writer.Written.ToArray(), default);
        while (!reader.IsEmpty)
        {
            sections.Add(reader.ReadSection());
        }

        return sections;
    }

    private static Http3Session Import(List<SnapshotSection> sections, FakeLink link) =>
        SessionSnapshot.Import([.. sections.Select(section => (section, default(Net.Core.Time.Instant)))], link.Server);

    private static void Export(Http3Session session, SnapshotWriter writer)
    {
        foreach (TravellingPart part in SessionSnapshot.Parts(session))
        {
            writer.WriteSection(part.Section, part.Key, part.Export);
        }
    }

    private static SnapshotReader Written(Action<SnapshotWriter> export)
    {
        SnapshotWriter writer = new(default);
        export(writer);
        return new(writer.Written.ToArray(), default);
    }

    private static void Take(Http3Session server, List<byte> body, ref RequestHead? head)
    {
        byte[] buffer = new byte[100];
        while (server.TryTakeEvent(out Http3Event e))
        {
            head = server.TakeRequest(e.Id) ?? head;
            while (e.Kind == Http3EventKind.Readable && server.Read(e.Id, buffer, out int count) == ReadOutcome.Data)
            {
                body.AddRange(buffer.AsSpan(0, count));
            }
        }
    }
}
