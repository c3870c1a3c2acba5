using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Paths;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>A client and a server without endpoint, network or clock: every datagram passes through the test's hands.</summary>
internal sealed class ConnectionPair
{
    private readonly ConnectionImage _image = new();
    public const int HeaderLength = 64;

    private readonly SimulatedCrypto _crypto;
    private readonly byte[] _buffer = new byte[64 * 1500];

    public ConnectionPair(ConnectionOptions? client = null, ConnectionOptions? server = null, ulong seed = 5, TlsServerOptions? tls = null,
        ResumptionTicket? ticket = null, TicketContext? tickets = null)
    {
        World = new(seed);
        _crypto = new(World);
        ClientPath = new(Address("10.0.0.2:443"), Address("10.0.0.1:1000"), 0);
        ServerPath = new(ClientPath.Local, ClientPath.Remote, 0);
        ServerOptions = server ?? ConnectionOptions.Default;
        ServerTls = tls ?? new() { AlpnProtocols = ["test"u8.ToArray()] };
        Tickets = tickets;
        TlsClientOptions options = new() { AlpnProtocols = ["test"u8.ToArray()], ServerName = "web.test", SendsEarlyData = ticket is not null };
        Client = ConnectionFactory.Connect(client ?? ConnectionOptions.Default, options, Peer.Keys, 1, ClientPath, Entropy(), Now, ticket);
        Serve();
    }

    public World World { get; }

    public Instant Now { get; private set; } = new(TimeSpan.TicksPerHour);

    public NetworkPath ClientPath { get; }

    /// <summary>As the server sees the client.</summary>
    public NetworkPath ServerPath { get; set; }

    public ConnectionOptions ServerOptions { get; }

    public TlsServerOptions ServerTls { get; }

    /// <summary>What the server judges tickets by.</summary>
    public TicketContext? Tickets { get; }

    public Connection Client { get; }

    /// <summary>Null until the first datagram has arrived.</summary>
    public Connection? ServerOrNull { get; private set; }

    public Connection Server => ServerOrNull ?? throw new InvalidOperationException("no datagram has arrived yet");

    public List<ConnectionEvent> ClientEvents { get; } = [];

    public List<ConnectionEvent> ServerEvents { get; } = [];

    /// <summary>A pair whose handshake is confirmed at both ends, and that has come to rest.</summary>
    public static ConnectionPair Confirmed(ConnectionOptions? client = null, ConnectionOptions? server = null, ulong seed = 5)
    {
        ConnectionPair pair = new(client, server, seed);
        pair.Settle();
        Assert.IsTrue(pair.Client.IsConfirmed && pair.Server.IsConfirmed);
        return pair;
    }

    public static UdpAddress Address(string text)
    {
        Assert.IsTrue(UdpAddress.TryParse(text, out UdpAddress address));
        return address;
    }

    public byte[] Entropy()
    {
        byte[] entropy = new byte[ConnectionFactory.EntropyLength];
        World.Random.Fill(entropy);
        return entropy;
    }

    public void Advance(TimeSpan span) => Now += span;

    /// <summary>All that an end has to send now, one datagram each.</summary>
    public List<Datagram> Take(Connection from)
    {
        List<Datagram> taken = [];
        while (from.TryTransmit(_buffer, 0, Now, out Transmit transmit))
        {
            Assert.IsTrue(taken.Count < 1000, "it never stops sending");
            for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
            {
                byte[] bytes = _buffer.AsSpan(at, int.Min(transmit.SegmentSize, transmit.Length - at)).ToArray();
                taken.Add(new(transmit.Path.Local, transmit.Path.Remote, bytes, transmit.Ecn));
            }
        }

        return taken;
    }

    public void ToServer(Datagram datagram) => ToServer(datagram, ServerPath);

    public void ToServer(Datagram datagram, NetworkPath path)
    {
        if (ServerOrNull is null)
        {
            Assert.IsTrue(LongHeader.TryRead(datagram.Bytes, out LongHeader header));
            ServerOrNull = Accept(header, path);
        }

        // The endpoint would know by the route; a short header's ID tells as well.
        Server.OnDatagram(datagram.Bytes, path, datagram.Ecn, Sequence(Server, datagram.Bytes), Now);
        Serve();
    }

    /// <summary>The server begins with this datagram, and names no other version than this one.</summary>
    public void SpeaksOnly(Datagram first, uint version)
    {
        Assert.IsNull(ServerOrNull);
        Assert.IsTrue(LongHeader.TryRead(first.Bytes, out LongHeader header));
        ServerOrNull = Accept(header, ServerPath);
        Server.Parts.Local = Server.Parts.Local with { VersionInformation = new(version, [version]) };
        ((TlsServer)Server.Parts.Tls!).SetTransportParameters(VersionChange.Declare(Server.Parts));
        ToServer(first);
    }

    /// <summary>A server's connection that begins with an Initial packet.</summary>
    public Connection Accept(in LongHeader initial, NetworkPath path) => ConnectionFactory.Accept(
        ServerOptions, ServerTls, Peer.Keys, 1, path, new FirstInitial(initial.Version, initial.Destination, initial.Source, BeforeRetry: null, IsAddressProven: false), Entropy(), Now, Tickets);

