using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Tests.Migration.Directory;

[TestClass]
public sealed class OwnershipTests
{
    internal static readonly Member A = new("a", 1);
    internal static readonly Member B = new("b", 2);
    internal static readonly SnapshotHash Hash = new(Enumerable.Range(1, 32).Select(static i => (byte)i).ToArray());

    /// <summary>Goal: each record starts at epoch 1 with a shard of its own, and a second creator learns who was first.</summary>
    [TestMethod]
    public void The_first_creator_owns_at_epoch_1()
    {
        Ownership ownership = new();
        Assert.AreEqual(new(1, OwnershipOutcome.Done, new("web", A, Member.None, 1, 1, SnapshotHash.None)), Do(ownership, new CreateOwnership(1, "web", A), A));
        Assert.AreEqual(2u, Do(ownership, new CreateOwnership(2, "api", B), B).Record!.Shard);

        OwnershipAnswer second = Do(ownership, new CreateOwnership(3, "web", B), B);
        Assert.AreEqual((OwnershipOutcome.Conflict, A), (second.Outcome, second.Record!.Owner));
        Assert.AreEqual(OwnershipOutcome.Done, Do(ownership, new CreateOwnership(4, "web", A), A).Outcome, "a repetition");
    }

    /// <summary>Goal: of all ways to leave an epoch one wins; the others, and late repetitions of any, change nothing.</summary>
    [TestMethod]
    public void An_epoch_is_left_once()
    {
        OwnershipRequest move = new MoveOwnership(5, "web", A, 1, B, Hash);
        OwnershipRequest abort = new AbortOwnership(6, "web", A, 1);
        OwnershipRequest force = new ForceOwnership(7, "web", A, 1, B);
        (OwnershipRequest Request, Member By)[] all = [(move, A), (abort, A), (force, Ownership.FailureDetector)];
        foreach ((OwnershipRequest first, Member by) in all)
        {
            Ownership ownership = Created();
            OwnershipAnswer won = Do(ownership, first, by);
            Assert.AreEqual((OwnershipOutcome.Done, 2ul, 1u), (won.Outcome, won.Record!.Epoch, won.Record.Shard));
            foreach ((OwnershipRequest second, Member secondBy) in all)
            {
                OwnershipAnswer answer = Do(ownership, second, secondBy);
                Assert.AreEqual(second == first ? OwnershipOutcome.Done : OwnershipOutcome.Conflict, answer.Outcome, $"{second} after {first}");
                Assert.AreEqual(won.Record, answer.Record);
            }
        }
    }

    /// <summary>Goal: nobody but the source moves or aborts, nobody but the failure detector takes over, nobody creates for others.</summary>
    [TestMethod]
    public void Others_may_not_ask()
    {
        Ownership ownership = Created();
        Member secondLife = A with { Incarnation = 9 };
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new MoveOwnership(1, "web", A, 1, B, Hash), B).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new AbortOwnership(1, "web", A, 1), B).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new AbortOwnership(1, "web", A, 1), secondLife).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new ForceOwnership(1, "web", A, 1, B), B).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new CreateOwnership(1, "new", A), B).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new CreateOwnership(1, "Not a label", A), A).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new MoveOwnership(1, "web", A, 1, A, Hash), A).Outcome, "to itself");
        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new MoveOwnership(1, "web", A, 1, B, SnapshotHash.None), A).Outcome, "without hash");
        Assert.AreEqual(OwnershipOutcome.Unknown, Do(ownership, new AbortOwnership(1, "none", A, 1), A).Outcome);
        Assert.AreEqual(1ul, Do(ownership, new ReadOwnership(1, "web"), B).Record!.Epoch);
    }

    /// <summary>Goal: an owner that died and came back under its name does not inherit, and its former life's abort is not its own.</summary>
    [TestMethod]
    public void A_second_life_is_somebody_else()
    {
        Ownership ownership = Created();
        Member secondLife = A with { Incarnation = 9 };
        Assert.AreEqual(OwnershipOutcome.Done, Do(ownership, new ForceOwnership(1, "web", A, 1, secondLife), Ownership.FailureDetector).Outcome);
        Assert.AreEqual(OwnershipOutcome.Conflict, Do(ownership, new AbortOwnership(2, "web", A, 1), A).Outcome);
    }

    /// <summary>Goal: the number of components is bounded.</summary>
    [TestMethod]
    public void Too_many_components_are_refused()
    {
        Ownership ownership = new();
        for (int i = 0; i < Ownership.MaxComponents; i++)
        {
            Assert.AreEqual(OwnershipOutcome.Done, Do(ownership, new CreateOwnership(1, $"c{i}", A), A).Outcome);
        }

        Assert.AreEqual(OwnershipOutcome.Refused, Do(ownership, new CreateOwnership(1, "more", A), A).Outcome);
    }

    internal static Ownership Created()
    {
        Ownership ownership = new();
        _ = Do(ownership, new CreateOwnership(1, "web", A), A);
        return ownership;
    }

    internal static OwnershipAnswer Do(Ownership ownership, OwnershipRequest request, Member by)
    {
        OwnershipAnswer answer = ownership.Decide(request, by, out OwnershipRecord? changed);
        Assert.IsTrue(changed is null || ownership.Install(changed));
        return answer;
    }
}
