using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Errors;
using Net.Core.Streams;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>QUIC version 2 (RFC 9369), and what both ends say of versions (RFC 9368).</summary>
[TestClass]
public sealed class VersionsTests
{
    /// <summary>Goal: a version 2 client gets through handshake, Retry, key update, a transfer and a move, on a network that loses and doubles.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Version_2_goes_all_the_way(bool retry)
    {
        World world = new(31);
        world.Network = new() { LossOneIn = 20, DuplicateOneIn = 20 };
        byte[] content = new byte[60_000];
        world.Random.Fill(content);
        EndpointOptions options = Peer.DefaultOptions with
        {
            Connection = ConnectionOptions.Default with { Version = QuicVersion.V2 },
            RetryAbove = retry ? 0 : null,
        };
        Cluster cluster = new(world, new StreamServer(content).OnEvent, options: options);
        StreamClient app = new((Job.Download, []), (Job.Echo, content));
        Peer client = new(world, "10.0.0.1:1000", options: options) { OnEvent = app.OnEvent };
        Connection connection = client.Connect(cluster.Front);
        world.RunUntil(() => cluster.CanMove, TimeSpan.FromSeconds(60));
        cluster.Move(TimeSpan.FromMilliseconds(20));
        connection.Parts.Keys!.TryInitiateUpdate();
        world.RunUntil(() => app.IsDone || app.Fault is not null, TimeSpan.FromSeconds(300));

        Assert.IsNull(app.Fault, string.Join("; ", cluster.Closed));
        CollectionAssert.AreEqual(content, app.Exchanges[0].Received);
        CollectionAssert.AreEqual(content, app.Exchanges[1].Received);
        Assert.AreEqual((QuicVersion.V2, QuicVersion.V2), (connection.Version, cluster.Owner.Endpoint.Connections.Single().Version));
        Assert.AreEqual(QuicVersion.V2, connection.PeerParameters!.VersionInformation!.Chosen);
        Assert.AreEqual(1, cluster.Moves);
        Assert.AreEqual(retry, connection.PeerParameters!.RetrySourceConnectionId is not null);
    }

    /// <summary>Goal (checklist S32): what a peer says of versions fits the one that is spoken, or the connection ends; who says nothing is let through.</summary>
    [TestMethod]
    public void S32_the_version_in_use_is_the_one_that_was_chosen()
    {
        Assert.IsFalse(Versions.Check(null, fromServer: true, QuicVersion.V1).IsError);
        Assert.IsFalse(Versions.Check(new(QuicVersion.V1, [QuicVersion.V2, QuicVersion.V1]), fromServer: false, QuicVersion.V1).IsError);
        Assert.IsFalse(Versions.Check(new(QuicVersion.V1, []), fromServer: true, QuicVersion.V1).IsError, "a server may withdraw what it speaks");
        Assert.AreEqual(TransportErrorCode.TransportParameterError, Versions.Check(new(QuicVersion.V1, [QuicVersion.V2]), fromServer: false, QuicVersion.V1).Code);
        Assert.AreEqual(TransportErrorCode.VersionNegotiationError, Versions.Check(new(QuicVersion.V2, [QuicVersion.V2]), fromServer: false, QuicVersion.V1).Code);
        Assert.AreEqual(TransportErrorCode.VersionNegotiationError, Versions.Check(new(QuicVersion.V1, [QuicVersion.V1]), fromServer: true, QuicVersion.V2).Code);
        foreach (uint version in (uint[])[QuicVersion.V1, QuicVersion.V2])
        {
            Assert.IsFalse(Versions.Check(Versions.Announce(isServer: true, version, preferred: null, mayChange: true, 7), fromServer: true, version).IsError);
            Assert.IsFalse(Versions.Check(Versions.Announce(isServer: false, version, preferred: null, mayChange: false, 7), fromServer: false, version).IsError);
        }
    }

