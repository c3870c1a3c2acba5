using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Http3.Sessions;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Vectors;

namespace Net.Tests.Scenarios;

/// <summary>What a connection costs that has nothing to do: a component may have a great many of them.</summary>
[TestClass]
public sealed class IdleConnectionTests
{
    /// <summary>AES-128-GCM, two IDs of the peer, no dynamic table entries, requests finished.</summary>
    private const int MaxBytes = 600;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Goal: an idle connection adds at most 600 bytes to its component's snapshot, and what is restored from them serves a request and moves again.
    /// Method: what the sealed copy of twelve connections has more than that of two; then two moves, with requests of all between.
    /// </summary>
    [TestMethod]
    public void An_idle_connection_takes_at_most_600_bytes()
    {
        Federation federation = new(1, new() { MinDelay = TimeSpan.FromMilliseconds(4), MaxDelay = TimeSpan.FromMilliseconds(6) }, f =>
        {
            f.ServerConnections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromMinutes(10), ActiveConnectionIdLimit = 2 };
            f.ClientConnections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromMinutes(10) };
        });
        List<SimulatedClient> clients = [];
        Serve(federation, clients, 2);
        long few = SealedBytes(federation.Alpha);
        Serve(federation, clients, 10);
        long many = SealedBytes(federation.Alpha);
        if (Environment.GetEnvironmentVariable("TABLE") == "print")
        {
            Print(federation.Alpha);
        }

        Assert.IsLessThanOrEqualTo(MaxBytes, (many - few) / 10);

        foreach ((string to, SimulatedNode node) in new[] { ("beta", federation.Beta), ("alpha", federation.Alpha) })
        {
            Move move = federation.Migrate(to);
            federation.RunUntil(() => move.IsOver && node.IsServing, s_limit, $"moved to {to}");
            Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
            Assert.IsLessThan((ulong)((clients.Count * MaxBytes) + 2000), (ulong)move.Report.StateBytes);
            Ask(federation, clients);
            federation.Run(TimeSpan.FromSeconds(40));
        }

        Assert.IsTrue(clients.TrueForAll(client => client.IsOpen));
        federation.AssertOneOwner();
    }

    private static void Serve(Federation federation, List<SimulatedClient> clients, int more)
    {
        for (int i = 0; i < more; i++)
        {
            // Not all at the same time, or what is by chance the same would look as if it always were.
            federation.Run(TimeSpan.FromMilliseconds(17 * i));
            clients.Add(federation.AddClient());
        }

        Ask(federation, clients);
        federation.Run(TimeSpan.FromSeconds(40));
    }

    private static void Ask(Federation federation, List<SimulatedClient> clients)
    {
        ClientView[] views = [.. clients.Select(client => client.Request("GET", "/bytes/100"))];
        federation.RunUntil(() => views.All(view => view.IsOver), s_limit, "answered");
        Assert.IsTrue(views.All(view => view.Error is null && view.Received == 100));
    }

    /// <summary>Writes all down, as a copy ahead does.</summary>
    private static long SealedBytes(SimulatedNode node)
    {
        byte[] key = new byte[SnapshotBinding.KeyLength];
        using ComponentExport export = new(new("web", 1, 1, new("a", 1), new("b", 1), 1), key);
        node.Shard!.BeginCopy(export);
        while (node.Shard.ExportAhead(export, node.Machine.Now))
        {
        }

        return export.TakeAhead().Sum(part => (long)part.Length);
    }

    /// <summary>The entries of <see cref="SectionTable"/>: what is the same for all, and zeros for the rest.</summary>
    private static void Print(SimulatedNode node)
    {
        List<List<SnapshotSection>> all = [.. node.Shard!.Shard.Endpoint.Connections.Select(connection => Sections(node, connection))];
        foreach (SnapshotSection first in all[0])
        {
            byte[] body = first.Body.ToArray();
            foreach (List<SnapshotSection> other in all)
            {
                SnapshotSection same = other.Find(s => s.Number == first.Number && s.Key == first.Key);
                for (int i = 0; i < body.Length; i++)
                {
                    body[i] = i < same.Body.Length && same.Body.Span[i] == body[i] ? body[i] : (byte)0;
                }
            }

            Console.WriteLine($"        Of({first.Number}, {first.Key}, \"{Convert.ToHexStringLower(body)}\"),");
        }
    }

    private static List<SnapshotSection> Sections(SimulatedNode node, Connection connection)
    {
        SnapshotWriter writer = new(node.Machine.Now);
        connection.Copy(writer, SessionSnapshot.Parts(node.Shard!.Http3Of(connection).Session));
        SnapshotReader reader = new(writer.Written, default);
        _ = (reader.ReadNumber(), reader.ReadSigned());
        SectionReader sections = new(SectionReader.Unpack(reader, ConnectionImage.MaxBytes));
        List<SnapshotSection> read = [];
        while (sections.TryRead(out SnapshotSection section))
        {
            read.Add(section);
        }

        return read;
    }
}
