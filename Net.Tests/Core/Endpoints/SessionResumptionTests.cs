using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Endpoints;

/// <summary>A client that comes back, over a whole endpoint and a network.</summary>
[TestClass]
public sealed class SessionResumptionTests
{
    /// <summary>Goal: a client that comes back resumes, by default; each ticket is used once, and each connection brings new ones.</summary>
    [TestMethod]
    public void A_client_that_comes_back_resumes()
    {
        Site site = new();
        Assert.IsFalse(site.Connect().Session!.IsResumed);
        for (int i = 0; i < 5; i++)
        {
            Connection again = site.Connect();
            Assert.IsTrue(again.Session!.IsResumed, $"the {i + 1}. time");
            Assert.IsTrue(site.Server.Accepted[^1].Session!.IsResumed);
            Assert.AreEqual(EarlyDataState.None, again.EarlyData);
        }
    }

    /// <summary>Goal: any node of the federation takes the ticket of any other, also after the keys were rotated; one of other keys does not (checklist S45).</summary>
    [TestMethod]
    public void Another_node_takes_the_ticket()
    {
        Site site = new();
        _ = site.Connect();
        ConnectionKeys next = new(2, 1, Enumerable.Repeat((byte)7, 32).ToArray(), Enumerable.Repeat((byte)8, 32).ToArray());
        Peer rotated = new(site.World, "10.0.0.3:443", options: Site.ServerOptions(early: false) with { Keys = [next, Peer.Keys] });
        Assert.IsTrue(site.Connect(rotated).Session!.IsResumed);
        Peer stranger = new(site.World, "10.0.0.4:443", options: Site.ServerOptions(early: false) with { Keys = [next] });
        Assert.IsTrue(site.Connect(stranger).Session!.IsResumed, "the newest ticket is of the new keys");
        Peer other = new(site.World, "10.0.0.5:443", options: Site.ServerOptions(early: false) with { Keys = [next with { Number = 3 }] });
        Assert.IsFalse(site.Connect(other).Session!.IsResumed);
    }

    /// <summary>Goal: no ticket without a clock, none when it is switched off at either end.</summary>
    [TestMethod]
    public void Tickets_can_be_switched_off()
    {
        Site none = new(options: Site.ServerOptions(early: false) with { Server = new() { AlpnProtocols = ["test"u8.ToArray()], Tickets = 0 } });
        _ = none.Connect();
        Assert.IsFalse(none.Connect().Session!.IsResumed);
        Site timeless = new();
        timeless.Server.Endpoint.WallClock = null;
        _ = timeless.Connect();
        Assert.IsFalse(timeless.Connect().Session!.IsResumed);
    }

    /// <summary>Goal: a request in 0-RTT is answered a round trip earlier, and the server can tell that it may be a copy until the handshake is complete.</summary>
    [TestMethod]
    public void Early_data_is_answered_before_the_handshake_is_complete()
    {
        Site site = new(early: true);
        Connection first = site.Connect(early: true);
        Assert.AreEqual(EarlyDataState.None, first.EarlyData);
        byte[] request = new byte[8_000];
        site.World.Random.Fill(request);
        Echo echo = new(site, request);
        Connection second = site.Connect(early: true);

        CollectionAssert.AreEqual(request, echo.Received);
        Assert.AreEqual(EarlyDataState.Accepted, second.EarlyData);
        Assert.AreEqual(EarlyDataState.Accepted, site.Server.Accepted[^1].EarlyData);
        Assert.IsTrue(echo.SeenEarly, "the server read it before the handshake was complete");
        Assert.AreEqual(1, echo.RoundTrips, "the request went with the first flight");
        Assert.AreEqual(0, second.Parts.Recovery.PtoCount);
        Assert.IsNull(second.Parts.Handshake);
        Assert.IsNull(site.Server.Accepted[^1].Parts.Handshake, "the keys of 0-RTT are gone");
    }

