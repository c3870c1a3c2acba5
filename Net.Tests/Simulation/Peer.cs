using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>An endpoint in the simulated world: what a host's thread does, done by the agenda.</summary>
internal sealed class Peer
{
    private readonly World _world;
    private readonly NonceLedger? _ledger;
    private readonly SimulatedCrypto _crypto;
    private readonly byte[] _buffer = new byte[64 * 1500];
    private Instant _scheduled = Instant.Never;

    public Peer(World world, string address, NonceLedger? ledger = null, EndpointOptions? options = null)
    {
        _world = world;
        _ledger = ledger;
        _crypto = new(world);
        Assert.IsTrue(UdpAddress.TryParse(address, out UdpAddress parsed));
        Address = parsed;
        // A fault of ours must not be taken for a lost connection.
        Endpoint = new((options ?? DefaultOptions) with { ContainsFaults = false }, _crypto) { WallClock = 1_800_000_000, EarlyData = new(since: long.MinValue) };
        ActAs = Address;
        world.Attach(Address, Deliver);
    }

    public static ConnectionKeys Keys { get; } = new(1, 0, new byte[32], new byte[32]);

    public static EndpointOptions DefaultOptions { get; } = new()
    {
        Keys = [Keys],
        DefaultShard = 1,
        Server = new() { AlpnProtocols = ["test"u8.ToArray()] },
    };

    public UdpAddress Address { get; }

    /// <summary>The address that datagrams leave from: another's, after a move.</summary>
    public UdpAddress ActAs { get; set; }

    /// <summary>Datagrams leave from the local address of their path: for a client that moves of its own accord.</summary>
    public bool SendsByPath { get; set; }

    /// <summary>What stands between this peer and the world; null for nothing.</summary>
    public Nat? Nat { get; set; }

    public Endpoint Endpoint { get; }

    /// <summary>Called for every event of every connection, on the agenda's turn.</summary>
    public Action<Connection, ConnectionEvent>? OnEvent { get; set; }

    public List<Connection> Accepted { get; } = [];

    /// <param name="tls">Null for the defaults.</param>
    /// <param name="earlyData">Of the defaults: whether 0-RTT data may be sent.</param>
    public Connection Connect(Peer server, TlsClientOptions? tls = null, bool earlyData = false)
    {
        tls ??= new() { AlpnProtocols = ["test"u8.ToArray()], ServerName = "web.test", SendsEarlyData = earlyData };
        Connection connection = Endpoint.Connect(tls, new NetworkPath(server.Address, Address, 0), _world.Now);
        Pump();
        return connection;
    }

    /// <summary>Everything that can happen now, happens; then the next deadline is put on the agenda.</summary>
    public void Pump()
    {
        bool again = true;
        while (again)
        {
            again = false;
            while (Endpoint.TryTakeAccepted(out Connection? accepted))
            {
                Accepted.Add(accepted);
            }

            while (Endpoint.TryTakeActive(out Connection? connection))
            {
                while (connection.TryTakeRequest(out CryptoRequest? request))
                {
                    connection.OnAnswer(CryptoWorker.Answer(request, _crypto), _world.Now);
                }

                while (!connection.IsFrozen && connection.TryTakeEvent(out ConnectionEvent e))
                {
                    OnEvent?.Invoke(connection, e);
                    again = true;
                }

                Endpoint.RemoveIfClosed(connection);
            }

            while (Transmit())
            {
                again = true;
            }
        }

        Schedule();
    }

    private bool Transmit()
    {
        if (!Endpoint.TryTransmit(_buffer, 0, _world.Now, out Transmit transmit))
        {
            return false;
        }

        if (transmit.FirstPacketNumber is ulong first && Endpoint.LastSender is Connection sender)
        {
            _ledger?.OnSealed(sender.Parts.Identity.OriginalDestination, sender.IsServer, first, Next(sender));
        }

        for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
        {
            ReadOnlySpan<byte> datagram = _buffer.AsSpan(at, int.Min(transmit.SegmentSize, transmit.Length - at));
            UdpAddress from = SendsByPath ? transmit.Path.Local : ActAs;
            _world.Send(Nat?.Outside(from) ?? from, transmit.Path.Remote, datagram, transmit.Ecn);
        }

        return true;
    }

    private static ulong Next(Connection connection) => connection.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next;

    public void Deliver(Datagram datagram)
    {
        Endpoint.OnDatagram(datagram.Bytes, new NetworkPath(datagram.From, datagram.To, 0), datagram.Ecn, _world.Now);
        Pump();
    }

    private void Schedule()
    {
        Instant deadline = Endpoint.Deadline;
        if (deadline.IsNever || deadline >= _scheduled)
        {
            return;
        }

        _scheduled = deadline;
        _world.At(deadline, () =>
        {
            if (_scheduled == deadline)
            {
                _scheduled = Instant.Never;
                Endpoint.Tick(_world.Now);
                Pump();
            }
        });
    }
}