    /// <summary>Lets an end's requests be answered, and takes its events, as of one that the pair does not know.</summary>
    public List<ConnectionEvent> ServeOther(Connection connection)
    {
        List<ConnectionEvent> events = [];
        Serve(connection, events);
        return events;
    }

    /// <summary>To the client, by the path that the datagram names.</summary>
    public void ToClientByPath(Datagram datagram)
    {
        Client.OnDatagram(datagram.Bytes, new(datagram.From, datagram.To, 0), datagram.Ecn, Sequence(Client, datagram.Bytes), Now);
        Serve();
    }

    public void ToClient(Datagram datagram)
    {
        Client.OnDatagram(datagram.Bytes, ClientPath, datagram.Ecn, Sequence(Client, datagram.Bytes), Now);
        Serve();
    }

    /// <summary>Lets both ends talk until neither has more to say at this time.</summary>
    /// <param name="drop">Datagrams that are lost: whether from the client, and the bytes.</param>
    public void Exchange(Func<bool, byte[], bool>? drop = null)
    {
        bool again = true;
        for (int round = 0; again; round++)
        {
            Assert.IsTrue(round < 1000, "it never comes to rest");
            again = false;
            foreach (Datagram datagram in Take(Client))
            {
                again = true;
                if (drop?.Invoke(true, datagram.Bytes) != true)
                {
                    ToServer(datagram);
                }
            }

            foreach (Datagram datagram in ServerOrNull is Connection server ? Take(server) : [])
            {
                again = true;
                if (drop?.Invoke(false, datagram.Bytes) != true)
                {
                    ToClient(datagram);
                }
            }
        }
    }

    /// <summary>Lets both ends talk, and time pass in small steps, so that late acknowledgements go out too.</summary>
    public void Settle(int milliseconds = 200)
    {
        for (int passed = 0; passed <= milliseconds; passed += 10)
        {
            Exchange();
            Advance(TimeSpan.FromMilliseconds(10));
            Tick();
        }

        Exchange();
    }

    /// <summary>Calls who is due.</summary>
    public void Tick()
    {
        foreach (Connection connection in ServerOrNull is Connection server ? [Client, server] : (Connection[])[Client])
        {
            if (connection.Deadline <= Now)
            {
                connection.Tick(Now);
            }
        }

        Serve();
    }

    /// <summary>A packet with these frames, sealed by an end's own keys: what its peer gets if that end misbehaves.</summary>
    public Datagram Forge(Connection by, EncryptionLevel level, ReadOnlySpan<byte> frames, int size = 0)
    {
        byte[] bytes = new byte[int.Max(HeaderLength + frames.Length + PacketProtection.TagLength, size)];
        by.Parts.Frames.Clear();
        OpenPacket packet = Packetizer.Begin(by.Parts, level, bytes, 0);
        frames.CopyTo(bytes.AsSpan(packet.End));
        packet.End = int.Max(packet.End + int.Max(frames.Length, 4), size - PacketProtection.TagLength);
        packet.IsAckEliciting = true;
        Packetizer.Seal(by.Parts, bytes, packet, 0, isPadded: true, Ecn.NotEct, Now);
        return new(by.Path.Local, by.Path.Remote, bytes[..(packet.End + PacketProtection.TagLength)], Ecn.NotEct);
    }

    public static byte[] Frame<TFrame>(TFrame frame) where TFrame : IFrame<TFrame>
    {
        byte[] bytes = new byte[frame.Length];
        ByteWriter writer = new(bytes);
        frame.Write(ref writer);
        return bytes;
    }

    /// <summary>The server moves: what was written down goes on, the old one is gone.</summary>
    public void MoveServer()
    {
        Connection old = Server;
        old.Freeze(Now);
        SnapshotWriter writer = new(Now);
        old.Export(0, writer);
        old.Destroy();
        _image.Apply(writer.Written);
        ServerOrNull = Connection.Import(_image, ServerOptions, Peer.Keys, Now);
        // It takes the next connection, and nothing of this one is in it.
        _image.Wipe();
        Server.Thaw(Server.Epoch + 1, Now);
        Server.Resume(samePath: true, speak: Server.IsActive, Now);
    }

    private static ulong? Sequence(Connection connection, ReadOnlySpan<byte> datagram)
    {
        if (!InvariantHeader.TryRead(datagram, Net.Core.Endpoints.CidLayout.Length, out InvariantHeader header))
        {
            return null;
        }

        foreach (ulong number in connection.Parts.LocalIds.Active)
        {
            if (connection.Parts.LocalIds.Derive(Peer.Keys, number) == header.Destination)
            {
                return number;
            }
        }

        return null;
    }

    private void Serve()
    {
        Serve(Client, ClientEvents);
        if (ServerOrNull is Connection server)
        {
            Serve(server, ServerEvents);
        }
    }

    private void Serve(Connection connection, List<ConnectionEvent> events)
    {
        while (connection.TryTakeRequest(out CryptoRequest? request))
        {
            connection.OnAnswer(CryptoWorker.Answer(request, _crypto), Now);
        }

        while (connection.TryTakeEvent(out ConnectionEvent e))
        {
            events.Add(e);
        }
    }
}
