using System.Buffers.Binary;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Tests.Migration.Ingress;

[TestClass]
public sealed class RouterTests
{
    private static readonly Member A = new("a", 1), B = new("b", 2);
    private static readonly UdpAddress NodeA = Address("10.0.0.1:1"), NodeB = Address("10.0.0.2:2"), Client = Address("192.0.2.7:7777"), Public = Address("192.0.2.1:443");
    private static readonly byte[] Odcid = [8, 7, 6, 5, 4, 3, 2, 1], Scid = [1, 2, 3];
    private static readonly FederationKeys Keys = FederationKeys.Create(new byte[FederationKeys.EntropyLength]);
    private Instant _now = new(1_000_000);

    /// <summary>Goal: a short header goes to the owner of the shard in its ID; one of an unknown shard goes nowhere.</summary>
    [TestMethod]
    public void Short_headers_go_by_shard()
    {
        Router router = Ready();
        Assert.AreEqual(new(RouteVerdict.Forward, NodeA, 1, 1), From(router, Short(1)));
        Assert.AreEqual(RouteVerdict.Drop, From(router, Short(5)).Verdict);
        Assert.AreEqual(RouteVerdict.Drop, From(router, Short(0)).Verdict);
        Assert.AreEqual(RouteVerdict.Drop, From(router, [0x40, 1, 2]).Verdict);
        Assert.AreEqual(RouteVerdict.Drop, From(router, []).Verdict);
    }

    /// <summary>Goal: the shard is hidden: who writes it for all to read, under another key, of another generation, or changes what was written, reaches nobody.</summary>
    [TestMethod]
    public void Only_the_federation_makes_IDs_that_lead_somewhere()
    {
        Router router = Ready();
        FederationKey own = Keys.Cid.Current;
        FederationKey[] others = [own with { EncryptsIds = false }, own with { Number = 1 }, own with { Secret = Enumerable.Repeat((byte)1, 32).ToArray() }];
        foreach (FederationKey other in others)
        {
            Assert.AreEqual(RouteVerdict.Drop, From(router, Short(1, key: other)).Verdict);
        }

        byte[] changed = Short(1);
        changed[13] ^= 1;
        Assert.AreEqual(RouteVerdict.Drop, From(router, changed).Verdict);
        Assert.AreEqual(4, router.Counters.Unroutable);
        Assert.AreEqual(RouteVerdict.Forward, From(router, Short(1)).Verdict);
    }

    /// <summary>Goal: after a rotation IDs of both generations lead to their owners; an ID of the next one to nobody before it is known.</summary>
    [TestMethod]
    public void IDs_of_every_generation_are_followed()
    {
        Router router = Ready();
        FederationKeys next = Keys.BeginRotation(new byte[FederationKeys.EntropyLength]);
        Assert.AreEqual(RouteVerdict.Drop, From(router, Short(1, key: next.Cid.Current)).Verdict);
        router.UseKeys(next.ForRouters().Shards);
        Assert.AreEqual(new(RouteVerdict.Forward, NodeA, 1, 1), From(router, Short(1, key: next.Cid.Current)));
        Assert.AreEqual(new(RouteVerdict.Forward, NodeB, 2, 1), From(router, Short(2)));
        router.UseKeys((next with { Cid = next.Cid.Retire() }).ForRouters().Shards);
        Assert.AreEqual(RouteVerdict.Drop, From(router, Short(2)).Verdict);
    }

