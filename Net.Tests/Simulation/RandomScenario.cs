using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Recovery;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Core.Diagnostics;

namespace Net.Tests.Simulation;

/// <summary>One connection's life out of one seed: how it begins, what it carries, what the network does to it, and where it is moved to.</summary>
/// <remarks>Every byte is compared, and the ledger watches the packet numbers of all owners. <see cref="Totals"/> tells what came about.</remarks>
internal sealed class RandomScenario
{
    private static readonly CipherSuite[] s_suites = [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256];

    /// <summary>A path is given up after three probe timeouts; with these networks they are shorter than that.</summary>
    private static readonly TimeSpan s_givesUpWithin = TimeSpan.FromSeconds(8);

    private readonly World _world;
    private readonly SimulatedRandom _random;
    private readonly Cluster _cluster;
    private readonly Peer _client;
    private readonly StreamClient _app;
    private readonly RandomTurns _turns;
    private readonly byte[] _content;
    private readonly ulong _seed;
    private readonly uint _begun;
    private readonly bool _isAsked;
    private readonly bool _isSecondVisit;

    public RandomScenario(ulong seed)
    {
        _seed = seed;
        _world = new(seed);
        _random = _world.Random;
        NonceLedger ledger = new();
        _content = new byte[20_000 + _random.Below(60_000)];
        _random.Fill(_content);
        _world.Network = DrawNetwork();
        ConnectionOptions common = ConnectionOptions.Default with
        {
            Congestion = _random.OneIn(2) ? CongestionAlgorithm.NewReno : CongestionAlgorithm.Cubic,
            Datagrams = new() { MaxFrameSize = 1200, MaxQueued = 8 },
            Observers = _random.OneIn(10) ? new TraceCollector() : null,
        };
        ConnectionOptions clientSide = common with { Version = _random.OneIn(3) ? QuicVersion.V2 : QuicVersion.V1 };
        ConnectionOptions serverSide = DrawServer(common);
        bool asksAgain = _random.OneIn(4);
        _isAsked = _random.OneIn(3);
        EndpointOptions server = Peer.DefaultOptions with
        {
            Connection = serverSide,
            RetryAbove = _isAsked ? 0 : null,
            Server = new()
            {
                AlpnProtocols = ["test"u8.ToArray()],
                Groups = asksAgain ? [NamedGroup.Secp256r1] : [NamedGroup.X25519],
                AcceptsEarlyData = true,
            },
        };
        TlsClientOptions tls = new()
        {
            AlpnProtocols = ["test"u8.ToArray()],
            ServerName = "web.test",
            Suites = [s_suites[_random.Below(s_suites.Length)]],
            Resumes = !_random.OneIn(4),
            SendsEarlyData = _random.OneIn(2),
        };
        _begun = clientSide.Version;
        _isSecondVisit = _random.OneIn(2);
        StreamServer app = new(_content);
        _cluster = new(_world, (connection, e) => OnServer(app, connection, e), ledger, options: server, connections: serverSide);
        _app = new((Job.Download, []), (Job.Upload, _content), (Job.Echo, _content), (Job.Abandon, _content), (Job.Refuse, []));
        _client = new(_world, "10.0.0.1:1000", ledger, Peer.DefaultOptions with { Connection = clientSide }) { SendsByPath = true };
        _client.Nat = new(_world, _client);
        _turns = new(_world, _cluster, _client, clientSide, Totals);
        if (_isSecondVisit)
        {
            Visit(tls);
        }

        _client.OnEvent = OnEvent;
        _client.Connect(_cluster.Front, tls);
        Totals.Count($"suite {tls.Suites[0]}");
        Totals.Count(common.Congestion.ToString());
        Totals.Count("HelloRetryRequest", asksAgain ? 1 : 0);
        Totals.Count("traced", common.Observers is null ? 0 : 1);
    }

    public SimulationTotals Totals { get; } = new();

    /// <exception cref="AssertFailedException">The client saw what it should not have seen, or it never ended.</exception>
    public void Run()
    {
        _world.After(_random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(300)), Disturb);
        _world.RunUntil(() => _app.IsDone || _app.Fault is not null, TimeSpan.FromSeconds(300));

