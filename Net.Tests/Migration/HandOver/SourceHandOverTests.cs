using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Tests.Migration.HandOver;

[TestClass]
public sealed class SourceHandOverTests
{
    private static readonly Member A = new("a", 1), B = new("b", 2);
    private static readonly OwnershipRecord Record = new("web", A, Member.None, 4, 7, SnapshotHash.None);
    private static readonly SnapshotHash Hash = new(Enumerable.Repeat((byte)7, 32).ToArray());
    private readonly SourceHandOver _source = new(new(99, Record, B, 3, 1000, new byte[32], 500), new());
    private Instant _now = new(1);

    private static OwnershipRecord Moved => Record with { Owner = B, Epoch = 5, SnapshotHash = Hash };

    private static OwnershipRecord Aborted => Record with { Epoch = 5 };

    /// <summary>Goal: a move without faults is the sequence of DESIGN, section 3, in this order, and reports what was measured.</summary>
    [TestMethod]
    public void A_move_goes_through_its_steps()
    {
        ReachCommitting();
        _source.OnDirectory(new(500, OwnershipOutcome.Done, Moved), _now);
        Expect("Send Committed", "Forward", "Destroy");
        Assert.AreEqual(SourceState.Forwarding, _source.State);
        _source.OnMessage(new ResumedMessage(99, TimeSpan.FromTicks(30)), _now);
        MigrateReport report = ((ReportAction)Take().Single()).Report;
        // Frozen at 1, Ready arrived at 11, and 30 more until the destination processed a datagram.
        Assert.AreEqual(new("web", "a", "b", 5, true, 3, 1, TimeSpan.FromTicks(40), 48, MigrateCode.None, ""), report);
        _source.Tick(_source.Deadline);
        Expect("EndForward");
        Assert.AreEqual(SourceState.Gone, _source.State);
    }

    /// <summary>Goal: up to the first final part an abort goes back to the same epoch at once; a frozen one is thawed and the ingress told.</summary>
    [TestMethod]
    [DataRow(0, "Send Abort,Report")]
    [DataRow(1, "Send Abort,ReleaseRequests,ReleaseInitials,Report")]
    [DataRow(3, "Send Abort,Thaw,SendResumeMarker,ReleaseRequests,ReleaseInitials,Report")]
    public void Before_the_final_part_an_abort_keeps_the_epoch(int steps, string expected)
    {
        foreach (Action<SourceHandOver> fault in Faults())
        {
            SourceHandOverTests test = new();
            test.Reach(steps);
            fault(test._source);
            test.Expect(expected.Split(','));
            Assert.AreEqual((SourceState.Serving, 4ul), (test._source.State, test._source.ServingEpoch));
            Assert.AreEqual(Instant.Never, test._source.Deadline);
        }
    }

    /// <summary>Goal: an abort while the freeze is being carried out waits for its end.</summary>
    [TestMethod]
    public void An_abort_during_the_freeze_waits_for_it()
    {
        Reach(2);
        _source.OnLinkLost(_now);
        Expect();
        _source.OnFrozen(_now, 3, 0, _now);
        Expect("SendMarker", "Send Abort", "Thaw", "SendResumeMarker", "ReleaseRequests", "ReleaseInitials", "Report");
    }

    /// <summary>Goal: after it, every fault leads to the own write and to nothing else, repeated until it is answered; only then it thaws, at the next epoch.</summary>
    [TestMethod]
    [DataRow(4)]
    [DataRow(5)]
    public void After_the_final_part_only_the_own_write_thaws(int steps)
    {
        foreach (Action<SourceHandOver> fault in Faults())
        {
            SourceHandOverTests test = new();
            test.Reach(steps);
            fault(test._source);
            test.Expect("Directory AbortOwnership");
            for (int i = 0; i < 20; i++)
            {
                test._source.Tick(test._source.Deadline);
                test.Expect("Directory AbortOwnership");
                test._source.OnDirectory(new(501, OwnershipOutcome.Refused, Record), test._now);
                test._source.OnRecord(Record, test._now);
                test.Expect();
            }

            test._source.OnRecord(Aborted, test._now);
            test.Expect("Thaw", "SendResumeMarker", "Send Abort", "ReleaseRequests", "ReleaseInitials", "Report");
            Assert.AreEqual((SourceState.Serving, 5ul), (test._source.State, test._source.ServingEpoch));
        }
    }

    /// <summary>Goal: a commit that comes late, while the own write is out, wins: the source destroys and forwards.</summary>
    [TestMethod]
    public void A_late_commit_wins_over_an_unanswered_abort()
    {
        ReachCommitting();
        _source.Cancel(_now);
        Expect("Directory AbortOwnership");
        _source.OnDirectory(new(500, OwnershipOutcome.Done, Moved), _now);
        Expect("Send Committed", "Forward", "Destroy");
        _source.OnDirectory(new(501, OwnershipOutcome.Conflict, Moved), _now);
        Expect();
    }

    /// <summary>Goal: an unanswered commit is asked again under new numbers; one that is turned down leads to the own write.</summary>
    [TestMethod]
    public void A_commit_is_repeated_and_a_refused_one_is_undone()
    {
        ReachCommitting();
        _now = _source.Deadline;
        _source.Tick(_now);
        MoveOwnership again = (MoveOwnership)((DirectoryAction)Take().Single()).Request;
        Assert.AreEqual(new(501, "web", A, 4, B, Hash), again);
        _source.OnDirectory(new(7777, OwnershipOutcome.Refused, null), _now);
        Expect();
        _source.OnDirectory(new(500, OwnershipOutcome.Refused, Record), _now);
        Expect("Directory AbortOwnership");
    }

