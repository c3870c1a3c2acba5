using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Core.Diagnostics;

namespace Net.Tests.Simulation;

/// <summary>One connection's life out of one seed: how it begins, what it carries, what the network does to it, and where it is moved to.</summary>
/// <remarks>Every byte is compared, and the ledger watches the packet numbers of all owners. <see cref="Totals"/> tells what came about.</remarks>
internal sealed class RandomScenario
{
    private static readonly CipherSuite[] s_suites = [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256];

    private readonly World _world;
    private readonly SimulatedRandom _random;
    private readonly Cluster _cluster;
    private readonly Peer _client;
    private readonly StreamClient _app;
    private readonly EndpointOptions _options;
    private readonly byte[] _content;
    private readonly ulong _seed;
    private int _address = 1;

    public RandomScenario(ulong seed)
    {
        _seed = seed;
        _world = new(seed);
        _random = _world.Random;
        NonceLedger ledger = new();
        _content = new byte[20_000 + _random.Below(60_000)];
        _random.Fill(_content);
        _world.Network = new()
        {
            LossOneIn = _random.OneIn(4) ? 0 : 10 + _random.Below(60),
            DuplicateOneIn = _random.Below(60),
            CorruptOneIn = _random.OneIn(2) ? 0 : 40 + _random.Below(100),
            MinDelay = TimeSpan.FromMilliseconds(1 + _random.Below(30)),
            MaxDelay = TimeSpan.FromMilliseconds(31 + _random.Below(20)),
        };
        ConnectionOptions connection = ConnectionOptions.Default with
        {
            Congestion = _random.OneIn(2) ? CongestionAlgorithm.NewReno : CongestionAlgorithm.Cubic,
            Version = _random.OneIn(3) ? QuicVersion.V2 : QuicVersion.V1,
            Observers = _random.OneIn(10) ? new TraceCollector() : null,
        };
        bool asksAgain = _random.OneIn(4);
        _options = Peer.DefaultOptions with
        {
            Connection = connection,
            RetryAbove = _random.OneIn(3) ? 0 : null,
            Server = new() { AlpnProtocols = ["test"u8.ToArray()], Groups = asksAgain ? [NamedGroup.Secp256r1] : [NamedGroup.X25519] },
        };
        CipherSuite suite = s_suites[_random.Below(s_suites.Length)];
        _cluster = new(_world, new StreamServer(_content).OnEvent, ledger, options: _options, connections: connection);
        _app = new((Job.Download, []), (Job.Upload, _content), (Job.Echo, _content), (Job.Abandon, _content), (Job.Refuse, []));
        _client = new(_world, "10.0.0.1:1000", ledger, _options) { OnEvent = _app.OnEvent };
        _client.Connect(_cluster.Front, new() { AlpnProtocols = ["test"u8.ToArray()], ServerName = "web.test", Suites = [suite] });
        Totals.Count($"suite {suite}");
        Totals.Count(connection.Congestion.ToString());
        Totals.Count(connection.Version == QuicVersion.V2 ? "QUIC version 2" : "QUIC version 1");
        Totals.Count("HelloRetryRequest", asksAgain ? 1 : 0);
        Totals.Count("Retry", _options.RetryAbove is null ? 0 : 1);
        Totals.Count("traced", connection.Observers is null ? 0 : 1);
    }

    public SimulationTotals Totals { get; } = new();

    private Connection? Connection => _client.Endpoint.Connections.FirstOrDefault(c => c is { IsFrozen: false, IsConfirmed: true, IsOpen: true });

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
        Count();
    }

    private void Count()
    {
        Totals.Count("connections");
        Totals.Count("bytes", _app.Exchanges.Sum(e => (long)e.Received.Count) + (2 * _content.Length));
        Totals.Count("datagrams", _world.Totals.Sent);
        Totals.Count("lost", _world.Totals.Lost);
        Totals.Count("duplicated", _world.Totals.Duplicated);
        Totals.Count("corrupted", _world.Totals.Corrupted);
        Totals.Count("moves of the server", _cluster.Moves);
        Totals.Count("moves called off", _cluster.Aborts);
        Totals.Count("streams reset", _app.Exchanges[3].IsGivenUp ? 1 : 0);
        Totals.Count("streams stopped", _app.Exchanges[4].IsGivenUp ? 1 : 0);
    }

    private void Disturb()
    {
        if (_app.IsDone)
        {
            return;
        }

        TimeSpan lasts = _random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(60));
        switch (_random.Below(8))
        {
            case 0 or 1 when _cluster.CanMove:
                _cluster.Move(lasts);
                break;
            case 2 when _cluster.CanMove:
                MoveWithCopy(lasts);
                break;
            case 3 when _cluster.CanMove:
                _cluster.Abort(lasts);
                break;
            case 4 when Connection is Connection connection:
                Totals.Count("key updates of the client", connection.Parts.Keys!.TryInitiateUpdate() ? 1 : 0);
                break;
            case 5 when _cluster.CanMove:
                Connection server = _cluster.Owner.Endpoint.Connections.First();
                Totals.Count("key updates of the server", server.Parts.Keys!.TryInitiateUpdate() ? 1 : 0);
                break;
            case 6 when Connection is Connection connection:
                ChangeAddress(connection);
                break;
            case 7 when Connection is Connection connection:
                MoveClient(connection);
                break;
            default:
                break;
        }

        _world.After(_random.Between(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500)), Disturb);
    }

    private void MoveWithCopy(TimeSpan lasts)
    {
        Connection[] before = [.. _cluster.Owner.Endpoint.Connections];
        CopyAhead copy = _cluster.Copy();
        _world.After(lasts, () =>
        {
            if (_cluster.CanMove && before.SequenceEqual(_cluster.Owner.Endpoint.Connections))
            {
                _cluster.Move(lasts, copy);
                Totals.Count("moves with a copy ahead");
            }
        });
    }

    /// <summary>A NAT forgets the client, or the client walks to another network.</summary>
    private void ChangeAddress(Connection connection)
    {
        _address++;
        bool isRebinding = _random.OneIn(2);
        string next = isRebinding ? $"10.0.0.1:{1000 + _address}" : $"10.0.{2 + (_address % 200)}.1:1000";
        Assert.IsTrue(UdpAddress.TryParse(next, out UdpAddress parsed));
        _world.Detach(_client.ActAs);
        _client.ActAs = parsed;
        _world.Attach(parsed, _client.Deliver);
        // It takes a datagram of the client for anybody to notice.
        connection.Ping();
        _client.Pump();
        Totals.Count(isRebinding ? "rebindings" : "new networks");
    }

    /// <summary>The client's role moves as well: written down and gone on with from that.</summary>
    private void MoveClient(Connection connection)
    {
        connection.Freeze(_world.Now);
        SnapshotWriter writer = new(_world.Now);
        connection.Export(0, writer);
        ConnectionImage image = new();
        image.Apply(writer.Written);
        connection.Destroy();
        _client.Endpoint.Remove(connection);
        Connection next = Net.Core.Connections.Connection.Import(image, _options.Connection, Peer.Keys, _world.Now);
        next.Thaw(connection.Epoch + 1, _world.Now);
        _client.Endpoint.Adopt(next);
        next.Resume(samePath: true, speak: next.IsActive || next.HasToAcknowledge, _world.Now);
        _client.Pump();
        Totals.Count("moves of the client");
    }
}
