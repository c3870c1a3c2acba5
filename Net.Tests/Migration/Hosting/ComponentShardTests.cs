using System.Net;
using Net.Core.Io;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Http3.Server;
using Net.Tests.Simulation;

namespace Net.Tests.Migration.Hosting;

/// <summary>A component's record of the 0-RTT data that was accepted: with a hand-over it comes, with a forced take-over it is lost.</summary>
[TestClass]
public sealed class ComponentShardTests
{
    private const long Second = 2000;

    /// <summary>Goal: who takes over by force accepts nothing that the former owner may have accepted, however long its own shard is there.</summary>
    [TestMethod]
    public async Task Early_data_of_before_a_forced_take_over_is_refused()
    {
        Runner runner = new() { Second = Second - 1000 };
        await using ComponentShard shard = Create(runner);
        runner.Second = Second;
        shard.Serve(2, _ => { }, default);

        Assert.IsFalse(shard.Shard.Endpoint.EarlyData.TryUse(1, sentAt: Second - 1, now: Second + 1), "the former owner may have taken it");
        const long ahead = Second + EarlyDataLedger.Tolerance;
        Assert.IsFalse(shard.Shard.Endpoint.EarlyData.TryUse(1, sentAt: ahead, now: Second + 1), "nor what says to be of a moment to come");
        Assert.IsTrue(shard.Shard.Endpoint.EarlyData.TryUse(1, sentAt: ahead + 1, now: ahead + 1));
    }

    /// <summary>Goal: what was handed over counts: used tickets are known, and others of before are accepted; once it is gone, nothing of it is.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Early_data_is_judged_by_the_record_that_came(bool standsDown)
    {
        EarlyDataLedger ledger = new(since: long.MinValue);
        Assert.IsTrue(ledger.TryUse(1, Second - 1, Second - 1));
        SnapshotWriter body = new(default);
        ledger.Export(body);
        ImageWriter writer = new();
        writer.Set(ImageStore.ComponentIndex, SectionNumber.EarlyDataLedger, 0, body.Written.Span);
        writer.EndVersion(0);
        ImageStore image = new(new());
        while (writer.TryTakePart(isEnd: true, out byte[]? part))
        {
            image.Apply(part);
        }

        Runner runner = new() { Second = Second };
        await using ComponentShard shard = Create(runner);
        shard.Restore(image, default);
        if (standsDown)
        {
            shard.StandDown();
        }

        shard.Serve(2, _ => { }, default);

        Assert.IsFalse(shard.Shard.Endpoint.EarlyData.TryUse(1, sentAt: Second - 1, now: Second + 1), "used");
        Assert.AreEqual(!standsDown, shard.Shard.Endpoint.EarlyData.TryUse(2, sentAt: Second - 1, now: Second + 1));
    }

    private static ComponentShard Create(Runner runner) => new(
        new("web", new Handler((_, _) => default)),
        1,
        FederationKeys.Create(new byte[FederationKeys.EntropyLength]),
        MemoryChannel.CreatePair(UdpAddress.FromEndPoint(new(IPAddress.Loopback, 1)), UdpAddress.FromEndPoint(new(IPAddress.Loopback, 2))).First,
        new SimulatedCrypto(new World(1)),
        runner,
        _ => { },
        _ => true);

    private sealed class Runner : IComponentRunner
    {
        public long Second { get; set; }

        public bool RunsHandlersInline => true;

        public Instant Now => default;

        public Func<long> WallClock => () => Second;

        public IAsyncDisposable Start(ComponentShard component, string name) => throw new NotSupportedException();
    }
}
