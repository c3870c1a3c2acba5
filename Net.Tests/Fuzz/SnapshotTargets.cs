using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Tests.Core.Connections;
using Net.Tests.Core.Snapshots;
using Net.Tests.Http3.Server;
using Net.Tests.Http3.Sessions;
using Net.Tests.Simulation;
using Net.Tests.Vectors;

namespace Net.Tests.Fuzz;

/// <summary>
/// What another node says that a connection was. A member of the federation made it, which may have been broken into: it is refused by
/// <see cref="SnapshotException"/>, or what comes of it lives as any connection does.
/// </summary>
internal static class SnapshotTargets
{
    private const int Turns = 20;

    private static readonly Lazy<byte[]> s_client = new(() => Golden.Make().Client);

    public static IEnumerable<FuzzTarget> All =>
    [
        new("export", "one export of a connection, packed as it travels", () => [s_client.Value], input => Refusable(() => Apply(input))),
        new("snapshot", "sections of a connection that is otherwise sound: their number, then key and body", Sections, Restore),
        new("exchanges", "as snapshot, for the HTTP/3 sections of a server's connection", Exchanges, RestoreExchanges),
        new("image", "the stream of entries that makes a component's image", Entries, input => Refusable(() => Open(input))),
        new("early-data", "the single-use record of 0-RTT tickets", Ledgers, input => Refusable(() => EarlyDataLedger.Import(new(input, new Instant(9))))),
        new("checkpoint", "a checkpoint that moves with its component", Checkpoints, input => Refusable(() => Checkpoint.Import(1, new(input, new Instant(9))))),
    ];

    private static IEnumerable<byte[]> Checkpoints()
    {
        HostWorld world = new(new ResumableHandler(async (exchange, _) =>
        {
            exchange.SaveState("saved"u8);
            await exchange.RespondAsync(200);
            await exchange.DelayAsync(TimeSpan.FromSeconds(9));
        }));
        _ = world.Request("POST", hasBody: true);
        _ = world.Request();
        world.Run();
        world.Host.Hold();
        world.Run();
        SnapshotWriter writer = new(world.Now);
        writer.WriteNumber(3);
        writer.WriteInstant(world.Now);
        writer.WriteBytes("state"u8);
        writer.WriteNumber(1);
        writer.WriteNumber(4);
        writer.WriteNumber(5);
        ConnectionCheckpoint checkpoint = world.Connection.TakeCheckpoint();
        world.Connection.AddExchanges(checkpoint, ConnectionCheckpoint.MaxLength, world.Now);
        checkpoint.Export(writer);
        yield return writer.Written.ToArray();
        writer.Restart(world.Now);
        new Checkpoint(1, 1, world.Now, "state"u8.ToArray(), []).Export(writer);
        yield return writer.Written.ToArray();
    }

    /// <summary>Only a refusal may come of it.</summary>
    private static void Refusable(Action action)
    {
        try
        {
            action();
        }
        catch (SnapshotException)
        {
        }
    }

    private static void Apply(byte[] input)
    {
        ConnectionImage image = new();
        image.Apply(input);
        Live(image);
    }

    private static IEnumerable<byte[]> Sections()
    {
        foreach ((SnapshotSection section, _) in Original(s_client.Value).Sections(default))
        {
            yield return Written(section);
        }

        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        pair.Client.Write(id, "half a request"u8, fin: false);
        pair.Exchange();
        foreach ((SnapshotSection section, _) in Original(Export(pair)).Sections(default))
        {
            yield return Written(section);
        }
    }

    private static byte[] Written(SnapshotSection section) => Cut.Piece((byte)section.Number, [(byte)section.Key, .. section.Body.Span]);

    private static byte[] Export(ConnectionPair pair)
    {
        pair.Server.Freeze(pair.Now);
        SnapshotWriter writer = new(pair.Now);
        pair.Server.Export(0, writer);
        return writer.Written.ToArray();
    }

    private static ConnectionImage Original(byte[] export)
    {
        ConnectionImage image = new();
        image.Apply(export);
        return image;
    }

    /// <summary>The sections take the place of those of a sound connection.</summary>
    private static void Restore(byte[] input)
    {
        ConnectionImage image = Original(s_client.Value);
        SnapshotWriter writer = new(new Instant(ConnectionImage.ReadExportedAt(s_client.Value)));
        writer.WriteNumber(ConnectionSnapshot.Format);
        writer.WriteSigned(writer.Now.Ticks);
        SectionWriter sections = new(writer);
        Cut cut = new(input);
        while (cut.TryTake(out byte number, out ReadOnlySpan<byte> piece))
        {
            if (piece.Length > 0)
            {
                byte[] body = piece[1..].ToArray();
                sections.Write(number, piece[0], w =>
                {
                    body.CopyTo(w.Reserve(body.Length));
                    w.Advance(body.Length);
                });
            }
        }

        sections.Complete();
        Refusable(() =>
        {
            image.Apply(writer.Written);
            image.ThrowIfUnknown(SectionNumber.IsKnown);
            Live(image);
        });
    }