    /// <summary>Goal: when 0-RTT is rejected, all that was sent is sent again, in order and once; the application notices nothing but time.</summary>
    [TestMethod]
    [DataRow("off")]
    [DataRow("other keys")]
    [DataRow("settings")]
    public void Rejected_early_data_is_sent_again(string why)
    {
        Site site = new(early: true);
        _ = site.Connect(early: true);
        EndpointOptions options = Site.ServerOptions(early: why != "off");
        Peer other = new(site.World, "10.0.0.3:443", options: why switch
        {
            "other keys" => options with { Keys = [Peer.Keys with { ResetKey = Enumerable.Repeat((byte)1, 32).ToArray() }] },
            "settings" => options with { Server = new() { AlpnProtocols = ["test"u8.ToArray()], AcceptsEarlyData = true, EarlyDataState = new byte[] { 1 } } },
            _ => options,
        });
        byte[] request = new byte[8_000];
        site.World.Random.Fill(request);
        Echo echo = new(site, request, other);
        Connection second = site.Connect(other, early: true);

        CollectionAssert.AreEqual(request, echo.Received);
        Assert.AreEqual(EarlyDataState.Rejected, second.EarlyData);
        Assert.AreEqual(why != "other keys", second.Session!.IsResumed);
        Assert.IsFalse(echo.SeenEarly);
        Assert.AreEqual(0UL, second.Parts.Traffic.PacketsLost, "what was skipped is known not to have been lost");
    }

    /// <summary>Goal: a Retry keeps 0-RTT: the packets are sent again, with new numbers under the same keys (RFC 9000, section 17.2.5.3).</summary>
    [TestMethod]
    public void Early_data_survives_a_Retry()
    {
        Site site = new(options: Site.ServerOptions(early: true) with { RetryAbove = 0 });
        _ = site.Connect(early: true);
        byte[] request = new byte[3_000];
        site.World.Random.Fill(request);
        Peer other = new(site.World, "10.0.0.3:443", options: Site.ServerOptions(early: true) with { RetryAbove = 0 });
        Echo echo = new(site, request, other);
        Connection second = site.Connect(other, early: true);
        CollectionAssert.AreEqual(request, echo.Received);
        Assert.AreEqual(EarlyDataState.Accepted, second.EarlyData);
        Assert.IsTrue(echo.SeenEarly);
    }

    /// <summary>Goal: limits that are smaller than remembered: a server that accepts is at fault (checklist S44), one that rejects is not, and what was not begun is no loss.</summary>
    [TestMethod]
    public void S44_reduced_limits()
    {
        Site site = new(early: true);
        _ = site.Connect(early: true);
        ConnectionOptions small = ConnectionOptions.Default with { Streams = new() { StreamWindow = 2_000, ConnectionWindow = 4_000 } };
        Peer other = new(site.World, "10.0.0.3:443", options: Site.ServerOptions(early: true) with { Connection = small });
        Connection idle = site.Connect(other, early: true);
        Assert.AreEqual((EarlyDataState.Rejected, true), (idle.EarlyData, idle.IsOpen), "nothing was sent");
        Assert.IsTrue(idle.TryOpen(unidirectional: false, out StreamId id));
        Assert.AreEqual(2_000UL, idle.Parts.Streams.PeerLimits.MaxStreamDataBidiRemote);

        _ = site.Connect(early: true);
        _ = new Echo(site, new byte[100], other);
        Connection busy = site.Connect(other, early: true);
        Assert.AreEqual((CloseOrigin.LocalTransport, 0UL), (busy.CloseReason!.Value.Origin, busy.CloseReason.Value.Code), "it cannot be repeated within the new limits");
    }

