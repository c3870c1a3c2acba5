using System.Reflection;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Http3.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Simulation;

namespace Net.Tests.Vectors;

/// <summary>Whole components of every released format load for ever, and are served: HTTP/3 with its compression, requests, tethers and checkpoints.</summary>
[TestClass]
public sealed class GoldenComponentTests
{
    private const string File = "federation.bin";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Oldest first; the last is the one that is written now. What was released stays.</summary>
    private static readonly string[] s_formats = ["0.1.0"];

    public static IEnumerable<object[]> Formats => s_formats.Select(format => new object[] { format });

    /// <summary>
    /// Goal: a component out of a golden snapshot serves the rest of every request that it was at, and new ones, and moves again. What depends on a
    /// handler that is nowhere any more is reset, and that alone.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void A_golden_component_loads_serves_and_moves(string format) => Serve(Load(format));

    /// <summary>Goal: so does what is written now. With GOLDEN=write it is kept as the golden one: for Net.Tests/Vectors/golden/make.</summary>
    [TestMethod]
    public void What_is_written_now_loads_and_serves()
    {
        byte[] component = GoldenComponent.Make();
        CollectionAssert.AreEqual(component, GoldenComponent.Make(), "not the same bytes each time");
        Serve(GoldenComponent.Read(component));
        if (Environment.GetEnvironmentVariable("GOLDEN") == "write")
        {
            System.IO.File.WriteAllBytes(GoldenSnapshotTests.PathOf(s_formats[^1], File), component);
        }
    }

    /// <summary>Goal: its checkpoint is as good as on the day on which it was taken: the state goes back, what has not gone on since begins there, what has is reset.</summary>
    [TestMethod]
    [DynamicData(nameof(Formats))]
    public void A_golden_component_goes_back_to_its_checkpoint(string format)
    {
        GoldenComponent golden = Load(format);
        (World world, GoldenHost host, GoldenClient[] clients) = Start(golden);
        long before = host.Component.Count;
        host.Hold();
        CheckpointOutcome outcome = host.Shard.RollBack(0);
        host.Release();
        Assert.AreEqual((MigrateCode.None, 1U, 2U), (outcome.Code, outcome.Resumed, outcome.Reset), outcome.ToString());
        Assert.IsLessThan(before, host.Component.Count, "the count goes back");
        Finish(world, clients);
        // The upload stood still since then; what stayed with its handler had ended before. The other two have gone on.
        Assert.IsNull(clients[0].Ends(GoldenTask.Upload).Single());
        CollectionAssert.AreEqual((Http3ErrorCode?[])[null, Http3ErrorCode.InternalError], clients[0].Ends(GoldenTask.Download).ToArray());
        Assert.AreEqual(Http3ErrorCode.InternalError, clients[0].Ends(GoldenTask.Count).Single());
    }

    /// <summary>Goal: a section that travels is in some golden snapshot: one that is new comes with a golden of its own.</summary>
    [TestMethod]
    public void Every_section_that_travels_is_in_a_golden_snapshot()
    {
        HashSet<ulong> kept = [];
        foreach (string format in s_formats)
        {
            GoldenComponent golden = Load(format);
            kept.UnionWith(golden.Numbers(Golden.Open(golden.Parts, golden.Binding, golden.Key)));
        }

        kept.UnionWith(GoldenSnapshotTests.Numbers());
        FieldInfo[] missing = [.. typeof(SectionNumber).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.IsLiteral && !kept.Contains((ulong)field.GetRawConstantValue()!))];
        Assert.IsEmpty(missing, $"no golden snapshot has {string.Join(", ", missing.Select(field => field.Name))}: see Net.Tests/Vectors/golden/README.md");
        ulong[] unknown = [.. Enumerable.Range(0, SectionTable.Count).Select(i => SectionTable.NameOf(i).Number).Where(number => !kept.Contains(number))];
        Assert.IsEmpty(unknown, "the table has sections that no golden snapshot has");
    }

    private static void Serve(GoldenComponent golden)
    {
        (World world, GoldenHost host, GoldenClient[] clients) = Start(golden);
        ServerConnection busy = host.Shard.Shard.Endpoint.Connections.Select(host.Shard.Http3Of).Single(c => c.Session.Requests.Count > 1);
        Assert.IsFalse(busy.Session.Priorities.IsEmpty);
        Assert.HasCount(2, busy.Tethers);
        Assert.IsTrue(busy.Session.Encoder.Inserted > 0 && busy.Session.Decoder.Inserted > 0, "a table that was not used");
        world.Run(TimeSpan.FromMilliseconds(30));

        // It moves once more, as it is now, under everybody's feet.
        SnapshotBinding binding = golden.Binding with { Epoch = host.Shard.Channel.Epoch, Source = golden.Binding.Destination, Destination = new Member("three", 44) };
        byte[] parts = host.Leave(binding, golden.Key);
        GoldenHost next = new(world, host.Ingress, golden.Keys, golden.Binding.Shard, number: 2);
        next.Serve(Golden.Open(parts, binding, golden.Key), binding.Epoch + 1);
        StreamId asked = clients[0].Ask();
        _ = clients[1].Ask();
        world.RunUntil(() => next.Shard.Shard.Endpoint.Connections.Any(c => next.Shard.Http3Of(c).Session.Requests.ContainsKey(asked)), s_limit);
        RequestStream request = next.Shard.Shard.Endpoint.Connections.Select(c => next.Shard.Http3Of(c).Session.Requests.GetValueOrDefault(asked)).Single(r => r is not null)!;
        Assert.AreEqual(new(1, true), request.Priority, "what was told ahead of it");
        Finish(world, clients);
        Assert.AreEqual(Http3ErrorCode.InternalError, clients[0].Ends(GoldenTask.Endless).Single());
        foreach ((GoldenTask task, int count) in ((GoldenTask, int)[])[(GoldenTask.Download, 4), (GoldenTask.Upload, 1), (GoldenTask.Count, 1)])
        {
            Http3ErrorCode?[] ends = [.. clients.SelectMany(client => client.Ends(task))];
            Assert.HasCount(count, ends);
            Assert.IsTrue(ends.All(error => error is null), $"{task}: {string.Join(", ", ends)}");
        }

        Assert.IsTrue(clients.All(client => client.Connection.IsOpen));
    }

    private static (World World, GoldenHost Host, GoldenClient[] Clients) Start(GoldenComponent golden)
    {
        World world = new(2) { Network = new() { LossOneIn = 40, MinDelay = TimeSpan.FromMilliseconds(4), MaxDelay = TimeSpan.FromMilliseconds(6) } };
        GoldenIngress ingress = new(world, golden.Keys, golden.Binding.Shard);
        GoldenHost host = new(world, ingress, golden.Keys, golden.Binding.Shard, number: 1);
        GoldenClient[] clients = [.. golden.Clients.Select(state => new GoldenClient(world, state))];
        host.Serve(Golden.Open(golden.Parts, golden.Binding, golden.Key), golden.Binding.Epoch + 1);
        return (world, host, clients);
    }

    private static void Finish(World world, GoldenClient[] clients)
    {
        Instant end = world.Now + s_limit;
        while (!clients.All(client => client.IsDone))
        {
            Assert.IsTrue(world.TryStep(end), $"not done: {string.Join('\n', clients.AsEnumerable())}");
        }
    }

    private static GoldenComponent Load(string format) => GoldenComponent.Read(System.IO.File.ReadAllBytes(GoldenSnapshotTests.PathOf(format, File)));
}
