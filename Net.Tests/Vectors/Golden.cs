using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Tests.Simulation;

namespace Net.Tests.Vectors;

/// <summary>Both ends of one connection in the middle of its life: the client's snapshot, and the sealed snapshot of the component that serves it.</summary>
/// <remarks>
/// It began with a ticket, a token, 0-RTT and QUIC version 2; it has updated its keys, migrated and gone to the preferred address; it has lost
/// packets, a stream that was reset, one that was stopped, bytes and a datagram that nobody has read, and some
/// that were not sent yet.
/// </remarks>
internal static class Golden
{
    private static readonly UdpAddress s_preferred = UdpAddress.FromBytes([10, 0, 8, 8], 8443);
    private static readonly DatagramOptions s_datagrams = new() { MaxFrameSize = 1200 };
    private static readonly StreamId s_abandoned = new(0), s_refused = new(4);

    public static UdpAddress ClientAddress { get; } = UdpAddress.FromBytes([10, 0, 7, 1], 2000);

    public static SnapshotBinding Binding { get; } = new("golden", 3, 1, new("one", 11), new("two", 22), 33);

    public static byte[] Key { get; } = [.. Enumerable.Range(0, SnapshotBinding.KeyLength).Select(i => (byte)i)];

    public static EndpointOptions ServerOptions { get; } = Peer.DefaultOptions with
    {
        Connection = ConnectionOptions.Default with { PreferredIPv4 = s_preferred, Datagrams = s_datagrams },
        RetryAbove = 0,
        Server = new() { AlpnProtocols = ["test"u8.ToArray()], AcceptsEarlyData = true },
    };

    public static EndpointOptions ClientOptions { get; } = Peer.DefaultOptions with { Connection = ConnectionOptions.Default with { Version = QuicVersion.V2, Datagrams = s_datagrams } };

    /// <summary>The server under both of its addresses, and the client under the one that it has moved to.</summary>
    public static (Peer Client, Peer Server) Peers(World world)
    {
        Peer server = new(world, "10.0.1.1:443", options: ServerOptions) { SendsByPath = true };
        world.Attach(s_preferred, server.Deliver);
        Peer client = new(world, "10.0.0.1:1000", options: ClientOptions) { SendsByPath = true };
        world.Attach(ClientAddress, client.Deliver);
        return (client, server);
    }

    /// <summary>Lives the life and writes it down; the same bytes each time.</summary>
    public static (byte[] Client, byte[] Component) Make()
    {
        World world = new(1) { Network = new() { LossOneIn = 25, MinDelay = TimeSpan.FromMilliseconds(10), MaxDelay = TimeSpan.FromMilliseconds(14) } };
        (Peer client, Peer server) = Peers(world);
        TlsClientOptions tls = new() { AlpnProtocols = ["test"u8.ToArray()], ServerName = "web.test", SendsEarlyData = true };
        Visit(world, client, server, tls);

        GoldenHalf talks = new(), serves = new();
        client.OnEvent = (connection, e) => OnClient(connection, e, talks);
        server.OnEvent = (connection, e) => OnServer(connection, e, serves);
        Connection ours = client.Connect(server, tls);
        world.RunUntil(() => server.Accepted.Count == 2 && ours.IsConfirmed && server.Accepted[1].IsConfirmed, TimeSpan.FromSeconds(20));
        world.Run(TimeSpan.FromMilliseconds(300));
        Connection theirs = server.Accepted[1];
        Assert.AreEqual(EarlyDataState.Accepted, theirs.EarlyData);
        Reach(world, client, ours, ours.Path with { Local = ClientAddress });
        Reach(world, client, ours, ours.Path with { Remote = s_preferred });
        world.RunUntil(() => ours.Parts.Keys!.TryInitiateUpdate(), TimeSpan.FromSeconds(5));
        talks.MayWrite = serves.MayWrite = GoldenHalf.Length;
        talks.Write(ours);
        client.Pump();
        world.RunUntil(() => talks.Read == GoldenHalf.ReadBefore && serves.Read == GoldenHalf.ReadBefore, TimeSpan.FromSeconds(20));

        using ComponentExport export = new(Binding, Key);
        SnapshotWriter ahead = new(world.Now);
        theirs.Freeze(world.Now);
        export.OnAhead(theirs, theirs.Export(0, ahead), ahead);
        theirs.Thaw(theirs.Epoch, world.Now);
        FieldWriter parts = new();
        foreach (byte[] part in export.TakeAhead())
        {
            Write(parts, part, isLast: false);
        }

        // One that arrives and nobody takes, and one that has not left.
        ours.SendDatagram("from the client"u8);
        client.Pump();
        world.RunUntil(() => theirs.TryPeekDatagram(out _) || theirs.Parts.Datagrams.Received > 0, TimeSpan.FromSeconds(1));
        ours.Freeze(world.Now);
        SnapshotWriter written = new(world.Now);
        ours.Export(0, written);
        theirs.SendDatagram("from the server"u8);
        theirs.Freeze(world.Now);
        SnapshotWriter final = new(world.Now);
        theirs.Export(export.Since(theirs), final);
        export.OnFinal(theirs, final);
        SnapshotWriter ledger = new(world.Now);
        server.Endpoint.EarlyData.Export(ledger);
        export.OnEarlyData(ledger.Written.Span);
        FieldWriter state = new();
        state.WriteUInt32((uint)talks.Written);
        state.WriteUInt32((uint)serves.Written);
        export.OnComponentState(state.Written.Span);
        foreach ((byte[] bytes, bool isLast) in export.TakeFinal())
        {
            Write(parts, bytes, isLast);
        }

        return (written.Written.ToArray(), parts.Written.ToArray());
    }

