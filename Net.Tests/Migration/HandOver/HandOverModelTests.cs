using System.Globalization;
using Net.Migration.HandOver;
using Net.Tests.Scenarios;

namespace Net.Tests.Migration.HandOver;

/// <summary>Method: every order of events and faults of <see cref="HandOverModel"/> is tried (<see cref="ModelExplorer"/>).</summary>
[TestClass]
public sealed class HandOverModelTests
{
    /// <summary>What comes before the freeze is left out where it has no bearing.</summary>
    private static readonly Dictionary<string, ModelSettings> s_small = new()
    {
        ["link lost, timer"] = new(new() { LinkLosses = 1, Timers = 1 }),
        ["link lost, doubled writes, lost answers"] = new(new() { LinkLosses = 1, DoubledWrites = 1, LostAnswers = 1 }, From: SourceState.Quiescing),
        ["crash"] = new(new() { Crashes = 1 }),
        ["crash, doubled writes"] = new(new() { Crashes = 1, DoubledWrites = 1 }, From: SourceState.Quiescing),
        ["both crash, lost writes"] = new(new() { Crashes = 2, LostWrites = 1 }, From: SourceState.Quiescing),
        ["cancel, lost and doubled writes"] = new(new() { Cancels = 1, LostWrites = 1, DoubledWrites = 1, Packets = 1 }, From: SourceState.Quiescing),
        ["link lost, crash, cancel"] = new(new() { LinkLosses = 1, Crashes = 1, Cancels = 1 }, From: SourceState.Transferring),
        ["link lost, timer, cancel"] = new(new() { LinkLosses = 1, Timers = 1, Cancels = 1 }, From: SourceState.Exporting),
        ["taken for dead"] = new(new() { Suspicions = 1 }),
        ["taken for dead, crash"] = new(new() { Crashes = 1, Suspicions = 1 }, From: SourceState.Transferring),
        ["taken for dead, packets"] = new(new() { Suspicions = 1, Packets = 2 }, From: SourceState.Quiescing),
        ["taken for dead, packets, two ingresses"] = new(new() { Suspicions = 1, Packets = 3 }, Ingresses: 2, From: SourceState.Idle),
        ["taken for dead, packets, ingress restarts"] = new(new() { Suspicions = 1, Packets = 2, DoubledDatagrams = 1, IngressRestarts = 1 }, From: SourceState.Idle),
        ["ingress restarts"] = new(new() { IngressRestarts = 1, Packets = 2 }, From: SourceState.Quiescing),
        ["directory restarts, link lost"] = new(new() { DirectoryRestarts = 1, LinkLosses = 1, Packets = 1 }, From: SourceState.Exporting),
        ["relay, crash"] = new(new() { Crashes = 1, LinkLosses = 1, Packets = 1 }, IsRelay: true, From: SourceState.Exporting),
        ["third node, taken for dead"] = new(new() { Suspicions = 1 }, HasThird: true, From: SourceState.Quiescing),
        ["another attempt, late writes of the first"] = new(new() { LinkLosses = 1, DoubledWrites = 1, MoreAttempts = 1 }, From: SourceState.Committing),
    };

    /// <summary>For <c>LONG=1</c>.</summary>
    private static readonly Dictionary<string, ModelSettings> s_large = new()
    {
        ["link lost, doubled writes, lost answers, timers"] = new(new() { LinkLosses = 1, DoubledWrites = 1, LostAnswers = 1, Timers = 2 }, From: SourceState.Quiescing),
        ["crash, doubled writes, timer"] = new(new() { Crashes = 1, DoubledWrites = 1, Timers = 1 }),
        ["cancel, link lost, crash, lost writes"] = new(new() { Cancels = 1, LinkLosses = 1, Crashes = 1, LostWrites = 1 }),
        ["taken for dead, crash, link lost, doubled writes"] = new(new() { LinkLosses = 1, Crashes = 1, Suspicions = 1, DoubledWrites = 1 }, From: SourceState.Quiescing),
        ["taken for dead, more packets"] = new(new() { Suspicions = 1, Packets = 3, DoubledDatagrams = 1 }, From: SourceState.Quiescing),
        ["taken for dead, packets, three ingresses restart"] = new(new() { Suspicions = 1, Packets = 3, IngressRestarts = 1 }, Ingresses: 3, From: SourceState.Idle),
        ["taken for dead, packets, two ingresses restart"] = new(new() { Suspicions = 1, Packets = 2, IngressRestarts = 1 }, Ingresses: 2, From: SourceState.Exporting),
        ["directory restarts, link lost, timer"] = new(new() { DirectoryRestarts = 1, LinkLosses = 1, Timers = 1, Packets = 1 }, From: SourceState.Quiescing),
        ["relay, crash, packets"] = new(new() { Crashes = 1, LinkLosses = 1, Packets = 2 }, IsRelay: true, From: SourceState.Quiescing),
        ["third node, taken for dead, crash"] = new(new() { Crashes = 1, Suspicions = 1, Packets = 1 }, HasThird: true, From: SourceState.Quiescing),
        ["another attempt, packets, cancel"] = new(new() { Cancels = 1, LinkLosses = 1, DoubledWrites = 1, Packets = 1, MoreAttempts = 1 }, From: SourceState.Exporting),
    };