    /// <summary>It is restored and lives on: what it was made of must not break it later.</summary>
    private static void Live(ConnectionImage image)
    {
        Instant now = new(TimeSpan.TicksPerDay);
        ConnectionOptions options = ConnectionOptions.Default with { Datagrams = new() { MaxFrameSize = 1200 } };
        Connection connection = Connection.Import(image, options, Peer.Keys, now);
        if (connection.Epoch == ulong.MaxValue)
        {
            return;
        }

        connection.Thaw(connection.Epoch + 1, now);
        connection.Resume(samePath: true, speak: true, now);
        byte[] buffer = new byte[64 * 1500];
        for (int turn = 0; turn < Turns && !connection.IsClosed; turn++)
        {
            while (connection.TryTakeRequest(out CryptoRequest? _) || connection.TryTakeEvent(out ConnectionEvent _))
            {
            }

            for (int datagrams = 0; connection.TryTransmit(buffer, 0, now, out _); datagrams++)
            {
                Assert.IsTrue(datagrams < 10_000, "it never stops sending");
            }

            if (turn == 2 && connection.TryOpen(unidirectional: false, out StreamId id))
            {
                connection.Write(id, new byte[1000], fin: true);
            }

            if (connection.Deadline == Instant.Never)
            {
                break;
            }

            now = connection.Deadline > now ? connection.Deadline : now;
            connection.Tick(now);
        }

        if (!connection.IsOpen)
        {
            return;
        }

        connection.Freeze(now);
        SnapshotWriter again = new(now);
        connection.Export(0, again);
        connection.Destroy();
    }

    private static IEnumerable<byte[]> Exchanges()
    {
        foreach (int pieces in (int[])[1, 20, 1000])
        {
            HostWorld world = new(new ResumableHandler(static (exchange, _) => Echo(exchange)));
            world.Link.Window = 60;
            StreamId id = world.Request("POST", "/a", hasBody: true, headers: ("priority", "u=1"));
            world.Client.Write(id, new byte[50]);
            world.Request();
            int step = 0;
            world.Between = () =>
            {
                if (step++ == 4)
                {
                    world.Host.Hold();
                }
            };
            world.Run(pieces);
            if (!world.Host.IsHeld)
            {
                world.Host.Hold();
                world.Run();
            }

            SnapshotWriter writer = new(world.Now);
            foreach (TravellingPart part in world.Connection.Parts)
            {
                writer.WriteSection(part.Section, part.Key, part.Export);
            }

            yield return [.. SessionSnapshotTests.Sections(writer).SelectMany(Written)];
        }
    }

    private static async ValueTask Echo(Http3Exchange exchange)
    {
        await exchange.RespondAsync(200, ("x", "y"));
        byte[] buffer = new byte[30];
        int count;
        while ((count = await exchange.ReadAsync(buffer)) > 0)
        {
            exchange.SaveState(buffer.AsSpan(0, 4));
            await exchange.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    private static void RestoreExchanges(byte[] input)
    {
        List<(SnapshotSection, Instant)> sections = [];
        Cut cut = new(input);
        while (cut.TryTake(out byte number, out ReadOnlySpan<byte> piece))
        {
            if (piece.Length > 0)
            {
                sections.Add((new(number, piece[0], piece[1..].ToArray()), new(1000)));
            }
        }

        HostWorld world = new(new ResumableHandler(static (exchange, _) => Echo(exchange)));
        Refusable(() =>
        {
            ServerConnection connection = ServerConnection.Import(world.Host, world.Link.Server, [.. sections]);
            world.Link.Server.Attach(connection);
            connection.Resume();
            world.Link.Client.Send(unidirectional: false, Net.Tests.Http3.Frames.Request(), fin: true);
            for (int turn = 0; turn < Turns; turn++)
            {
                world.Run();
                world.Now += TimeSpan.FromSeconds(1);
                world.Host.Tick(world.Now);
            }
        });
    }

    private static IEnumerable<byte[]> Entries()
    {
        ImageWriter writer = new();
        writer.Set(0, SectionNumber.ComponentState, 0, "state"u8);
        writer.Set(1, SectionNumber.Connection, 0, "a connection"u8);
        writer.Set(2, SectionNumber.Connection, 1, "another"u8);
        writer.EndVersion(0);
        writer.RemoveSection(2, SectionNumber.Connection, 1);
        writer.RemoveConnection(1);
        writer.EndVersion(1);
        while (writer.TryTakePart(isEnd: true, out byte[]? part))
        {
            yield return part;
        }
    }

    private static void Open(byte[] input)
    {
        ImageStore store = new(new() { MaxConnections = 10, MaxSectionsPerConnection = 10, MaxBytes = 1000 });
        foreach (byte[] part in input.Chunk(7))
        {
            store.Apply(part);
            Assert.AreEqual(store.Indices.Sum(i => store.Sections(i).Sum(s => (long)s.Body.Length)), store.Bytes);
            Assert.IsTrue(store.Bytes <= 1000 && store.Connections <= 11);
        }
    }

    private static IEnumerable<byte[]> Ledgers()
    {
        SnapshotWriter writer = new(new Instant(9));
        new EarlyDataLedger(0).Export(writer);
        yield return writer.Written.ToArray();
    }
}
