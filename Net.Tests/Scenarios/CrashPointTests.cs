using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>The rows of the table in docs/hand-over.md, each begun by what is said at that point of a move.</summary>
public enum CrashPoint
{
    /// <summary>Preparing: the destination says Accept.</summary>
    Accepted,

    /// <summary>Preparing: the copy is on its way.</summary>
    AheadPart,

    /// <summary>Quiescing: the ingress is asked to hold Initials.</summary>
    Quiescing,

    /// <summary>Frozen, nothing final sent: the turn that freezes has sent the marker.</summary>
    Frozen,

    /// <summary>Transferring: the first part of the final state leaves.</summary>
    FinalPart,

    /// <summary>Transferring: all has left.</summary>
    FinalEnd,

    /// <summary>Ready is said, the move not asked for.</summary>
    Ready,

    /// <summary>The move is asked for, not done.</summary>
    MoveAsked,

    /// <summary>The move is done, not answered.</summary>
    MoveDone,

    /// <summary>The source's own write is done, not answered: the link was lost when the first part of the final state left.</summary>
    OwnWriteDone,

    /// <summary>Forwarding: the destination is told.</summary>
    Committed,

    /// <summary>Forwarding: the destination has said that it serves.</summary>
    Resumed,
}

public enum Misfortune
{
    SourceCrashes,
    DestinationCrashes,
    LinkIsCut,
    DirectoryFallsSilent,
    DirectoryIsUnreliable,
    SourcePauses,
    DestinationPauses,
    IngressCrashes,
    SourceAndLink,
}