    public required TestContext TestContext { get; init; }

    private static IEnumerable<object[]> Situations => (Depth.IsLong ? s_small.Concat(s_large) : s_small).Select(static s => new object[] { s.Key });

    /// <summary>Goal: without faults every order of events ends with the destination serving.</summary>
    [TestMethod]
    public void Without_faults_the_component_moves()
    {
        Exploration seen = ModelExplorer.Explore(new(default), 1000);
        Assert.IsEmpty(seen.Violations, string.Join('\n', seen.Violations));
        Assert.IsGreaterThan(0, seen.Committed);
        Assert.IsGreaterThan(20, seen.States);
    }

    /// <summary>
    /// Goal: whatever happens, never two senders, never a packet number twice, no older snapshot than the last packet, no acknowledged byte lost; and
    /// in the end one owner serves through every ingress, with its connections unless somebody crashed or was taken for dead.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(Situations))]
    public void Every_order_of_events_is_safe(string situation)
    {
        ModelSettings settings = s_small.GetValueOrDefault(situation) ?? s_large[situation];
        Exploration seen = ModelExplorer.Explore(settings, Depth.IsLong ? 20_000_000 : 100_000);
        TestContext.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{situation}: {seen.States:N0} states, {seen.Steps:N0} steps; {seen.Committed:N0} after a move, {seen.Forced:N0} after a forced take-over"));
        Assert.IsEmpty(seen.Violations, string.Join('\n', seen.Violations));
        Assert.IsGreaterThan(100, seen.States);
        Assert.AreEqual(settings.From is not SourceState.Idle, seen.Committed > 0, "the model does not explore what it should");
        Assert.AreEqual(settings.Faults.Crashes + settings.Faults.Suspicions > 0, seen.Forced > 0, "the model does not explore what it should");
    }

    /// <summary>
    /// Goal: the exploration notices each way to break the rule: it is not true by accident. Without the fence at the ingress, without an epoch for
    /// each attempt, or without the source's own write it finds two senders, and where they have the same keys a packet number spent twice.
    /// </summary>
    [TestMethod]
    [DataRow(nameof(Variant.NoFence), Violations.TwoReachTheClient)]
    [DataRow(nameof(Variant.NoFence), Violations.OldOwnerPasses)]
    [DataRow(nameof(Variant.EpochUsedAgain), Violations.TwoHaveTheKeys)]
    [DataRow(nameof(Variant.EpochUsedAgain), Violations.OldSnapshot)]
    [DataRow(nameof(Variant.EpochUsedAgain), Violations.NumberTwice)]
    [DataRow(nameof(Variant.NoOwnWrite), Violations.TwoHaveTheKeys)]
    [DataRow(nameof(Variant.NoOwnWrite), Violations.OldSnapshot)]
    [DataRow(nameof(Variant.NoOwnWrite), Violations.NumberTwice)]
    [DataRow(nameof(Variant.ReadIsEnough), Violations.TwoHaveTheKeys)]
    [DataRow(nameof(Variant.EarlyAbortNotice), Violations.NobodyServes)]
    [DataRow(nameof(Variant.DestinationGivesUp), Violations.NobodyServes)]
    [DataRow(nameof(Variant.ServeOnReady), Violations.TwoHaveTheKeys)]
    [DataRow(nameof(Variant.NoGate), Violations.TwoReachTheClient)]
    [DataRow(nameof(Variant.NoLease), Violations.TwoReachTheClient)]
    [DataRow(nameof(Variant.CopyIsEnough), Violations.OldSnapshot)]
    [DataRow(nameof(Variant.CopyIsEnough), Violations.NumberTwice)]
    [DataRow(nameof(Variant.CopyIsEnough), Violations.AcknowledgedLost)]
    public void A_broken_rule_is_found(string variant, string violation)
    {
        ModelSettings settings = SettingsOf(Enum.Parse<Variant>(variant));
        Exploration seen = ModelExplorer.Explore(settings, 100_000, violation);
        TestContext.WriteLine($"{variant}: {violation} ({seen.States} states) after {seen.Violations.GetValueOrDefault(violation)}");
        Assert.IsTrue(seen.Violations.ContainsKey(violation), $"found: {string.Join('\n', seen.Violations)}");
    }

    private static ModelSettings SettingsOf(Variant variant) => variant switch
    {
        Variant.NoFence or Variant.NoGate or Variant.NoLease =>
            new(new() { Suspicions = 1, Packets = 2 }, variant, Ingresses: 2, From: SourceState.Idle),
        Variant.CopyIsEnough => new(new() { Packets = 2 }, variant, From: SourceState.Quiescing),
        Variant.NoOwnWrite or Variant.EpochUsedAgain => new(new() { LinkLosses = 1, Cancels = 1, Packets = 2 }, variant, From: SourceState.Transferring),
        _ => new(new() { LinkLosses = 1, Timers = 1, Cancels = 1 }, variant, From: SourceState.Exporting),
    };
}
