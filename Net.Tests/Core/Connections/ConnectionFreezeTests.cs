using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

[TestClass]
public sealed class ConnectionFreezeTests
{
    private readonly World _world = new(1);
    private readonly Peer _client;
    private readonly Peer _server;
    private readonly Connection _near;

    public ConnectionFreezeTests()
    {
        _client = new(_world, "10.0.0.1:1000");
        _server = new(_world, "10.0.0.2:443");
        _near = _client.Connect(_server);
    }

    private Connection Far => _server.Accepted[0];

    /// <summary>Goal: a frozen connection neither sends nor processes: every call but those of a move throws, and it has no deadline.</summary>
    [TestMethod]
    public void Frozen_it_does_nothing()
    {
        Confirm();
        Assert.IsTrue(Far.TryOpen(unidirectional: true, out StreamId id));
        Far.Freeze(_world.Now);
        byte[] buffer = new byte[64 * 1500];
        Instant now = _world.Now;
        Action[] calls =
        [
            () => Far.OnDatagram(buffer, Far.Path, Ecn.NotEct, 0, now), () => Far.Tick(now), () => Far.TryTransmit(buffer, 0, now, out _),
            () => Far.TryTakeEvent(out _), () => Far.TryTakeRequest(out _), () => Far.TryOpen(false, out _), () => Far.Write(id, "a"u8, true),
            () => Far.WriteRoom(id), () => Far.ReadState(id), () => Far.Consume(id, 0), () => Far.Reset(id, 0), () => Far.StopSending(id, 0),
            () => Far.SetPriority(id, 0, false), () => Far.Close(0, "", now), Far.Ping, () => Far.Freeze(now),
        ];
        foreach (Action call in calls)
        {
            _ = Assert.ThrowsExactly<InvalidOperationException>(call);
        }

        Assert.AreEqual(Instant.Never, Far.Deadline);
    }

    /// <summary>Goal: a connection to which nothing has happened since its copy says so, through copies, freezes and exports; any call that may change something is seen.</summary>
    [TestMethod]
    public void It_is_known_without_asking_its_parts_whether_anything_has_happened()
    {
        Confirm();
        Assert.IsTrue(Far.TryOpen(unidirectional: true, out StreamId id));
        ulong calls = Far.Calls;
        SnapshotWriter copy = new(_world.Now), again = new(_world.Now);
        _ = Far.Copy(copy, []);
        Assert.IsFalse(Far.IsFrozen);
        Far.Freeze(_world.Now);
        _ = Far.Export(0, again);
        Assert.AreEqual(calls, Far.Calls);
        Assert.IsTrue(copy.Written.Span.SequenceEqual(again.Written.Span));
        Far.Thaw(Far.Epoch, _world.Now);

        byte[] buffer = new byte[64 * 1500];
        Action[] happenings =
        [
            () => Far.OnDatagram(buffer.AsSpan(0, 50), Far.Path, Ecn.NotEct, 0, _world.Now), () => Far.Tick(_world.Now),
            () => Far.TryTransmit(buffer, 0, _world.Now, out _), () => Far.TryTakeEvent(out _), () => Far.Write(id, "a"u8, false), () => Far.Reset(id, 0),
            Far.Ping, () => Far.Close(0, "", _world.Now),
        ];
        foreach (Action happening in happenings)
        {
            calls = Far.Calls;
            happening();
            Assert.IsGreaterThan(calls, Far.Calls);
        }
    }

    /// <summary>Goal: a fault of ours ends a connection also in the middle of a move: it is not written down any more, its copy is out of date, and it is silent.</summary>
    [TestMethod]
    public void A_fault_ends_it_also_while_it_stands_still()
    {
        Confirm();
        _ = Far.Copy(new(_world.Now), []);
        ulong calls = Far.Calls;
        Far.Freeze(_world.Now);
        Far.Abandon();

        Assert.IsGreaterThan(calls, Far.Calls);
        Assert.AreEqual(CloseOrigin.Fault, Far.CloseReason!.Value.Origin);
        _ = Assert.ThrowsExactly<InvalidOperationException>(() => Far.Export(0, new(_world.Now)));
        Assert.IsFalse(Far.TryFreeze(_world.Now));
        Far.Ping();
        Assert.IsFalse(Far.TryTransmit(new byte[64 * 1500], 0, _world.Now, out _));
        Assert.AreEqual(Instant.Never, Far.Deadline);
    }

    /// <summary>Goal: what was copied ages until the source stands still, although nothing is said of it then; and never backwards.</summary>
    [TestMethod]
    public void A_copy_that_needs_no_completion_is_read_at_the_time_of_the_freeze()
    {
        Confirm();
        SnapshotWriter copy = new(_world.Now);
        _ = Far.Copy(copy, []);
        Instant later = _world.Now + TimeSpan.FromSeconds(3), here = new(TimeSpan.TicksPerDay);
        ConnectionImage image = new(), aged = new();
        image.Apply(copy.Written);
        aged.Apply(copy.Written);
        aged.Advance(later.Ticks);
        ulong section = SectionNumber.IdleTimer;
        Assert.AreEqual(TimeSpan.FromSeconds(3), image.Read(section, 0, here).Now - aged.Read(section, 0, here).Now);
        _ = Assert.ThrowsExactly<SnapshotException>(() => aged.Advance(_world.Now.Ticks));
    }

