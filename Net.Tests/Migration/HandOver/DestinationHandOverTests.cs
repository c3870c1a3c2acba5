using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Tests.Migration.HandOver;

[TestClass]
public sealed class DestinationHandOverTests
{
    private static readonly Member A = new("a", 1), B = new("b", 2);
    private static readonly SnapshotHash Hash = new(Enumerable.Repeat((byte)7, 32).ToArray());
    private static readonly PrepareMessage Prepare = new(99, "web", 4, 7, A, B, 1, 3, 1000, TimeSpan.FromSeconds(10), new byte[32]);
    private readonly DestinationHandOver _destination = new(B, new() { MaxSealedBytes = 1000 }, 700);
    private Instant _now = new(1);

    private static OwnershipRecord Moved => new("web", B, Member.None, 5, 7, Hash);

    /// <summary>Goal: it decodes what comes, says so, stands by, and serves when the directory, or the source, says that it is the owner.</summary>
    [TestMethod]
    public void It_serves_after_the_commit()
    {
        Action<DestinationHandOver>[] words =
        [
            static d => d.OnRecord(Moved), static d => d.OnMessage(new CommittedMessage(99, 5), new(5)), static d => d.OnDirectory(new(700, OwnershipOutcome.Done, Moved)),
            // A forced take-over by this very member: the source has sent nothing since, so what is here is the newest.
            static d => d.OnRecord(Moved with { SnapshotHash = SnapshotHash.None }),
        ];
        foreach (Action<DestinationHandOver> word in words)
        {
            DestinationHandOverTests test = new();
            test.Reach(4);
            word(test._destination);
            test.Expect("Serve");
            Assert.AreEqual((DestinationState.Serving, 5ul), (test._destination.State, test._destination.ServingEpoch));
            test._destination.OnResumed(test._now);
            test.Expect("Send Resumed");
            word(test._destination);
            test.Expect();
        }
    }

    /// <summary>Goal: before Ready each fault wipes at once, and tells the source unless it knows.</summary>
    [TestMethod]
    public void Before_Ready_a_fault_wipes()
    {
        for (int steps = 1; steps <= 3; steps++)
        {
            Check(steps, static d => d.OnLinkLost(new(5)), "Wipe");
            Check(steps, static d => d.OnMessage(new AbortMessage(99, RefuseCode.Timeout), new(5)), "Wipe");
            Check(steps, static d => d.OnRecord(Moved), "Wipe");
            Check(steps, static d => d.Tick(d.Deadline), "Send Refuse", "Wipe");
            Check(steps, static d => d.OnDecodeFailed(), "Send Refuse", "Wipe");
            Check(steps, static d => d.OnMessage(new FinalEndMessage(99, SnapshotHash.None), new(5)), "Send Refuse", "Wipe");
        }

        Check(3, static d => d.OnRestored(SnapshotHash.None, new(5)), "Send Refuse", "Wipe");
        Check(3, static d => d.OnRestored(new([.. new byte[31], 1]), new(5)), "Send Refuse", "Wipe");
        Check(2, static d => d.OnMessage(new PartMessage(99, true, false, new byte[16]), new(5)), "Send Refuse", "Wipe");
        Check(2, static d => d.OnMessage(new PartMessage(99, false, false, new byte[1001]), new(5)), "Send Refuse", "Wipe");
        Check(1, static d => d.OnRefused(RefuseCode.CannotHost), "Send Refuse", "Wipe");
    }

    /// <summary>Goal: after Ready it gives nothing up on its own: it asks, again and again, and a record that shows the old epoch is no answer.</summary>
    [TestMethod]
    public void After_Ready_it_waits_for_the_directory()
    {
        Reach(4);
        _destination.OnLinkLost(_now);
        Expect("Directory ReadOwnership");
        for (int i = 0; i < 20; i++)
        {
            _destination.Tick(_destination.Deadline);
            Expect("Directory ReadOwnership");
            _destination.OnDirectory(new(700, OwnershipOutcome.Done, Moved with { Owner = A, Epoch = 4 }));
            _destination.OnDecodeFailed();
            _destination.OnRefused(RefuseCode.Failed);
            _destination.OnMessage(new CommittedMessage(99, 6), _now);
            _destination.OnMessage(new CommittedMessage(98, 5), _now);
            Expect();
        }

        _destination.OnRecord(Moved with { Owner = A, SnapshotHash = SnapshotHash.None });
        Expect("Wipe");
    }

    /// <summary>Goal: a later epoch, another hash, another owner, another life of this node: the snapshot is worthless.</summary>
    [TestMethod]
    public void A_record_of_something_else_wipes()
    {
        OwnershipRecord[] others = [Moved with { Epoch = 6 }, Moved with { Owner = A }, Moved with { Owner = B with { Incarnation = 9 } }, Moved with { SnapshotHash = new([.. new byte[31], 1]) }];
        foreach (OwnershipRecord other in others)
        {
            Check(4, d => d.OnRecord(other), "Wipe");
        }

        Check(4, static d => d.OnRecord(Moved with { Component = "api" }));
    }

    /// <summary>Goal: what cannot be taken is refused before anything is reserved.</summary>
    [TestMethod]
    public void A_prepare_that_does_not_fit_is_refused()
    {
        PrepareMessage[] wrong = [Prepare with { SnapshotVersion = 2 }, Prepare with { StateBytes = 1001 }, Prepare with { Destination = B with { Incarnation = 9 } }];
        foreach (PrepareMessage prepare in wrong)
        {
            DestinationHandOverTests test = new();
            test._destination.OnMessage(prepare, test._now);
            test.Expect("Send Refuse", "Wipe");
        }
    }

    private static void Check(int steps, Action<DestinationHandOver> fault, params string[] expected)
    {
        DestinationHandOverTests test = new();
        test.Reach(steps);
        fault(test._destination);
        test.Expect(expected);
    }

    /// <summary>1 reserving, 2 reserved, 3 restoring, 4 standing by.</summary>
    private void Reach(int steps)
    {
        _destination.OnMessage(Prepare, _now);
        Expect("Reserve", "Warm");
        if (steps < 2)
        {
            return;
        }

        _destination.OnReserved(new byte[32]);
        _destination.OnWarmed();
        Expect("Send Accept");
        if (steps < 3)
        {
            return;
        }

        _destination.OnMessage(new PartMessage(99, false, false, new byte[16]), _now);
        _destination.OnMessage(new AheadEndMessage(99), _now);
        Expect("Decode");
        _destination.OnDecoded();
        Expect("Send AheadDecoded");
        _destination.OnMessage(new PartMessage(99, true, true, new byte[16]), _now);
        _destination.OnMessage(new FinalEndMessage(99, Hash), _now);
        Expect("Decode");
        _destination.OnDecoded();
        Expect("Restore");
        if (steps < 4)
        {
            return;
        }

        _now += TimeSpan.FromTicks(10);
        _destination.OnRestored(Hash, _now);
        Expect("Send Ready");
    }

    private void Expect(params string[] names)
    {
        List<string> actions = [];
        while (_destination.TryTakeAction(out HandOverAction? a))
        {
            actions.Add(a switch
            {
                SendAction send => "Send " + send.Message.GetType().Name.Replace("Message", "", StringComparison.Ordinal),
                DirectoryAction directory => "Directory " + directory.Request.GetType().Name,
                _ => a.GetType().Name.Replace("Action", "", StringComparison.Ordinal),
            });
        }

        CollectionAssert.AreEqual(names, actions);
    }
}