    /// <summary>Goal: a server that prefers version 2 changes a version 1 client to it, through Retry, losses, a transfer and a move (RFC 9368, section 2.3; RFC 9369, section 4).</summary>
    [TestMethod]
    [DataRow(QuicVersion.V1, QuicVersion.V2, false, 0UL)]
    [DataRow(QuicVersion.V1, QuicVersion.V2, true, 1UL)]
    [DataRow(QuicVersion.V2, QuicVersion.V1, false, 2UL)]
    [DataRow(QuicVersion.V1, QuicVersion.V2, false, 3UL)]
    public void A_server_changes_the_version_to_the_one_that_it_prefers(uint begun, uint preferred, bool retry, ulong seed)
    {
        World world = new(seed);
        world.Network = new() { LossOneIn = seed == 0 ? 0 : 8, DuplicateOneIn = 8, MinDelay = TimeSpan.FromMilliseconds(2), MaxDelay = TimeSpan.FromMilliseconds(9) };
        byte[] content = new byte[30_000];
        world.Random.Fill(content);
        ConnectionOptions serverSide = ConnectionOptions.Default with { PreferredVersion = preferred };
        EndpointOptions options = Peer.DefaultOptions with { Connection = serverSide, RetryAbove = retry ? 0 : null };
        Cluster cluster = new(world, new StreamServer(content).OnEvent, options: options);
        StreamClient app = new((Job.Download, []), (Job.Echo, content));
        EndpointOptions clientSide = Peer.DefaultOptions with { Connection = ConnectionOptions.Default with { Version = begun } };
        Peer client = new(world, "10.0.0.1:1000", options: clientSide) { OnEvent = app.OnEvent };
        Connection connection = client.Connect(cluster.Front);
        Assert.AreEqual(begun, connection.Version);
        world.RunUntil(() => cluster.CanMove, TimeSpan.FromSeconds(60));
        cluster.Move(TimeSpan.FromMilliseconds(20));
        world.RunUntil(() => app.IsDone || app.Fault is not null, TimeSpan.FromSeconds(300));

        Assert.IsNull(app.Fault, string.Join("; ", cluster.Closed));
        CollectionAssert.AreEqual(content, app.Exchanges[0].Received);
        CollectionAssert.AreEqual(content, app.Exchanges[1].Received);
        Assert.AreEqual((preferred, preferred), (connection.Version, cluster.Owner.Endpoint.Connections.Single().Version));
        Assert.AreEqual(preferred, connection.PeerParameters!.VersionInformation!.Chosen);
    }

    /// <summary>Goal: a client that names one version alone keeps it, whatever the server prefers.</summary>
    [TestMethod]
    public void A_client_that_names_one_version_keeps_it()
    {
        ConnectionPair pair = ConnectionPair.Confirmed(
            ConnectionOptions.Default with { MayChangeVersion = false }, ConnectionOptions.Default with { PreferredVersion = QuicVersion.V2 });
        Assert.AreEqual((QuicVersion.V1, QuicVersion.V1), (pair.Client.Version, pair.Server.Version));
    }

