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
            Assert.IsFalse(Versions.Check(Versions.Announce(isServer: true, version), fromServer: true, version).IsError);
            Assert.IsFalse(Versions.Check(Versions.Announce(isServer: false, version), fromServer: false, version).IsError);
        }
    }

    /// <summary>Goal (checklist S32): a server whose handshake names another version than its packets is left with VERSION_NEGOTIATION_ERROR.</summary>
    [TestMethod]
    public void S32_a_downgrade_ends_the_connection()
    {
        ConnectionPair pair = new();
        Datagram first = pair.Take(pair.Client)[0];
        Assert.IsTrue(LongHeader.TryRead(first.Bytes, out LongHeader header));
        Connection server = ConnectionFactory.Accept(
            ConnectionOptions.Default, pair.ServerTls, Peer.Keys, 1, pair.ServerPath, header.Destination, header.Source, pair.Entropy(), pair.Now);
        TransportParameters forged = server.Parts.Local with { VersionInformation = new(QuicVersion.V2, [QuicVersion.V2, QuicVersion.V1]) };
        server.Parts.Tls = new TlsServer(pair.ServerTls, forged.Write(), pair.Entropy().AsSpan(32));
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

        Assert.AreEqual((ulong)TransportErrorCode.VersionNegotiationError, pair.Client.CloseReason?.Code);
    }
}