    /// <summary>Goal: datagrams that have one ID cost one decryption, and those whose connection the table knows none; other keys read it anew.</summary>
    [TestMethod]
    public void An_ID_is_read_once()
    {
        Router router = Ready();
        for (int i = 0; i < 45; i++)
        {
            Assert.AreEqual(new(RouteVerdict.Forward, NodeA, 1, 1), From(router, Short(1)));
        }

        Assert.AreEqual(1, router.Counters.Read);
        Assert.AreEqual(new(RouteVerdict.Forward, NodeB, 2, 1), From(router, Short(2)));
        Assert.AreEqual(new(RouteVerdict.Forward, NodeA, 1, 1), From(router, Short(1)));
        Assert.AreEqual(3, router.Counters.Read);

        byte[] hello = ClientFlight.Hello("api.example.org");
        byte[] ours = Short(1)[1..(1 + CidLayout.Length)], other = Short(9)[1..(1 + CidLayout.Length)];
        Assert.AreEqual(2u, From(router, ClientFlight.Initial(other, Scid, 0, hello, (0, hello.Length))).Shard);
        Assert.AreEqual(4, router.Counters.Read);
        Assert.AreEqual(2u, From(router, ClientFlight.Initial(ours, Scid, 1, hello, (0, 1))).Shard, "the table goes before the ID");
        Assert.AreEqual(4, router.Counters.Read);

        Assert.AreEqual(RouteVerdict.Forward, From(router, Short(1)).Verdict);
        Assert.AreEqual(5, router.Counters.Read);
        router.UseKeys((Keys with { Cid = new(Keys.Cid.Current with { Number = 1 }) }).ForRouters().Shards);
        Assert.AreEqual(RouteVerdict.Drop, From(router, Short(1)).Verdict);
        Assert.AreEqual(RouteVerdict.Drop, From(router, [0x40]).Verdict);
        Assert.AreEqual(2u, From(router, ClientFlight.Initial([], [9, 9], 0, hello, (0, hello.Length)), Client.WithPort(9)).Shard, "an ID of no length was not read");
    }

    /// <summary>Goal: a long header whose ID is not ours goes by name as before, even if it looks like one of ours.</summary>
    [TestMethod]
    public void A_first_ID_that_looks_like_ours_goes_by_name()
    {
        Router router = Ready();
        byte[] hello = ClientFlight.Hello("api.example.org");
        byte[] first = [12, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], ours = new byte[CidLayout.Length];
        CidLayout.Write(ours, 0, 1, new byte[8], Keys.Cid.Current.DeriveCipher());
        Assert.AreEqual(2u, From(router, ClientFlight.Initial(first, [7], 0, hello, (0, hello.Length))).Shard);
        Assert.AreEqual(1u, From(router, ClientFlight.Initial(ours, [8], 0, hello, (0, hello.Length)), Client.WithPort(9)).Shard);
    }