    /// <summary>Goal (checklist S32): a client that is turned down begins again with another version, once; and finds out if the server would have taken the first.</summary>
    [TestMethod]
    public void S32_a_client_begins_again_with_another_version_and_notices_a_downgrade()
    {
        // Nobody has turned anything down: this server speaks both, and says so.
        ConnectionPair pair = new(ConnectionOptions.Default with { Version = QuicVersion.V2 });
        Assert.HasCount(1, pair.Take(pair.Client));
        pair.ToClient(Negotiation(pair, QuicVersion.Reserved(5), QuicVersion.V1));
        Assert.IsNull(pair.Client.CloseReason);
        Assert.AreEqual(QuicVersion.V1, pair.Client.Version);
        Datagram again = pair.Take(pair.Client).Single();
        Assert.IsTrue(LongHeader.TryRead(again.Bytes, out LongHeader header));
        Assert.AreEqual(QuicVersion.V1, header.Version);
        pair.ToServer(again);
        pair.Settle();
        Assert.AreEqual((ulong)TransportErrorCode.VersionNegotiationError, pair.Client.CloseReason?.Code);

        // A server that speaks version 1 alone, and does not know of RFC 9368.
        Assert.IsFalse(Versions.Check(null, fromServer: true, QuicVersion.V1, tried: QuicVersion.V2).IsError);
        Assert.IsFalse(Versions.Check(new(QuicVersion.V1, [QuicVersion.V1]), fromServer: true, QuicVersion.V1, tried: QuicVersion.V2).IsError);
        Assert.IsTrue(Versions.Check(null, fromServer: true, QuicVersion.V2, tried: QuicVersion.V1).IsError);
        Assert.IsTrue(Versions.Check(new(QuicVersion.V1, []), fromServer: true, QuicVersion.V1, tried: QuicVersion.V2).IsError);
        Assert.IsTrue(Versions.Check(null, fromServer: true, QuicVersion.V2, wasChanged: true).IsError);

        // The second answer of that kind ends the connection.
        ConnectionPair twice = new(ConnectionOptions.Default with { Version = QuicVersion.V2 });
        Assert.HasCount(1, twice.Take(twice.Client));
        twice.ToClient(Negotiation(twice, QuicVersion.V1));
        Assert.HasCount(1, twice.Take(twice.Client));
        twice.ToClient(Negotiation(twice, QuicVersion.V2));
        Assert.AreEqual(CloseOrigin.VersionNegotiation, twice.Client.CloseReason?.Origin);
    }

    /// <summary>Goal: a client names first where it would rather be, as servers without a wish of their own go by its order (RFC 9368, section 3); a server's order says nothing.</summary>
    [TestMethod]
    public void A_client_names_first_what_it_prefers()
    {
        Assert.AreEqual(QuicVersion.V1, Versions.Announce(isServer: false, QuicVersion.V1, preferred: null, mayChange: true, 7).Available[0]);
        VersionInformation wish = Versions.Announce(isServer: false, QuicVersion.V1, preferred: QuicVersion.V2, mayChange: true, 7);
        Assert.AreEqual(QuicVersion.V1, wish.Chosen);
        CollectionAssert.AreEqual(new[] { QuicVersion.V2, QuicVersion.V1 }, wish.Available[..2].ToArray());
        Assert.AreEqual(QuicVersion.V1, Versions.Announce(isServer: false, QuicVersion.V1, preferred: QuicVersion.Reserved(3), mayChange: true, 7).Available[0], "nobody can be there");
        ConnectionPair pair = ConnectionPair.Confirmed(ConnectionOptions.Default with { PreferredVersion = QuicVersion.V2 });
        Assert.AreEqual(QuicVersion.V2, pair.Server.PeerParameters!.VersionInformation!.Available[0]);
        Assert.AreEqual(QuicVersion.V1, pair.Server.Version, "a wish, no more");
    }

    /// <summary>Goal: what means nothing is said and passed over: reserved versions and parameters, and a fixed bit of 0 (RFC 9000, sections 15 and 18.1; RFC 9287).</summary>
    [TestMethod]
    public void Grease_is_said_and_passed_over()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.IsTrue(pair.Server.PeerParameters!.GreaseQuicBit && pair.Client.PeerParameters!.GreaseQuicBit);
        Assert.IsTrue(pair.Server.PeerParameters.VersionInformation!.Available.Any(QuicVersion.IsReserved));
        Assert.IsTrue(pair.Client.PeerParameters.VersionInformation!.Available.Any(QuicVersion.IsReserved));
        Assert.IsFalse(QuicVersion.IsKnown(QuicVersion.Reserved(uint.MaxValue)));
        int cleared = 0;
        for (int i = 0; i < 100; i++)
        {
            pair.Client.Ping();
            List<Datagram> sent = pair.Take(pair.Client);
            cleared += sent.Count(d => (d.Bytes[0] & ShortHeader.FixedBit) == 0);
            sent.ForEach(pair.ToServer);
            pair.Settle(10);
        }

