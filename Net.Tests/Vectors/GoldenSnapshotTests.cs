using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Tests.Simulation;

namespace Net.Tests.Vectors;

/// <summary>Snapshots of every released format load for ever, and nothing else does (Net.Tests/Vectors/golden/README.md).</summary>
[TestClass]
public sealed class GoldenSnapshotTests
{
    /// <summary>Oldest first; the last is the one that is written now. What was released stays.</summary>
    private static readonly string[] s_formats = ["0.1.0"];

    public static IEnumerable<object[]> Formats => s_formats.Select(format => new object[] { format });

    /// <summary>
    /// Goal: a connection out of a golden snapshot is as it was, serves the rest of what it was at and a new request, and moves again.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void A_golden_snapshot_loads_and_serves(string format) => Serve(Load(format, "client.bin"), Load(format, "component.bin"));

    /// <summary>Goal: so does what is written now. With GOLDEN=write it is kept as the golden one: for Net.Tests/Vectors/golden/make.</summary>
    [TestMethod]
    public void What_is_written_now_loads_and_serves()
    {
        (byte[] client, byte[] component) = Golden.Make();
        (byte[] again, byte[] componentAgain) = Golden.Make();
        CollectionAssert.AreEqual(client, again, "not the same bytes each time");
        CollectionAssert.AreEqual(component, componentAgain, "not the same bytes each time");
        Serve(client, component);
        if (Environment.GetEnvironmentVariable("GOLDEN") == "write")
        {
            string folder = Folder(s_formats[^1]);
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(Path.Combine(folder, "client.bin"), client);
            File.WriteAllBytes(Path.Combine(folder, "component.bin"), component);
        }
    }

    /// <summary>Goal: a component's snapshot that was tampered with or cut, or that is another's, does not open: not one byte of it is believed.</summary>
    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void What_is_tampered_with_cut_or_foreign_does_not_open(string format)
    {
        byte[] parts = Load(format, "component.bin");
        for (int at = 0; at < parts.Length; at += 997)
        {
            byte[] tampered = [.. parts];
            tampered[at] ^= 0x10;
            Assert.ThrowsExactly<SnapshotException>(() => Golden.Open(tampered, Golden.Binding, Golden.Key), $"changed at {at}");
            Assert.ThrowsExactly<SnapshotException>(() => Golden.Open(parts[..at], Golden.Binding, Golden.Key), $"cut at {at}");
        }

        Assert.ThrowsExactly<SnapshotException>(() => Golden.Open([.. parts, 0], Golden.Binding, Golden.Key));
        SnapshotBinding[] others =
        [
            Golden.Binding with { Component = "another" }, Golden.Binding with { Epoch = 4 }, Golden.Binding with { Destination = new Member("two", 23) },
            Golden.Binding with { Attempt = 34 },
        ];
        foreach (SnapshotBinding other in others)
        {
            Assert.ThrowsExactly<SnapshotException>(() => Golden.Open(parts, other, Golden.Key), other.ToString());
        }

        Assert.ThrowsExactly<SnapshotException>(() => Golden.Open(parts, Golden.Binding, new byte[SnapshotBinding.KeyLength]));
    }

    /// <summary>
    /// Goal: a connection's snapshot of another format, with a required section that is not known, of another federation, or cut anywhere, is
    /// refused; one that was damaged is refused or read, and does no harm either way; a section that may be skipped is.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void What_is_damaged_or_of_another_format_is_refused(string format)
    {
        byte[] client = Load(format, "client.bin");
        World world = new(3);
        ConnectionOptions options = Golden.ClientOptions.Connection;
        Assert.IsTrue(Golden.Import(client, options, world.Now).IsFrozen);
        Assert.IsTrue(Golden.Import(With(client, 97), options, world.Now).IsFrozen);
        Refused(With(client, 98));
        Refused([1, .. client[1..]]);
        Refused([3, .. client[1..]]);
        ConnectionKeys others = new(2, 0, new byte[32], new byte[32]);
        Assert.ThrowsExactly<SnapshotException>(() => Golden.Import(client, options, world.Now, others));
        for (int at = 0; at < client.Length; at += 997)
        {
            Refused(client[..at]);
        }

        int refused = 0;
        for (int at = 0; at < client.Length; at += 101)
        {
            byte[] damaged = [.. client];
            damaged[at] ^= (byte)(1 << (at % 8));
            try
            {
                _ = Golden.Import(damaged, options, world.Now);
            }
            catch (SnapshotException)
            {
                refused++;
            }
        }

        // Most bytes are those of streams, of which every value is good.
        Assert.IsGreaterThan(0, refused);

        void Refused(byte[] snapshot) =>
            Assert.ThrowsExactly<SnapshotException>(() => Golden.Import(snapshot, options, world.Now), $"{snapshot.Length} of {client.Length} bytes");

        static byte[] With(byte[] snapshot, ulong number)
        {
            SnapshotReader reader = new(snapshot, default);
            SnapshotWriter writer = new(default);
            writer.WriteNumber(reader.ReadNumber());
            writer.WriteSigned(reader.ReadSigned());
            SectionReader sections = new(SectionReader.Unpack(reader, ConnectionImage.MaxBytes));
            SectionWriter more = new(writer);
            while (sections.TryRead(out SnapshotSection section))
            {
                more.Write(section.Number, section.Key, body =>
                {
                    section.Body.Span.CopyTo(body.Reserve(section.Body.Length));
                    body.Advance(section.Body.Length);
                });
            }

            more.Write(number, 0, body => body.WriteNumber(1));
            more.Complete();
            return writer.Written.ToArray();
        }
    }