/// <summary>Every crash at every point of a move: one owner in the end, never two senders, and nothing is lost that the table does not give up.</summary>
[TestClass]
public sealed class CrashPointTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    private static readonly Misfortune[] s_alone =
        [Misfortune.SourceCrashes, Misfortune.DestinationCrashes, Misfortune.LinkIsCut, Misfortune.DirectoryFallsSilent, Misfortune.IngressCrashes];

    /// <summary>Any two of what can fail.</summary>
    public static (Misfortune First, Misfortune Second)[] Pairs { get; } =
    [
        .. from first in s_alone
           from second in s_alone
           where first < second
           select (first, second),
    ];

    public static IEnumerable<object[]> PairsAtPoints =>
        from point in Enum.GetValues<CrashPoint>()
        from pair in Pairs
        select new object[] { point, pair.First, pair.Second };

    public static IEnumerable<object[]> Rows =>
        from point in Enum.GetValues<CrashPoint>()
        from misfortune in Enum.GetValues<Misfortune>()
        select new object[] { point, misfortune };

    /// <summary>Goal: the row's outcome. Method: at the message that begins the row strike, perhaps a moment later; then let time pass.</summary>
    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void Every_row_of_the_table_holds(CrashPoint point, Misfortune misfortune)
    {
        int seeds = Depth.IsLong ? 50 : 3;
        for (ulong seed = 1; seed <= (ulong)seeds; seed++)
        {
            Run(point, misfortune, seed);
        }
    }

    /// <summary>Goal: the same when two things fail. Method: as above, and the second strikes with the first, or up to a second later.</summary>
    [TestMethod]
    [DynamicData(nameof(PairsAtPoints))]
    public void Every_pair_of_failures_holds(CrashPoint point, Misfortune first, Misfortune second)
    {
        ulong seeds = Depth.IsLong ? 20UL : 1;
        for (ulong seed = 1; seed <= seeds; seed++)
        {
            Run(point, first, (seed * 10) + (ulong)point, second);
        }
    }

    /// <summary>
    /// Goal: an ingress that ends in the middle of a write to its log starts again, whatever of it is on the disk; what was written, for one component or several, has happened
    /// or has not, and is asked for again. Method: a move, an own write, or take-overs of two components, behind a log that ends anywhere in a sector.
    /// </summary>
    [TestMethod]
    [Seeds(60)]
    public void A_write_that_is_cut_short_has_happened_or_has_not(ulong seed)
    {
        Federation federation = new(seed, configure: f =>
        {
            f.HasShop = true;
            f.FillLog();
        });
        federation.RunUntil(() => federation.Ingress.Directory.Records.Any(record => record.Component == "shop"), s_limit, "both records made");
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        scenario.RunEvents(federation.World.Random.Below(60));
        federation.CrashInNextWrite(federation.World.Random.Between(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(3)));
        if (seed % 3 == 0)
        {
            federation.Crash(federation.Alpha.Machine);
        }
        else
        {
            federation.OnLinkMessage = (_, message) =>
            {
                if (seed % 3 == 1 && message is PartMessage { IsFinal: true })
                {
                    federation.CutLinks(federation.Alpha, federation.Beta);
                }
            };
            _ = federation.Migrate("beta", TimeSpan.FromSeconds(4));
        }

        string where = $"seed {seed}";
        federation.RunUntil(() => !federation.IsIngressUp, s_limit, $"ended in a write: {where}");
        federation.Run(TimeSpan.FromSeconds(15));
        federation.OnLinkMessage = (_, _) => { };
        federation.RunUntil(() => scenario.IsOver, s_limit, $"over: {where}");
        Assert.IsTrue(scenario.IsRight || seed % 3 == 0, $"{where}: {scenario}\n{federation.Describe()}");
        federation.AssertOneOwner();
        Assert.AreEqual(federation.RecordOf("shop").Owner, seed % 3 == 0 ? federation.Beta.Member : federation.Alpha.Member);
        AssertLaterMoveWorks(federation, where);
    }

    /// <summary>
    /// Goal: a destination that dies without a word ends the freeze as soon as it is taken for dead: neither the link, which is silent for much longer before it is
    /// lost, nor the move's own time has to run out.
    /// </summary>
    [TestMethod]
    [DataRow(CrashPoint.Quiescing)]
    [DataRow(CrashPoint.FinalPart)]
    [DataRow(CrashPoint.FinalEnd)]
    public void A_dead_destination_is_not_waited_for(CrashPoint point)
    {
        Federation federation = new(seed: 1);
        Scenario scenario = new(federation, ScenarioKind.Download);
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        bool hasDied = false;
        federation.OnLinkMessage = (sender, message) =>
        {
            if (!hasDied && Begins(federation, point, sender, message))
            {
                // Of the process alone: its links stay as they are, and nobody answers.
                hasDied = true;
                federation.World.After(TimeSpan.Zero, federation.Beta.Machine.Crash);
            }
        };
        Move move = federation.Migrate("beta", TimeSpan.FromSeconds(60));
        federation.RunUntil(() => hasDied, s_limit, "struck");
        federation.RunUntil(() => federation.Alpha.IsServing && move.IsOver, TimeSpan.FromSeconds(8), "served again");
        Assert.IsFalse(move.Report!.Moved);
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        Assert.IsTrue(scenario.IsRight, $"{scenario}");
        federation.AssertOneOwner();
    }

    /// <summary>The row of the document that a point is of.</summary>
    internal static string RowOf(CrashPoint point) => point switch
    {
        CrashPoint.Accepted or CrashPoint.AheadPart or CrashPoint.Quiescing => "Preparing, Quiescing",
        CrashPoint.Frozen => "Frozen, nothing final sent",
        CrashPoint.FinalPart or CrashPoint.FinalEnd => "Transferring",
        CrashPoint.Ready => "Ready said, move not asked for",
        CrashPoint.MoveAsked => "Move asked for, not done",
        CrashPoint.MoveDone => "Move done, not answered",
        CrashPoint.OwnWriteDone => "Own write done, not answered",
        CrashPoint.Committed or CrashPoint.Resumed => "Forwarding",
        _ => throw new ArgumentOutOfRangeException(nameof(point), point, "a point of no row"),
    };

    internal static void Run(CrashPoint point, Misfortune misfortune, ulong seed, Misfortune? second = null)
    {
        Federation federation = new(seed, seed % 3 == 0 ? Federation.Lossy : null);
        Scenario scenario = new(federation, (ScenarioKind)((seed + (ulong)point) % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        scenario.RunEvents(federation.World.Random.Below(60));
        bool hasStruck = false, isFinalSent = false;
        federation.OnLinkMessage = (sender, message) =>
        {
            if (!isFinalSent && message is PartMessage { IsFinal: true })
            {
                isFinalSent = true;
                if (point is CrashPoint.OwnWriteDone)
                {
                    federation.CutLinks(federation.Alpha, federation.Beta);
                }
            }

            if (Begins(federation, point, sender, message))
            {
                StrikeOnce();
            }
        };
        if (point is CrashPoint.Frozen)
        {
            // Nothing is said of it but the marker, which is no message of a link.
            federation.Alpha.OnMarker = StrikeOnce;
        }

        void StrikeOnce()
        {
            if (!hasStruck)
            {
                hasStruck = true;
                TimeSpan moment = federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(1));
                TimeSpan first = seed % 2 == 0 ? TimeSpan.Zero : moment;
                federation.World.After(first, () =>
                {
                    Assert.IsFalse(point is CrashPoint.Frozen && first == TimeSpan.Zero && isFinalSent, "something final was sent");
                    Strike(federation, misfortune);
                });
                if (second is Misfortune other)
                {
                    bool isTogether = federation.World.Random.OneIn(2);
                    TimeSpan later = federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1));
                    federation.World.After(first + (isTogether ? TimeSpan.Zero : later), () => Strike(federation, other));
                }

                if (misfortune is Misfortune.SourceCrashes && second is Misfortune.DestinationCrashes)
                {
                    // Nobody is left who could host it: somebody comes.
                    federation.World.After(TimeSpan.FromSeconds(2), () => federation.AddNode("gamma"));
                }
            }
        }

        Move move = federation.Migrate("beta", TimeSpan.FromSeconds(4));
        string where = $"{misfortune}{(second is null ? "" : $" and {second}")} at {point}, seed {seed}";
        federation.RunUntil(() => hasStruck, s_limit, $"struck: {where}");
        federation.Run(TimeSpan.FromSeconds(12));
        bool isDirectoryOut = misfortune is Misfortune.DirectoryFallsSilent or Misfortune.DirectoryIsUnreliable || second is Misfortune.DirectoryFallsSilent;
        if (isDirectoryOut)
        {
            federation.Directory.LostOneIn = 0;
            federation.Directory.Speak();
            federation.Run(TimeSpan.FromSeconds(3));
        }

        federation.RunUntil(() => scenario.IsOver, s_limit, $"over: {where}");
        federation.AssertOneOwner();
        // Only a take-over by a host that did not stand by closes connections.
        bool mustSurvive = !federation.HasSaid("took web over");
        Assert.IsTrue(scenario.IsRight || (!mustSurvive && scenario.View.Error is not null), $"{where}: {scenario}\n{federation.Describe()}");
        bool mayDie = new[] { misfortune, second ?? misfortune }.Any(static m =>
            m is not (Misfortune.LinkIsCut or Misfortune.DirectoryFallsSilent or Misfortune.DirectoryIsUnreliable));
        Assert.IsTrue(mustSurvive || mayDie, where);
        AssertLaterMoveWorks(federation, where);
        _ = move;
    }

    /// <summary>Whoever owns it now serves new clients, and can hand it over.</summary>
    private static void AssertLaterMoveWorks(Federation federation, string where)
    {
        SimulatedNode owner = federation.Nodes.Single(n => n.Member == federation.Record.Owner);
        SimulatedNode other = federation.Nodes.FirstOrDefault(n => n.Machine.IsUp && n != owner) ?? federation.AddNode(owner.Member.Name == "gamma" ? "delta" : "gamma");
        federation.Run(TimeSpan.FromSeconds(2));
        Scenario again = new(federation, ScenarioKind.Counter);
        federation.RunUntil(() => again.View.Received > 40, s_limit, $"served again: {where}");
        Move move = federation.Migrate(other.Member.Name);
        federation.RunUntil(() => move.IsOver && again.IsOver, s_limit, $"moved later: {where}");
        Assert.IsTrue(move.Report!.Moved, $"{where}: {move.Report}\n{federation.Describe()}");
        Assert.IsNull(again.View.Error, where);
        Assert.AreEqual(320, again.View.Received, where);
        federation.Run(TimeSpan.FromSeconds(1));
        federation.AssertOneOwner();
    }

    private static bool Begins(Federation federation, CrashPoint point, Machine sender, LinkMessage message) => point switch
    {
        CrashPoint.Accepted => message is AcceptMessage,
        CrashPoint.AheadPart => message is AheadEndMessage,
        CrashPoint.Quiescing => message is HoldInitialsMessage { Hold: true },
        CrashPoint.FinalPart => message is PartMessage { IsFinal: true },
        CrashPoint.FinalEnd => message is FinalEndMessage,
        CrashPoint.Ready => message is ReadyMessage,
        CrashPoint.MoveAsked => message is OwnershipAskMessage { Request: MoveOwnership },
        CrashPoint.MoveDone => message is OwnershipReplyMessage && sender == federation.Ingress.Machine && federation.Record.Epoch == 2,
        CrashPoint.OwnWriteDone => message is OwnershipReplyMessage { Answer.Record: { Epoch: 2 } record } && record.Owner == federation.Alpha.Member,
        CrashPoint.Committed => message is CommittedMessage,
        CrashPoint.Resumed => message is ResumedMessage,
        _ => false,
    };

    private static void Strike(Federation federation, Misfortune misfortune)
    {
        switch (misfortune)
        {
            case Misfortune.SourceCrashes:
                federation.Crash(federation.Alpha.Machine);
                break;
            case Misfortune.DestinationCrashes:
                federation.Crash(federation.Beta.Machine);
                break;
            case Misfortune.LinkIsCut:
                federation.CutLinks(federation.Alpha, federation.Beta);
                break;
            case Misfortune.SourceAndLink:
                federation.CutLinks(federation.Alpha, federation.Beta);
                federation.World.After(federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1)), () => federation.Crash(federation.Alpha.Machine));
                break;
            case Misfortune.DirectoryFallsSilent:
                federation.Directory.IsSilent = true;
                break;
            case Misfortune.DirectoryIsUnreliable:
                (federation.Directory.LostOneIn, federation.Directory.DoubledOneIn, federation.Directory.MaxDelay) = (2, 2, TimeSpan.FromMilliseconds(700));
                break;
            case Misfortune.SourcePauses:
                Pause(federation, federation.Alpha);
                break;
            case Misfortune.DestinationPauses:
                Pause(federation, federation.Beta);
                break;
            default:
                federation.Crash(federation.Ingress.Machine);
                federation.World.After(federation.World.Random.Between(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(4)), () => federation.RestartIngress());
                break;
        }
    }

    /// <summary>Stopped for long enough to be taken for dead, or not quite.</summary>
    private static void Pause(Federation federation, SimulatedNode node)
    {
        node.Machine.Pause();
        federation.World.After(federation.World.Random.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(6)), node.Machine.Continue);
    }
}