        Assert.IsNull(_app.Fault, $"seed {_seed}, the server says: {string.Join("; ", _cluster.Closed)}");
        CollectionAssert.AreEqual(_content, _app.Exchanges[0].Received, $"seed {_seed}");
        CollectionAssert.AreEqual(SHA256.HashData(_content), _app.Exchanges[1].Received, $"seed {_seed}");
        CollectionAssert.AreEqual(_content, _app.Exchanges[2].Received, $"seed {_seed}");
        CollectionAssert.AreEqual(_content[.._app.Exchanges[4].Received.Count], _app.Exchanges[4].Received, $"seed {_seed}");
        if (_turns.MigrationsInVain > 0)
        {
            // What does not answer is given up, and nothing else.
            _world.Run(s_givesUpWithin);
            Assert.IsNull(_app.Fault, $"seed {_seed}, behind a migration in vain");
        }

        Count();
    }

    private NetworkConditions DrawNetwork() => new()
    {
        LossOneIn = _random.OneIn(4) ? 0 : 10 + _random.Below(60),
        DuplicateOneIn = _random.Below(60),
        CorruptOneIn = _random.OneIn(2) ? 0 : 40 + _random.Below(100),
        MinDelay = TimeSpan.FromMilliseconds(1 + _random.Below(30)),
        MaxDelay = TimeSpan.FromMilliseconds(31 + _random.Below(20)),
    };

    private ConnectionOptions DrawServer(ConnectionOptions common) => common with
    {
        PreferredVersion = _random.Below(3) switch { 0 => QuicVersion.V1, 1 => QuicVersion.V2, _ => null },
        PreferredIPv4 = _random.OneIn(3) ? UdpAddress.FromBytes([10, 0, 8, 8], 8443) : default,
        DisableActiveMigration = _random.OneIn(6),
    };

    /// <summary>An earlier connection, which leaves tickets, and a token where addresses are asked for.</summary>
    private void Visit(TlsClientOptions tls)
    {
        Connection visit = _client.Connect(_cluster.Front, tls);
        _world.RunUntil(() => visit.IsConfirmed || !visit.IsOpen, TimeSpan.FromSeconds(60));
        Assert.IsTrue(visit.IsConfirmed, $"seed {_seed}: {visit.CloseReason}");
        _world.Run(_random.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2)));
        visit.Close(0, "done", _world.Now);
        _client.Pump();
        _world.RunUntil(() => _cluster.Owner.Endpoint.Connections.Count + _client.Endpoint.Connections.Count == 0, TimeSpan.FromSeconds(120));
    }

    private void OnServer(StreamServer app, Connection connection, ConnectionEvent e)
    {
        _turns.OnServer(connection, e);
        app.OnEvent(connection, e);
    }

    private void OnEvent(Connection connection, ConnectionEvent e)
    {
        _turns.OnEvent(connection, e);
        _app.OnEvent(connection, e);
    }

    private void Disturb()
    {
        if (!_app.IsDone)
        {
            _turns.Take();
            _world.After(_random.Between(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500)), Disturb);
        }
    }

    private void Count()
    {
        Totals.Count("connections", _isSecondVisit ? 2 : 1);
        Totals.Count("bytes", _app.Exchanges.Sum(e => (long)e.Received.Count) + (2 * _content.Length));
        Totals.Count("datagrams", _world.Totals.Sent);
        Totals.Count("lost", _world.Totals.Lost);
        Totals.Count("duplicated", _world.Totals.Duplicated);
        Totals.Count("corrupted", _world.Totals.Corrupted);
        Totals.Count("moves of the server", _cluster.Moves);
        Totals.Count("moves called off", _cluster.Aborts);
        Totals.Count("DATAGRAMs of the client", _turns.Heard);
        Totals.Count("DATAGRAMs echoed", _turns.Echoed);
        Totals.Count("migrations in vain", _turns.MigrationsInVain);
        Totals.Count("streams reset", _app.Exchanges[3].IsGivenUp ? 1 : 0);
        Totals.Count("streams stopped", _app.Exchanges[4].IsGivenUp ? 1 : 0);

        Connection connection = _client.Endpoint.Connections.Single();
        bool wasRetried = connection.PeerParameters!.RetrySourceConnectionId is not null;
        Assert.IsTrue(_isAsked || !wasRetried, $"seed {_seed}");
        Totals.Count("Retry", wasRetried ? 1 : 0);
        Totals.Count("tokens instead of Retry", _isAsked && !wasRetried ? 1 : 0);
        Totals.Count("resumptions", connection.Session!.IsResumed ? 1 : 0);
        Totals.Count("0-RTT accepted", connection.EarlyData == EarlyDataState.Accepted ? 1 : 0);
        Totals.Count("0-RTT rejected", connection.EarlyData == EarlyDataState.Rejected ? 1 : 0);
        Totals.Count(connection.Version == QuicVersion.V2 ? "QUIC version 2" : "QUIC version 1");
        Totals.Count("versions changed", connection.Version != _begun ? 1 : 0);
    }
}