    /// <exception cref="SnapshotException">Some part does not open, or the last is missing.</exception>
    public static ImageStore Open(byte[] parts, SnapshotBinding binding, byte[] key)
    {
        using SnapshotOpener opener = new(binding, key);
        ImageStore store = new(new());
        ByteReader reader = new(parts);
        byte[] plain = new byte[SealedPart.MaxPlain];
        while (reader.Remaining > 0)
        {
            if (!reader.TryReadBool(out bool isLast) || !reader.TryReadVarBytes(out ReadOnlySpan<byte> part) || !opener.TryOpen(part, isLast, plain, out int length))
            {
                throw new SnapshotException("a part does not open");
            }

            store.Apply(plain.AsSpan(0, length));
        }

        return opener.IsComplete && store.IsWhole ? store : throw new SnapshotException("the last part is missing");
    }

    /// <summary>The server's connection: what was copied ahead, completed by the rest.</summary>
    public static ConnectionImage Server(ImageStore store)
    {
        ConnectionImage image = new();
        foreach (SnapshotSection section in store.Sections(store.Indices.Single(i => i != ImageStore.ComponentIndex)))
        {
            Assert.AreEqual(SectionNumber.Connection, section.Number);
            image.Apply(section.Body);
        }

        return image;
    }

    /// <summary>The numbers of an export's sections.</summary>
    public static IEnumerable<ulong> Numbers(ReadOnlyMemory<byte> export)
    {
        SnapshotReader reader = new(export, default);
        Assert.AreEqual(ConnectionSnapshot.Format, reader.ReadNumber());
        _ = reader.ReadSigned();
        SectionReader sections = new(SectionReader.Unpack(reader, ConnectionImage.MaxBytes));
        while (sections.TryRead(out SnapshotSection section))
        {
            yield return section.Number;
        }
    }

    public static Connection Import(ReadOnlyMemory<byte> export, ConnectionOptions options, Instant now, ConnectionKeys? keys = null)
    {
        ConnectionImage image = new();
        image.Apply(export);
        return Import(image, options, now, keys);
    }

    public static Connection Import(ConnectionImage image, ConnectionOptions options, Instant now, ConnectionKeys? keys = null)
    {
        image.ThrowIfUnknown(SectionNumber.IsKnown);
        return Connection.Import(image, options, keys ?? Peer.Keys, now);
    }

    private static void Write(FieldWriter parts, byte[] part, bool isLast)
    {
        parts.WriteBool(isLast);
        parts.WriteVarBytes(part);
    }

    /// <summary>The connection before, which leaves a ticket and a token.</summary>
    private static void Visit(World world, Peer client, Peer server, TlsClientOptions tls)
    {
        Connection visit = client.Connect(server, tls);
        world.RunUntil(() => visit.IsConfirmed, TimeSpan.FromSeconds(10));
        world.Run(TimeSpan.FromSeconds(1));
        visit.Close(0, "done", world.Now);
        client.Pump();
        world.RunUntil(() => server.Endpoint.Connections.Count + client.Endpoint.Connections.Count == 0, TimeSpan.FromSeconds(60));
    }

    private static void Reach(World world, Peer client, Connection connection, Net.Core.Paths.NetworkPath path)
    {
        world.RunUntil(() => connection.TryMigrate(path, world.Now) == MigrationRefusal.None, TimeSpan.FromSeconds(5));
        client.Pump();
        world.RunUntil(() => connection.Path == path, TimeSpan.FromSeconds(5));
        world.Run(TimeSpan.FromMilliseconds(200));
    }

    private static void OnClient(Connection connection, ConnectionEvent e, GoldenHalf half)
    {
        if (e.Kind == ConnectionEventKind.EarlyData)
        {
            foreach (StreamId id in (StreamId[])[s_abandoned, s_refused, GoldenHalf.Stream])
            {
                Assert.IsTrue(connection.TryOpen(unidirectional: false, out StreamId opened) && opened == id);
                connection.Write(id, new byte[id == GoldenHalf.Stream ? 0 : 800], fin: false);
            }

            half.Write(connection);
        }
        else if (e.Kind == ConnectionEventKind.HandshakeCompleted)
        {
            connection.Reset(s_abandoned, 11);
            connection.StopSending(s_refused, 12);
            connection.Write(s_refused, [], fin: true);
        }
        else
        {
            half.OnEvent(connection, e);
        }
    }

    private static void OnServer(Connection connection, ConnectionEvent e, GoldenHalf half)
    {
        if (e.Kind == ConnectionEventKind.Stream && e.Stream.Kind == StreamEventKind.StoppedByPeer)
        {
            connection.Reset(e.Stream.Id, 13);
        }

        half.OnEvent(connection, e);
    }
}