    /// <summary>The numbers of all sections that are in the kept ones.</summary>
    internal static IEnumerable<ulong> Numbers()
    {
        foreach (string format in s_formats)
        {
            ImageStore store = Golden.Open(Load(format, "component.bin"), Golden.Binding, Golden.Key);
            IEnumerable<ulong> connections = store.Indices.SelectMany(store.Sections).Where(s => s.Number == SectionNumber.Connection).SelectMany(s => Golden.Numbers(s.Body));
            foreach (ulong number in Golden.Numbers(Load(format, "client.bin")).Concat(connections).Concat(store.Indices.SelectMany(store.Sections).Select(s => s.Number)))
            {
                yield return number;
            }
        }
    }

    /// <summary>A kept file.</summary>
    internal static string PathOf(string format, string name) => Path.Combine(Folder(format), name);

    private static void Serve(byte[] clientBytes, byte[] component)
    {
        World world = new(2) { Network = new() { LossOneIn = 30, MinDelay = TimeSpan.FromMilliseconds(10), MaxDelay = TimeSpan.FromMilliseconds(14) } };
        (Peer client, Peer server) = Golden.Peers(world);
        ImageStore store = Golden.Open(component, Golden.Binding, Golden.Key);
        Assert.IsTrue(store.TryGet(ImageStore.ComponentIndex, SectionNumber.ComponentState, 0, out byte[]? state));
        Assert.IsTrue(store.TryGet(ImageStore.ComponentIndex, SectionNumber.EarlyDataLedger, 0, out byte[]? ledger));
        Assert.AreEqual(1, EarlyDataLedger.Import(new(ledger, world.Now)).Count);
        GoldenHalf talks = Half(state), serves = Half(state.AsSpan(sizeof(int)));
        Connection ours = Golden.Import(clientBytes, Golden.ClientOptions.Connection, world.Now);
        Connection theirs = Golden.Import(Golden.Server(store), Golden.ServerOptions.Connection, world.Now);
        foreach (Connection connection in (Connection[])[ours, theirs])
        {
            Assert.AreEqual(QuicVersion.V2, connection.Version);
            Assert.AreEqual((true, EarlyDataState.Accepted), (connection.Session!.IsResumed, connection.EarlyData));
            Assert.AreEqual(1UL, connection.Parts.Keys!.WriteGeneration);
        }

        Assert.AreEqual(Golden.ClientAddress, theirs.ValidatedPath.Remote);
        Assert.AreEqual(ours.Path.Remote, theirs.Path.Local);
        Assert.IsTrue(theirs.Parts.Datagrams.WaitingToBeRead == 1 && theirs.Parts.Datagrams.WaitingToBeSent == 1);
        int answers = 0;
        client.OnEvent = (connection, e) =>
        {
            talks.OnEvent(connection, e);
            answers += e.Kind == ConnectionEventKind.Stream && e.Stream.Id == new StreamId(12) && IsHello(connection, e.Stream.Id) ? 1 : 0;
        };
        server.OnEvent = (connection, e) =>
        {
            serves.OnEvent(connection, e);
            if (e.Kind == ConnectionEventKind.Stream && e.Stream.Id == new StreamId(12) && IsHello(connection, e.Stream.Id))
            {
                connection.Write(e.Stream.Id, "hello"u8, fin: true);
            }
        };
        GoOn(world, client, ours);
        GoOn(world, server, theirs);
        world.Run(TimeSpan.FromMilliseconds(30));

        // It moves once more, as it is now.
        theirs.Freeze(world.Now);
        SnapshotWriter writer = new(world.Now);
        theirs.Export(0, writer);
        theirs.Destroy();
        server.Endpoint.Remove(theirs);
        theirs = Golden.Import(writer.Written, Golden.ServerOptions.Connection, world.Now);
        GoOn(world, server, theirs);
        Assert.IsTrue(ours.TryOpen(unidirectional: false, out StreamId id));
        Assert.AreEqual(new StreamId(12), id);
        ours.Write(id, "hello"u8, fin: true);
        client.Pump();
        world.RunUntil(() => talks.HasRead && serves.HasRead && answers == 1, TimeSpan.FromSeconds(30));
        Assert.IsTrue(ours.IsOpen && theirs.IsOpen);
    }

    private static bool IsHello(Connection connection, StreamId id)
    {
        bool isThere = connection.Peek(id).SequenceEqual("hello"u8);
        if (isThere)
        {
            connection.Consume(id, 5);
        }

        return isThere;
    }

    private static GoldenHalf Half(ReadOnlySpan<byte> state) => new()
    {
        Read = GoldenHalf.ReadBefore,
        Written = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(state),
        MayRead = GoldenHalf.Length,
        MayWrite = GoldenHalf.Length,
    };

    private static void GoOn(World world, Peer peer, Connection connection)
    {
        connection.Thaw(connection.Epoch + 1, world.Now);
        peer.Endpoint.Adopt(connection);
        connection.Resume(samePath: true, speak: true, world.Now);
        peer.Pump();
    }

    private static byte[] Load(string format, string name) => File.ReadAllBytes(Path.Combine(Folder(format), name));

    private static string Folder(string format)
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Net.sln")))
        {
            at = at.Parent;
        }

        Assert.IsNotNull(at, "the tests run outside of the repository");
        return Path.Combine(at.FullName, "Net.Tests/Vectors/golden", format);
    }
}