    /// <summary>Goal: a node that takes a connection over, and has a newer key, gives the client tickets of its own, which a third node takes.</summary>
    [TestMethod]
    public void A_connection_that_has_moved_gives_tickets_of_its_new_owner()
    {
        Site site = new();
        Connection client = site.Connect();
        ConnectionKeys next = new(2, 1, Enumerable.Repeat((byte)7, 32).ToArray(), Enumerable.Repeat((byte)8, 32).ToArray());
        Peer owner = new(site.World, "10.0.0.3:443", options: Site.ServerOptions(early: false) with { Keys = [next, Peer.Keys] }) { ActAs = site.Server.Address };
        Connection old = site.Server.Accepted[0];
        old.Freeze(site.World.Now);
        SnapshotWriter writer = new(site.World.Now);
        old.Export(0, writer);
        old.Destroy();
        site.Server.Endpoint.Remove(old);
        ConnectionImage image = new();
        image.Apply(writer.Written);
        Connection moved = Connection.Import(image, ConnectionOptions.Default, Peer.Keys, site.World.Now);
        Assert.AreEqual((2UL, (uint?)1), (moved.Parts.Tickets.Issued, moved.Parts.Tickets.IssuedUnder));
        moved.Thaw(1, site.World.Now);
        owner.Endpoint.Adopt(moved);
        site.World.Attach(site.Server.Address, owner.Deliver);
        owner.Pump();
        site.World.Run(TimeSpan.FromSeconds(1));
        Assert.AreEqual((4UL, (uint?)2), (moved.Parts.Tickets.Issued, moved.Parts.Tickets.IssuedUnder));

        Peer third = new(site.World, "10.0.0.4:443", options: Site.ServerOptions(early: false) with { Keys = [next] });
        Assert.IsTrue(client.IsOpen);
        Assert.IsTrue(site.Connect(third).Session!.IsResumed);
    }

    /// <summary>A client, a server, and the network between them: 5 ms one way.</summary>
    private sealed class Site
    {
        public Site(bool early = false, EndpointOptions? options = null)
        {
            World = new(3);
            Server = new(World, "10.0.0.2:443", options: options ?? ServerOptions(early));
            Client = new(World, "10.0.0.1:1000");
        }

        public World World { get; }

        public Peer Server { get; }

        public Peer Client { get; }

        public static EndpointOptions ServerOptions(bool early) => Peer.DefaultOptions with
        {
            Server = new() { AlpnProtocols = ["test"u8.ToArray()], AcceptsEarlyData = early },
        };

        /// <summary>Connects, and lets a second pass.</summary>
        public Connection Connect(bool early = false) => Connect(Server, early);

        public Connection Connect(Peer server, bool early = false)
        {
            Connection connection = Client.Connect(server, earlyData: early);
            Net.Core.Time.Instant until = World.Now + TimeSpan.FromSeconds(1);
            while (World.TryStep(until))
            {
            }

            return connection;
        }
    }

    /// <summary>The next connection of the site sends a request as soon as it may, and the server sends it back.</summary>
    private sealed class Echo
    {
        public Echo(Site site, byte[] request, Peer? server = null)
        {
            server ??= site.Server;
            Net.Core.Time.Instant begun = default;
            StreamId? id = null;
            site.Client.OnEvent = (connection, e) =>
            {
                if (e.Kind is ConnectionEventKind.EarlyData or ConnectionEventKind.HandshakeCompleted && id is null)
                {
                    begun = site.World.Now;
                    Assert.IsTrue(connection.TryOpen(unidirectional: false, out StreamId opened));
                    id = opened;
                    Assert.AreEqual(request.Length, connection.Write(opened, request, fin: true));
                }
                else if (e.Kind == ConnectionEventKind.Stream && e.Stream.Id == id)
                {
                    RoundTrips = Received.Count == 0 ? (int)Math.Round((site.World.Now - begun) / TimeSpan.FromMilliseconds(10)) : RoundTrips;
                    Drain(connection, e.Stream.Id, Received);
                }
            };
            server.OnEvent = (connection, e) =>
            {
                if (e.Kind == ConnectionEventKind.Stream && connection.IsOpen)
                {
                    List<byte> bytes = [];
                    Drain(connection, e.Stream.Id, bytes);
                    SeenEarly |= bytes.Count > 0 && !connection.IsHandshakeComplete;
                    if (bytes.Count > 0)
                    {
                        Assert.AreEqual(bytes.Count, connection.Write(e.Stream.Id, bytes.ToArray(), fin: false));
                    }
                }
            };
        }

        public List<byte> Received { get; } = [];

        public bool SeenEarly { get; private set; }

        public int RoundTrips { get; private set; }

        private static void Drain(Connection connection, StreamId id, List<byte> into)
        {
            while (connection.Peek(id) is { IsEmpty: false } bytes)
            {
                into.AddRange(bytes);
                connection.Consume(id, bytes.Length);
            }
        }
    }
}