    /// <summary>Goal: a forced take-over destroys, in every state; a hash that is not ours is not our move.</summary>
    [TestMethod]
    public void A_forced_take_over_destroys()
    {
        OwnershipRecord[] others = [Record with { Owner = new("c", 3), Epoch = 5 }, Record with { Owner = B, Epoch = 5 }, Record with { Owner = A, Epoch = 6 }];
        for (int steps = 0; steps <= 5; steps++)
        {
            foreach (OwnershipRecord other in others)
            {
                SourceHandOverTests test = new();
                test.Reach(steps);
                test._source.OnRecord(other, test._now);
                Assert.IsInstanceOfType<DestroyAction>(test.Take()[0]);
                Assert.AreEqual(SourceState.Gone, test._source.State);
            }
        }
    }

    /// <summary>Goal: messages of another attempt, repeated ones and those of a wrong state change nothing; an attempt is made once.</summary>
    [TestMethod]
    public void Other_attempts_and_repetitions_do_nothing()
    {
        Reach(4);
        _source.OnMessage(new ReadyMessage(98, Hash), _now);
        _source.OnMessage(new RefuseMessage(98, RefuseCode.Failed), _now);
        _source.OnMessage(new AcceptMessage(99, new byte[32]), _now);
        _source.OnMessage(new AheadDecodedMessage(99), _now);
        _source.OnAheadExported();
        _source.OnSafePoint();
        _source.OnFrozen(_now, 0, 0, _now);
        Expect();
        Assert.ThrowsExactly<InvalidOperationException>(() => _source.Start(_now));
    }

    /// <summary>Goal: a destination that is ready for something else than what was sent gets no commit, and the source its own write.</summary>
    [TestMethod]
    public void Another_hash_is_not_committed()
    {
        Reach(4);
        _source.OnMessage(new ReadyMessage(99, new([.. new byte[31], 1])), _now);
        Expect("Directory AbortOwnership");
    }

    /// <summary>Goal: no client stops a move: handshakes that are not done when their grace ends are refused.</summary>
    [TestMethod]
    public void The_grace_of_handshakes_ends()
    {
        Reach(1);
        _source.OnSafePoint();
        Expect();
        _source.Tick(_source.Deadline);
        Expect("RefuseHandshakes", "Freeze");
    }

    private static Action<SourceHandOver>[] Faults() =>
    [
        static s => s.OnLinkLost(new(2)), static s => s.Cancel(new(2)), static s => s.OnFailed(new(2)),
        static s => s.OnMessage(new RefuseMessage(99, RefuseCode.NoCapacity), new(2)), static s => s.Tick(new(TimeSpan.TicksPerMinute)),
    ];

    private void ReachCommitting()
    {
        Reach(5);
        Assert.AreEqual(SourceState.Committing, _source.State);
    }

    /// <summary>0 preparing, 1 quiescing, 2 freezing, 3 exporting, 4 transferring, 5 committing.</summary>
    private void Reach(int steps)
    {
        _source.Start(_now);
        Expect("Warm", "Send Prepare");
        if (steps < 1)
        {
            return;
        }

        _source.OnWarmed(_now);
        _source.OnMessage(new AcceptMessage(99, new byte[32]), _now);
        Expect("ExportAhead");
        _source.OnAheadPart(new byte[16]);
        _source.OnAheadExported();
        Expect("Send Part", "Send AheadEnd");
        _source.OnMessage(new AheadDecodedMessage(99), _now);
        Expect("HoldInitials", "HoldRequests");
        if (steps < 2)
        {
            return;
        }

        _source.OnSafePoint();
        _source.OnHandshakesSettled();
        Expect();
        _source.OnInitialsHeld();
        _source.OnHandshakesSettled();
        Expect("Freeze");
        if (steps < 3)
        {
            return;
        }

        _source.OnFrozen(_now, 3, 1, _now);
        Expect("SendMarker", "ExportFinal");
        if (steps < 4)
        {
            return;
        }

        _source.OnFinalPart(new byte[32], isLast: true);
        _source.OnFinalExported(Hash);
        Expect("Send Part", "Send FinalEnd");
        if (steps < 5)
        {
            return;
        }

        _now += TimeSpan.FromTicks(10);
        _source.OnMessage(new ReadyMessage(99, Hash), _now);
        Assert.AreEqual(new MoveOwnership(500, "web", A, 4, B, Hash), ((DirectoryAction)Take().Single()).Request);
    }

    private List<HandOverAction> Take()
    {
        List<HandOverAction> actions = [];
        while (_source.TryTakeAction(out HandOverAction? action))
        {
            actions.Add(action);
        }

        return actions;
    }

    private void Expect(params string[] names) => CollectionAssert.AreEqual(names, Take().Select(static a => a switch
    {
        SendAction send => "Send " + send.Message.GetType().Name.Replace("Message", "", StringComparison.Ordinal),
        DirectoryAction directory => "Directory " + directory.Request.GetType().Name,
        _ => a.GetType().Name.Replace("Action", "", StringComparison.Ordinal),
    }).ToArray());
}