    /// <summary>Goal: below the fence nothing passes to a client; above it is held until the directory confirms, then passes.</summary>
    [TestMethod]
    public void Downlink_is_fenced_both_ways()
    {
        Router router = Ready();
        Assert.AreEqual(RouteVerdict.Forward, router.OnNode(Down(1, 1), [1], _now));
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(1, 2), [2], _now));
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(1, 2), [3], _now));
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(9, 1), [9], _now), "unknown shard");
        CollectionAssert.AreEqual(new[] { "check 1", "check 9" }, Outputs(router));
        Assert.AreEqual(RouteVerdict.Forward, router.OnNode(Down(1, 1), [1], _now), "still the owner");

        router.OnRecord(Record("web", B, 2, 1), _now);
        CollectionAssert.AreEqual(new[] { "client 2", "client 3" }, Outputs(router));
        Assert.AreEqual(RouteVerdict.Drop, router.OnNode(Down(1, 1), [1], _now), "the old owner's late datagram");
        Assert.AreEqual(1, router.Counters.Fenced);
        Assert.AreEqual(2ul, router.Fence(1));
        router.OnRecord(Record("web", A, 1, 1), _now);
        Assert.AreEqual(new(RouteVerdict.Forward, NodeB, 1, 2), From(router, Short(1)), "an old record changes nothing");
    }

    /// <summary>Goal: what was held under an epoch that never became true is dropped, and the number held is bounded.</summary>
    [TestMethod]
    public void A_higher_epoch_that_lost_is_dropped()
    {
        Router router = Ready(new() { MaxUnconfirmed = 2 });
        _ = router.OnNode(Down(1, 2), [2], _now);
        _ = router.OnNode(Down(1, 3), [3], _now);
        Assert.AreEqual(RouteVerdict.Drop, router.OnNode(Down(1, 3), [4], _now));
        router.OnRecord(Record("web", B, 3, 1), _now);
        CollectionAssert.AreEqual(new[] { "check 1", "check 1", "client 3" }, Outputs(router));
    }

    /// <summary>Goal: from the marker on datagrams wait, and go to the winner in order; to the old owner when it goes on.</summary>
    [TestMethod]
    public void A_marker_holds_and_the_winner_gets_all_in_order()
    {
        Router router = Ready();
        Marker(router, IngressDatagram.Marker, 1, 1);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 10)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 11)).Verdict);
        Assert.IsEmpty(Outputs(router));
        router.OnRecord(Record("web", B, 2, 1), _now);
        CollectionAssert.AreEqual(new[] { "10.0.0.2:2 epoch 2 Data 10", "10.0.0.2:2 epoch 2 Data 11" }, Outputs(router));
        Assert.AreEqual(RouteVerdict.Forward, From(router, Short(1)).Verdict);

        Marker(router, IngressDatagram.Marker, 2, 5);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 12)).Verdict);
        Marker(router, IngressDatagram.ResumeMarker, 2, 5);
        CollectionAssert.AreEqual(new[] { "10.0.0.2:2 epoch 2 Data 12" }, Outputs(router));
    }

    /// <summary>
    /// Goal: a client whose address changes while its datagrams are held is held under both addresses, and the winner gets all in order, each with the
    /// address that it came from; so with what the frozen owner hands back.
    /// </summary>
    [TestMethod]
    public void A_client_that_changes_its_address_while_held_is_found()
    {
        Router router = Ready();
        UdpAddress next = Address("198.51.100.9:5555");
        Marker(router, IngressDatagram.Marker, 1, 1);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 11)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 12), next).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 13)).Verdict, "the network may reorder");
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(1, 1) with { Type = IngressDatagram.HandBack }, Short(1, 10), _now));
        router.OnRecord(Record("web", B, 2, 1), _now);
        List<(UdpAddress, UdpAddress, byte)> passed = [];
        while (router.TryTakeOutput(out RouterOutput output))
        {
            passed.Add((output.Node, output.Header.Client, output.Bytes.Span[^1]));
        }

        CollectionAssert.AreEqual(new[] { (NodeB, Client, (byte)10), (NodeB, Client, (byte)11), (NodeB, next, (byte)12), (NodeB, Client, (byte)13) }, passed);
        Assert.AreEqual(new(RouteVerdict.Forward, NodeB, 1, 2), From(router, Short(1, 14), next));
        Assert.AreEqual(RouteVerdict.Forward, router.OnNode(Down(1, 2) with { Client = next }, [1], _now));
    }

    /// <summary>Goal: a marker that comes late, twice, or from a fenced epoch does not stop the component.</summary>
    [TestMethod]
    public void A_late_marker_does_nothing()
    {
        Router router = Ready();
        Marker(router, IngressDatagram.ResumeMarker, 1, 3);
        Marker(router, IngressDatagram.Marker, 1, 3);
        Marker(router, IngressDatagram.Marker, 1, 2);
        Assert.AreEqual(RouteVerdict.Forward, From(router, Short(1)).Verdict);
        router.OnRecord(Record("web", B, 2, 1), _now);
        Marker(router, IngressDatagram.Marker, 1, 4);
        Assert.AreEqual(RouteVerdict.Forward, From(router, Short(1)).Verdict);
    }

    /// <summary>Goal: buffers are bounded per client and per component; others still have room.</summary>
    [TestMethod]
    public void Buffers_are_bounded()
    {
        Router router = Ready(new() { MaxHeldPerClient = 2, MaxHeldBytesPerComponent = 80 });
        Marker(router, IngressDatagram.Marker, 1, 1);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 1)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 2)).Verdict);
        Assert.AreEqual(RouteVerdict.Drop, From(router, Short(1, 3)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 4), Client.WithPort(8)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 5), Client.WithPort(9)).Verdict);
        Assert.AreEqual(RouteVerdict.Drop, From(router, Short(1, 6), Client.WithPort(10)).Verdict, "bytes");
        Assert.AreEqual(2, router.Counters.Overflowed);
    }

    /// <summary>Goal: the first label of the server name chooses the component; an address, none or an unknown name the default.</summary>
    [TestMethod]
    [DataRow("api.example.org", 2)]
    [DataRow("API.example.org", 2)]
    [DataRow("web.example.org", 1)]
    [DataRow("other.example.org", 1)]
    [DataRow("api", 2)]
    [DataRow(null, 1)]
    public void A_new_connection_goes_by_name(string? name, int shard)
    {
        Router router = Ready();
        byte[] hello = ClientFlight.Hello(name);
        Assert.AreEqual((uint)shard, From(router, ClientFlight.Initial(Odcid, Scid, 0, hello, (0, hello.Length))).Shard);
        // A second datagram of the flight has no ClientHello any more: the table knows.
        Assert.AreEqual((uint)shard, From(router, ClientFlight.Initial(Odcid, Scid, 1, hello, (0, 1))).Shard);
    }

    /// <summary>Goal: a ClientHello over two datagrams in the wrong order is waited for, and both go on in the order in which they came.</summary>
    [TestMethod]
    public void A_split_ClientHello_is_waited_for()
    {
        Router router = Ready();
        byte[] hello = ClientFlight.Hello("api.example.org", padding: 1500);
        byte[] second = ClientFlight.Initial(Odcid, Scid, 1, hello, (900, hello.Length - 900));
        byte[] first = ClientFlight.Initial(Odcid, Scid, 0, hello, (0, 900));
        Assert.AreEqual(RouteVerdict.Held, From(router, second).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, first).Verdict);
        List<byte[]> outputs = [];
        while (router.TryTakeOutput(out RouterOutput output))
        {
            Assert.AreEqual((NodeB, 2u), (output.Node, output.Header.Shard));
            outputs.Add(output.Bytes.ToArray());
        }

        Assert.HasCount(2, outputs);
        CollectionAssert.AreEqual(second, outputs[0]);
        CollectionAssert.AreEqual(first, outputs[1]);
    }

    /// <summary>
    /// Goal: the beginning of a ClientHello goes on as soon as it names the server: a client that sends no lost part again before it hears of the
    /// other one, as OpenSSL's, gets an answer, also behind a Retry.
    /// </summary>
    [TestMethod]
    public void A_name_is_enough()
    {
        Router router = Ready();
        byte[] hello = ClientFlight.Hello("api.example.org", padding: 1500);
        Route route = From(router, ClientFlight.Initial(Odcid, Scid, 0, hello, (0, 900)));
        Assert.AreEqual((RouteVerdict.Forward, NodeB, 2u), (route.Verdict, route.Node, route.Shard));
        Assert.AreEqual(2u, From(router, ClientFlight.Initial(Odcid, Scid, 1, hello, (900, hello.Length - 900))).Shard);
    }

    /// <summary>Goal: a client that does nothing but ask, with the beginning of its ClientHello lost, is answered by the default component, or by the only one.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_client_that_only_asks_is_answered(bool isAlone)
    {
        Router router = isAlone ? new(new(), ProtectionSuites.BaseLibrary, Keys.ForRouters().Shards, 1, 2) : Ready();
        if (isAlone)
        {
            router.OnMember(new(A, NodeA, [new("other", NodeA, [])]), true);
            router.OnRecord(Record("other", A, 1, 1), _now);
            router.OnSynchronized(_now);
        }

        byte[] hello = ClientFlight.Hello("api.example.org", padding: 1500);
        byte[] second = ClientFlight.Initial(Odcid, [], 1, hello, (900, hello.Length - 900));
        byte[] probe = ClientFlight.Initial(Odcid, [], 2, hello);
        Assert.AreEqual(RouteVerdict.Held, From(router, second).Verdict);
        _now += TimeSpan.FromMilliseconds(400);
        Assert.AreEqual(RouteVerdict.Held, From(router, probe).Verdict, "the rest may be on its way");
        _now += TimeSpan.FromMilliseconds(100);
        Assert.AreEqual(RouteVerdict.Held, From(router, ClientFlight.Initial(Odcid, [], 3, hello, (898, 4))).Verdict, "a bit more of it");
        Assert.AreEqual(RouteVerdict.Held, From(router, probe).Verdict);
        List<byte[]> outputs = [];
        while (router.TryTakeOutput(out RouterOutput output))
        {
            Assert.AreEqual(1u, output.Header.Shard);
            outputs.Add(output.Bytes.ToArray());
        }

        Assert.HasCount(4, outputs);
        CollectionAssert.AreEqual(second, outputs[0]);
        Assert.AreEqual((RouteVerdict.Forward, 1u), (From(router, probe).Verdict, From(router, probe).Shard), "from now on");
    }

    /// <summary>Goal: held first Initials go to the winner; connections that were there before are not held.</summary>
    [TestMethod]
    public void Initials_are_held_for_the_winner()
    {
        Router router = Ready();
        Assert.IsFalse(router.HoldInitials("web", 9, true), "another epoch");
        byte[] hello = ClientFlight.Hello("web");
        byte[] initial = ClientFlight.Initial(Odcid, Scid, 0, hello, (0, hello.Length));
        Assert.AreEqual(RouteVerdict.Forward, From(router, initial, Client.WithPort(1)).Verdict);
        Assert.IsTrue(router.HoldInitials("web", 1, true));
        Assert.AreEqual(RouteVerdict.Held, From(router, initial).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, initial).Verdict);
        Assert.AreEqual(RouteVerdict.Forward, From(router, initial, Client.WithPort(1)).Verdict);
        Assert.AreEqual(RouteVerdict.Forward, From(router, Short(1)).Verdict);
        router.OnRecord(Record("web", B, 2, 1), _now);
        Assert.HasCount(2, Outputs(router));
        Assert.AreEqual(NodeB, From(router, initial).Node);
    }

    /// <summary>Goal: the table and the incomplete flights are bounded in number and time.</summary>
    [TestMethod]
    public void Tables_are_bounded()
    {
        RouterOptions options = new() { MaxTable = 4, MaxPendingHellos = 2 };
        LongHeaderTable table = new(options, new(1, 2));
        for (ushort i = 1; i <= 10; i++)
        {
            table.Set(Client.WithPort(i), new(Odcid), i, false, _now);
        }

        Assert.AreEqual(4, table.Count);
        Assert.IsTrue(table.TryFind(Client.WithPort(10), new(Odcid), _now, out uint shard, out _));
        Assert.AreEqual(10u, shard);
        Assert.IsFalse(table.TryFind(Client.WithPort(10), new(Odcid), _now + TimeSpan.FromMinutes(1), out _, out _));
        table.Expire(_now + TimeSpan.FromMinutes(1));
        Assert.AreEqual(0, table.Count);

        PendingHellos pending = new(options, ProtectionSuites.BaseLibrary, new(1, 2));
        byte[] hello = ClientFlight.Hello("web");
        byte[] part = ClientFlight.Initial(Odcid, Scid, 0, hello, (0, 5));
        Assert.IsTrue(InvariantHeader.TryRead(part, 13, out InvariantHeader header));
        for (ushort i = 1; i <= 10; i++)
        {
            Assert.AreEqual(Inspection.NeedsMore, pending.OnDatagram(new(Client.WithPort(i), Public, Ecn.NotEct, 0, part), header, _now, out _, out _));
        }

        Assert.AreEqual(2, pending.Count);
        pending.Expire(_now + options.PendingTimeout);
        Assert.AreEqual(0, pending.Count);
    }

    /// <summary>Goal: a router that has just started holds everything, and passes it on in order once the directory has spoken.</summary>
    [TestMethod]
    public void A_router_that_knows_nothing_holds()
    {
        Router router = new(new(), ProtectionSuites.BaseLibrary, Keys.ForRouters().Shards, 1, 2);
        byte[] hello = ClientFlight.Hello(null);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 1)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, From(router, ClientFlight.Initial(Odcid, Scid, 0, hello, (0, hello.Length))).Verdict);
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(1, 1), [7], _now));
        router.OnMember(Node(A, NodeA), true);
        router.OnRecord(Record("web", A, 1, 1), _now);
        CollectionAssert.AreEqual(new[] { "check 1", "client 7" }, Outputs(router));
        router.OnSynchronized(_now);
        Assert.HasCount(2, Outputs(router));
    }

    /// <summary>Goal: of a router that ends everything goes to the next one that waits for whatever reason, each datagram once, and is routed there.</summary>
    [TestMethod]
    public void What_waits_in_a_router_goes_to_the_next_one()
    {
        Router router = Ready();
        byte[] hello = ClientFlight.Hello(null);
        byte[] half = ClientFlight.Initial(Odcid, Scid, 0, hello, (0, 5));
        Assert.AreEqual(RouteVerdict.Held, From(router, half).Verdict);
        Marker(router, IngressDatagram.Marker, 1, 1);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 8)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(1, 1) with { Type = IngressDatagram.HandBack }, Short(1, 7), _now));
        IReadOnlyList<HeldDatagram> held = router.TakeHeld();
        Assert.HasCount(3, held);
        CollectionAssert.AreEqual(half, held[0].Bytes);
        CollectionAssert.AreEqual(new byte[] { 7, 8 }, held.Skip(1).Select(datagram => datagram.Bytes[^1]).ToArray(), "in the order in which they came");
        Assert.IsEmpty(router.TakeHeld());

        Router unaware = new(new(), ProtectionSuites.BaseLibrary, Keys.ForRouters().Shards, 1, 2);
        Assert.AreEqual(RouteVerdict.Held, From(unaware, Short(1, 9)).Verdict);
        Assert.AreEqual(9, unaware.TakeHeld().Single().Bytes[^1]);

        Router next = Ready();
        Assert.AreEqual(RouteVerdict.Held, From(next, held[0].Bytes).Verdict);
        Assert.AreEqual(new(RouteVerdict.Forward, NodeA, 1, 1), From(next, held[1].Bytes));
        Assert.AreEqual(RouteVerdict.Held, From(next, ClientFlight.Initial(Odcid, Scid, 1, hello, (5, hello.Length - 5))).Verdict);
        Assert.HasCount(2, Outputs(next));
    }

    /// <summary>Goal: each component of a node has its own address, and an aggregate answers for the names of all its components.</summary>
    [TestMethod]
    public void A_name_of_an_aggregate_leads_to_its_one_record()
    {
        Router router = new(new(), ProtectionSuites.BaseLibrary, Keys.ForRouters().Shards, 1, 2);
        router.OnMember(new(A, NodeA, [new("web", NodeA, []), new("api", NodeB, ["cart", "orders"])]), true);
        router.OnRecord(Record("web", A, 1, 1), _now);
        router.OnRecord(Record("api", A, 1, 2), _now);
        router.OnSynchronized(_now);
        byte[] hello = ClientFlight.Hello("orders.example.org");
        Route route = From(router, ClientFlight.Initial(Odcid, Scid, 0, hello, (0, hello.Length)));
        Assert.AreEqual((RouteVerdict.Forward, NodeB, 2u), (route.Verdict, route.Node, route.Shard));
        Assert.AreEqual(NodeA, From(router, Short(1, 1)).Node);
        Assert.AreEqual(NodeB, From(router, Short(2, 1)).Node);
    }

    /// <summary>Goal: while the owner is dead or unknown its datagrams wait; they go when it, or another, is there.</summary>
    [TestMethod]
    public void A_dead_owners_datagrams_wait()
    {
        Router router = Ready();
        router.OnMember(Node(A, NodeA), false);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 4)).Verdict);
        router.OnRecord(Record("web", B, 2, 1), _now);
        CollectionAssert.AreEqual(new[] { "10.0.0.2:2 epoch 2 Data 4" }, Outputs(router));
    }

    /// <summary>Goal: what a node hands back goes to a newer owner once, and never round in a circle.</summary>
    [TestMethod]
    public void A_datagram_is_handed_back_once()
    {
        Router router = Ready();
        IngressHeader back = Down(1, 1) with { Type = IngressDatagram.HandBack };
        Assert.AreEqual(RouteVerdict.Drop, router.OnNode(back, [1], _now), "to the same owner");
        router.OnRecord(Record("web", B, 2, 1), _now);
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(back, [1], _now));
        CollectionAssert.AreEqual(new[] { "10.0.0.2:2 epoch 2 Rerouted 1" }, Outputs(router));
        Assert.AreEqual(RouteVerdict.Drop, router.OnNode(back with { Type = IngressDatagram.Rerouted, Epoch = 2 }, [1], _now));
    }

    /// <summary>Goal: what had passed before the marker and found the owner frozen reaches the next owner before what came after the marker.</summary>
    [TestMethod]
    public void What_a_frozen_owner_hands_back_goes_first()
    {
        Router router = Ready();
        Marker(router, IngressDatagram.Marker, 1, 1);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 8)).Verdict);
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(1, 1) with { Type = IngressDatagram.HandBack }, [7], _now));
        Assert.IsEmpty(Outputs(router));
        router.OnRecord(Record("web", B, 2, 1), _now);
        CollectionAssert.AreEqual(new[] { "10.0.0.2:2 epoch 2 Rerouted 7", "10.0.0.2:2 epoch 2 Data 8" }, Outputs(router));
    }

    /// <summary>Goal: a lost marker costs nothing while a move is under way: what is handed back tells the same.</summary>
    [TestMethod]
    public void A_hand_back_stands_for_a_lost_marker()
    {
        Router router = Ready();
        Assert.IsTrue(router.HoldInitials("web", 1, true));
        Assert.AreEqual(RouteVerdict.Held, router.OnNode(Down(1, 1) with { Type = IngressDatagram.HandBack }, [7], _now));
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 8)).Verdict);
    }

    /// <summary>Goal: an owner that goes on is heard over its control link too: neither a lost resume marker nor a late marker stops its clients for ever.</summary>
    [TestMethod]
    public void A_lost_resume_marker_and_a_late_marker_do_no_harm()
    {
        Router router = Ready();
        Assert.IsTrue(router.HoldInitials("web", 1, true));
        Marker(router, IngressDatagram.Marker, 1, 1);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 8)).Verdict);
        Assert.IsTrue(router.HoldInitials("web", 1, false));
        CollectionAssert.AreEqual(new[] { "10.0.0.1:1 epoch 1 Data 8" }, Outputs(router));
        Marker(router, IngressDatagram.Marker, 1, 3);
        Assert.AreEqual(RouteVerdict.Forward, From(router, Short(1, 9)).Verdict);
        Assert.IsTrue(router.HoldInitials("web", 1, true));
        Marker(router, IngressDatagram.Marker, 1, 5);
        Assert.AreEqual(RouteVerdict.Held, From(router, Short(1, 10)).Verdict);
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new ArgumentException(text);

    private static OwnershipRecord Record(string component, Member owner, ulong epoch, uint shard) => new(component, owner, Member.None, epoch, shard, SnapshotHash.None);

    private static IngressHeader Down(uint shard, ulong epoch) =>
        new() { Type = IngressDatagram.Data, Epoch = epoch, Shard = shard, Client = Client, Public = Public };

    private static byte[] Short(uint shard, byte last = 0, FederationKey? key = null)
    {
        key ??= Keys.Cid.Current;
        byte[] datagram = new byte[20];
        datagram[0] = 0x40;
        CidLayout.Write(datagram.AsSpan(1), key.Number, shard, new byte[8], key.DeriveCipher());
        datagram[^1] = last;
        return datagram;
    }

    private static string[] Outputs(Router router)
    {
        List<string> outputs = [];
        while (router.TryTakeOutput(out RouterOutput output))
        {
            outputs.Add(output.Kind switch
            {
                RouterOutputKind.CheckShard => $"check {output.Header.Shard}",
                RouterOutputKind.ToClient => $"client {output.Bytes.Span[^1]}",
                _ => $"{output.Node} epoch {output.Header.Epoch} {output.Header.Type} {output.Bytes.Span[^1]}",
            });
        }

        return [.. outputs];
    }

    private static NodeInfo Node(Member member, UdpAddress data) => new(member, data, [new("web", data, []), new("api", data, ["cart", "orders"])]);

    private Router Ready(RouterOptions? options = null)
    {
        Router router = new(options ?? new(), ProtectionSuites.BaseLibrary, Keys.ForRouters().Shards, 1, 2);
        router.OnMember(Node(A, NodeA), true);
        router.OnMember(Node(B, NodeB), true);
        router.OnRecord(Record("web", A, 1, 1), _now);
        router.OnRecord(Record("api", B, 1, 2), _now);
        router.OnSynchronized(_now);
        return router;
    }

    private Route From(Router router, byte[] datagram, UdpAddress? client = null) =>
        router.OnClient(client ?? Client, Public, Ecn.NotEct, 0, datagram, _now);

    private void Marker(Router router, IngressDatagram type, ulong epoch, ulong number)
    {
        byte[] body = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(body, number);
        Assert.AreEqual(RouteVerdict.Drop, router.OnNode(new() { Type = type, Epoch = epoch, Shard = 1 }, body, _now));
    }
}
