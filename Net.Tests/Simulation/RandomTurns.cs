using Net.Core.Connections;
using Net.Core.Paths;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>What happens to the connection of a <see cref="RandomScenario"/> while it is at work.</summary>
internal sealed class RandomTurns(World world, Cluster cluster, Peer client, ConnectionOptions clientSide, SimulationTotals totals)
{
    private readonly SimulatedRandom _random = world.Random;
    private int _address = 1;
    private NetworkPath? _path;

    private Connection? Client => client.Endpoint.Connections.FirstOrDefault(c => c is { IsFrozen: false, IsConfirmed: true, IsOpen: true });

    /// <summary>The client has asked so many addresses that never answer.</summary>
    public int MigrationsInVain { get; private set; }

    /// <summary>Unreliable datagrams that the server got, and that came back.</summary>
    public int Heard { get; private set; }

    /// <inheritdoc cref="Heard"/>
    public int Echoed { get; private set; }

    /// <summary>One turn at random, if it is possible now.</summary>
    public void Take()
    {
        TimeSpan lasts = _random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(60));
        switch (_random.Below(13))
        {
            case 0 or 1 when cluster.CanMove:
                cluster.Move(lasts);
                break;
            case 2 when cluster.CanMove:
                MoveWithCopy(lasts);
                break;
            case 3 when cluster.CanMove:
                cluster.Abort(lasts);
                break;
            case 4 when Client is Connection connection:
                totals.Count("key updates of the client", connection.Parts.Keys!.TryInitiateUpdate() ? 1 : 0);
                break;
            case 5 when cluster.CanMove:
                Connection server = cluster.Owner.Endpoint.Connections.First();
                totals.Count("key updates of the server", server.Parts.Keys!.TryInitiateUpdate() ? 1 : 0);
                break;
            case 6 when Client is Connection connection:
                ChangeAddress(connection);
                break;
            case 7 when Client is Connection connection:
                MoveClient(connection);
                break;
            case 8 when Client is Connection connection:
                Migrate(connection);
                break;
            case 9 or 10 when Client is Connection connection && Preferred(connection) is { IsNone: false } preferred && preferred != connection.Path.Remote:
                TryMigrate(connection, connection.Path with { Remote = preferred });
                break;
            case 11 or 12 when Client is Connection connection:
                SendDatagrams(connection);
                break;
            default:
                break;
        }
    }

    /// <summary>Every datagram goes back.</summary>
    public void OnServer(Connection connection, ConnectionEvent e)
    {
        while (e.Kind == ConnectionEventKind.Datagram && connection.IsOpen && connection.TryPeekDatagram(out byte[]? data))
        {
            AssertSent(data);
            Heard++;
            connection.ConsumeDatagram();
            connection.SendDatagram(data);
        }
    }

    /// <summary>Takes the client's datagrams, and counts the paths that it has come to use.</summary>
    public void OnEvent(Connection connection, ConnectionEvent e)
    {
        while (e.Kind == ConnectionEventKind.Datagram && connection.TryPeekDatagram(out byte[]? data))
        {
            AssertSent(data);
            Echoed++;
            connection.ConsumeDatagram();
        }

        NetworkPath before = _path ?? connection.Path;
        switch (e.Kind)
        {
            case ConnectionEventKind.PathChanged when connection.Path.Remote != before.Remote:
                totals.Count("preferred addresses");
                break;
            case ConnectionEventKind.PathChanged when connection.Path.Local != before.Local:
                totals.Count("active migrations");
                break;
            case ConnectionEventKind.PathFailed:
                totals.Count("paths given up");
                break;
            default:
                break;
        }

        _path = connection.Path;
    }

    private static UdpAddress Preferred(Connection connection) => connection.PeerParameters?.PreferredAddress?.IPv4 ?? default;

    private UdpAddress NextAddress(bool sameHost)
    {
        _address++;
        Assert.IsTrue(UdpAddress.TryParse(sameHost ? $"10.0.0.1:{1000 + _address}" : $"10.1.{_address % 200}.1:1000", out UdpAddress next));
        return next;
    }

    private void MoveWithCopy(TimeSpan lasts)
    {
        Connection[] before = [.. cluster.Owner.Endpoint.Connections];
        CopyAhead copy = cluster.Copy();
        world.After(lasts, () =>
        {
            if (cluster.CanMove && before.SequenceEqual(cluster.Owner.Endpoint.Connections))
            {
                cluster.Move(lasts, copy);
                totals.Count("moves with a copy ahead");
            }
        });
    }

    /// <summary>A NAT forgets the client, or the client's system gives it another address, and it does not notice.</summary>
    private void ChangeAddress(Connection connection)
    {
        bool isRebinding = _random.OneIn(2);
        client.Nat!.Bind(connection.Path.Local, NextAddress(isRebinding));
        // It takes a datagram of the client for anybody to notice.
        connection.Ping();
        client.Pump();
        totals.Count(isRebinding ? "rebindings" : "new networks");
    }

    /// <summary>The client moves of its own accord, to where it can be reached or not.</summary>
    private void Migrate(Connection connection)
    {
        UdpAddress next = NextAddress(_random.OneIn(2));
        bool isInVain = _random.OneIn(4);
        if (!isInVain)
        {
            world.Attach(next, client.Deliver);
        }

        bool isBegun = TryMigrate(connection, connection.Path with { Local = next });
        MigrationsInVain += isBegun && isInVain ? 1 : 0;
    }

    /// <summary>A few at a time, each filled with what its length says.</summary>
    private void SendDatagrams(Connection connection)
    {
        for (int i = 1 + _random.Below(5); i > 0; i--)
        {
            byte[] data = new byte[_random.Below(800)];
            data.AsSpan().Fill((byte)data.Length);
            Assert.IsTrue(connection.SendDatagram(data));
        }

        client.Pump();
    }

    private static void AssertSent(byte[] data) => Assert.IsFalse(data.AsSpan().ContainsAnyExcept((byte)data.Length), "a datagram that was not sent like that");

    private bool TryMigrate(Connection connection, NetworkPath path)
    {
        MigrationRefusal refusal = connection.TryMigrate(path, world.Now);
        totals.Count("migrations forbidden", refusal == MigrationRefusal.ForbiddenByPeer ? 1 : 0);
        client.Pump();
        return refusal == MigrationRefusal.None;
    }

    /// <summary>The client's role moves as well: written down and gone on with from that.</summary>
    private void MoveClient(Connection connection)
    {
        connection.Freeze(world.Now);
        SnapshotWriter writer = new(world.Now);
        connection.Export(0, writer);
        ConnectionImage image = new();
        image.Apply(writer.Written);
        connection.Destroy();
        client.Endpoint.Remove(connection);
        Connection next = Connection.Import(image, clientSide, Peer.Keys, world.Now);
        next.Thaw(connection.Epoch + 1, world.Now);
        client.Endpoint.Adopt(next);
        next.Resume(samePath: true, speak: next.IsActive || next.HasToAcknowledge, world.Now);
        client.Pump();
        totals.Count("moves of the client");
    }
}