        Assert.IsTrue(cleared is > 20 and < 80, $"{cleared} of 100");
        Assert.IsTrue(pair.Client.IsOpen && pair.Server.IsOpen);
        Assert.AreEqual(0, pair.Client.Parts.Recovery.PtoCount);
        for (ulong random = 0; random < 64; random++)
        {
            byte[] parameter = TransportParameters.Reserved(random * 0x0123_4567_89AB_CDEF);
            ByteReader reader = new(parameter);
            Assert.IsTrue(reader.TryReadVarInt(out ulong id) && reader.TryReadVarBytes(out _) && reader.IsEmpty);
            Assert.AreEqual(27UL, id % 31);
        }
    }

    /// <summary>Goal (RFC 9000, section 18.2): a preferred address that comes with the ID of the handshake is the parameter's fault.</summary>
    [TestMethod]
    public void A_preferred_address_needs_an_ID_of_its_own()
    {
        ConnectionPair pair = new();
        Connection server = ServerWith(pair, out Datagram first, parameters => parameters with
        {
            PreferredAddress = new(ConnectionPair.Address("10.0.0.3:444"), default, parameters.InitialSourceConnectionId!.Value, parameters.StatelessResetToken!.Value),
        });
        Answer(pair, server, first);
        Assert.AreEqual((ulong)TransportErrorCode.TransportParameterError, pair.Client.CloseReason?.Code);
    }

    private static Datagram Negotiation(ConnectionPair pair, params uint[] versions)
    {
        ByteWriter writer = new(new byte[100]);
        VersionNegotiationPacket.Write(
            ref writer, 0, pair.Client.Parts.Local.InitialSourceConnectionId!.Value, pair.Client.Parts.Identity.OriginalDestination, versions);
        return new(default, default, writer.Written.ToArray(), Ecn.NotEct);
    }

    /// <summary>Goal (checklist S32): a server whose handshake names another version than its packets is left with VERSION_NEGOTIATION_ERROR.</summary>
    [TestMethod]
    public void S32_a_downgrade_ends_the_connection()
    {
        ConnectionPair pair = new();
        Connection server = ServerWith(pair, out Datagram first, parameters => parameters with { VersionInformation = new(QuicVersion.V2, [QuicVersion.V2, QuicVersion.V1]) });
        Answer(pair, server, first);
        Assert.AreEqual((ulong)TransportErrorCode.VersionNegotiationError, pair.Client.CloseReason?.Code);
    }

    /// <summary>A server that says of itself what it should not.</summary>
    private static Connection ServerWith(ConnectionPair pair, out Datagram first, Func<TransportParameters, TransportParameters> forge)
    {
        first = pair.Take(pair.Client)[0];
        Assert.IsTrue(LongHeader.TryRead(first.Bytes, out LongHeader header));
        Connection server = ConnectionFactory.Accept(
            ConnectionOptions.Default, pair.ServerTls, Peer.Keys, 1, pair.ServerPath, header.Destination, header.Source, pair.Entropy(), pair.Now);
        server.Parts.Tls = new TlsServer(pair.ServerTls, forge(server.Parts.Local).Write(), pair.Entropy().AsSpan(32));
        return server;
    }

    private static void Answer(ConnectionPair pair, Connection server, Datagram first)
    {
        server.OnDatagram(first.Bytes, pair.ServerPath, Ecn.NotEct, null, pair.Now);
        SimulatedCrypto crypto = new(pair.World);
        while (server.TryTakeRequest(out CryptoRequest? request))
        {
            server.OnAnswer(CryptoWorker.Answer(request, crypto), pair.Now);
        }

        foreach (Datagram datagram in pair.Take(server))
        {
            pair.ToClient(datagram);
        }
    }
}