    /// <summary>Goal: only a confirmed connection freezes, only a frozen one is written down or thawed, an epoch never goes back, and a destroyed one is over.</summary>
    [TestMethod]
    public void The_calls_of_a_move_have_an_order()
    {
        _ = Assert.ThrowsExactly<InvalidOperationException>(() => _near.Freeze(_world.Now));
        Confirm();
        SnapshotWriter writer = new(_world.Now);
        _ = Assert.ThrowsExactly<InvalidOperationException>(() => Far.Export(0, writer));
        _ = Assert.ThrowsExactly<InvalidOperationException>(() => Far.Thaw(Far.Epoch, _world.Now));

        Far.Freeze(_world.Now);
        Far.Thaw(Far.Epoch + 2, _world.Now);
        Far.Freeze(_world.Now);
        _ = Assert.ThrowsExactly<InvalidOperationException>(() => Far.Thaw(Far.Epoch - 1, _world.Now));
        Far.Destroy();
        _ = Assert.ThrowsExactly<InvalidOperationException>(() => Far.Export(0, writer));
        _ = Assert.ThrowsExactly<InvalidOperationException>(() => Far.Thaw(Far.Epoch, _world.Now));
    }

    /// <summary>Goal: a copy, completed by what changed since, is the whole: a stream that ended in between does not come back.</summary>
    [TestMethod]
    public void A_delta_forgets_what_has_ended()
    {
        Confirm();
        Assert.IsTrue(Far.TryOpen(unidirectional: true, out StreamId id));
        Far.Freeze(_world.Now);
        ConnectionImage image = new();
        ulong copied = Export(since: 0, image);
        Far.Thaw(Far.Epoch, _world.Now);

        Assert.AreEqual(1, Far.Write(id, "a"u8, fin: true));
        Read(id);
        _server.Pump();
        _world.RunUntil(() => !Far.OpenStreams.Any(), TimeSpan.FromSeconds(5));

        Far.Freeze(_world.Now);
        _ = Export(copied, image);
        Connection restored = Connection.Import(image, ConnectionOptions.Default, Peer.Keys, _world.Now);
        Assert.IsFalse(restored.OpenStreams.Any());

        ConnectionImage whole = new();
        _ = Export(since: 0, whole);
        CollectionAssert.AreEquivalent(Sections(whole), Sections(image), "what has ended must not pile up at the destination");
    }

    private void Read(StreamId id) => _client.OnEvent = (c, e) =>
    {
        if (e.Kind == ConnectionEventKind.Stream && e.Stream.Id == id && c.Peek(id).Length is > 0 and int length)
        {
            c.Consume(id, length);
            _ = c.ReadState(id);
        }
    };

    private List<(ulong Number, ulong Key)> Sections(ConnectionImage image) => [.. image.Sections(_world.Now).Select(static s => (s.Section.Number, s.Section.Key))];

    private ulong Export(ulong since, ConnectionImage image)
    {
        SnapshotWriter writer = new(_world.Now);
        ulong copied = Far.Export(since, writer);
        image.Apply(writer.Written);
        return copied;
    }

    /// <summary>
    /// Goal: an image takes one connection after the other; nothing of one is in the next, however many sections it had.
    /// Method: a connection with more streams than readers are kept, then one with a single stream, then the first again.
    /// </summary>
    [TestMethod]
    public void One_image_serves_for_many_connections()
    {
        Confirm();
        Assert.IsTrue(Far.TryOpen(unidirectional: true, out StreamId first));
        Far.Write(first, "first"u8, fin: false);
        byte[] few = Export();
        int streams = 1;
        while (streams < 80 && Far.TryOpen(unidirectional: false, out _))
        {
            streams++;
        }

        Assert.AreEqual(80, streams, "the peer's limit is too low for this test");
        byte[] many = Export();
        ConnectionImage image = new();
        foreach ((byte[] export, int count) in ((byte[], int)[])[(many, streams), (few, 1), (many, streams)])
        {
            image.Apply(export);
            Connection connection = Connection.Import(image, ConnectionOptions.Default, Peer.Keys, _world.Now);
            image.Wipe();
            Assert.HasCount(count, connection.OpenStreams.ToArray());
            connection.Destroy();
        }

        byte[] Export()
        {
            SnapshotWriter writer = new(_world.Now);
            _ = Far.Copy(writer, []);
            return writer.Written.ToArray();
        }
    }

    private void Confirm() => _world.RunUntil(() => _near.IsConfirmed && _server.Accepted.Count > 0 && Far.IsConfirmed, TimeSpan.FromSeconds(5));
}
