using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Tests.Migration.Directory;

/// <summary>What holds for every directory, wherever it keeps its records. Each implementation runs all of it.</summary>
public abstract class DirectoryContract
{
    private protected static readonly Member A = new("a", 1);
    private protected static readonly Member B = new("b", 2);
    private protected static readonly SnapshotHash Hash = new([.. Enumerable.Range(1, SnapshotHash.Length).Select(static i => (byte)i)]);

    /// <summary>A directory without records.</summary>
    private protected abstract Task<IDirectoryUnderTest> OpenAsync();

    /// <summary>Goal: each record starts at epoch 1 with a shard of its own, and a second creator learns who was first.</summary>
    [TestMethod]
    public async Task The_first_creator_owns_at_epoch_1()
    {
        await using IDirectoryUnderTest directory = await OpenAsync();
        Assert.AreEqual(new(1, OwnershipOutcome.Done, new("web", A, Member.None, 1, 1, SnapshotHash.None)), await directory.AskAsync(new CreateOwnership(1, "web", A), A));
        Assert.AreEqual(2u, (await directory.AskAsync(new CreateOwnership(2, "api", B), B)).Record!.Shard);
        OwnershipAnswer second = await directory.AskAsync(new CreateOwnership(3, "web", B), B);
        Assert.AreEqual((OwnershipOutcome.Conflict, A), (second.Outcome, second.Record!.Owner));
        Assert.AreEqual(OwnershipOutcome.Done, (await directory.AskAsync(new CreateOwnership(4, "web", A), A)).Outcome, "a repetition");
        Assert.AreEqual("api web", string.Join(' ', directory.Directory.Records.Select(record => record.Component).Order(StringComparer.Ordinal)));
        Assert.IsNull(directory.Directory.Trouble);
    }

    /// <summary>Goal: of all ways to leave an epoch one wins; the others, and late repetitions of any, change nothing.</summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    public async Task An_epoch_is_left_once(int first)
    {
        (OwnershipRequest Request, Member By)[] all =
        [
            (new MoveOwnership(5, "web", A, 1, B, Hash), A), (new AbortOwnership(6, "web", A, 1), A), (new ForceOwnership(7, "web", A, 1, B), Ownership.FailureDetector),
        ];
        await using IDirectoryUnderTest directory = await OpenAsync();
        _ = await directory.AskAsync(new CreateOwnership(1, "web", A), A);
        OwnershipAnswer won = await directory.AskAsync(all[first].Request, all[first].By);
        Assert.AreEqual((OwnershipOutcome.Done, 2ul, 1u), (won.Outcome, won.Record!.Epoch, won.Record.Shard));
        foreach ((OwnershipRequest request, Member by) in all)
        {
            OwnershipAnswer answer = await directory.AskAsync(request, by);
            Assert.AreEqual(request == all[first].Request ? OwnershipOutcome.Done : OwnershipOutcome.Conflict, answer.Outcome, $"{request}");
            Assert.AreEqual(won.Record, answer.Record);
        }
    }

    /// <summary>Goal: nobody moves, aborts, takes over or creates for another; what is not there is not known.</summary>
    [TestMethod]
    public async Task Others_may_not_ask()
    {
        await using IDirectoryUnderTest directory = await OpenAsync();
        _ = await directory.AskAsync(new CreateOwnership(1, "web", A), A);
        Assert.AreEqual(OwnershipOutcome.Refused, (await directory.AskAsync(new MoveOwnership(1, "web", A, 1, B, Hash), B)).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, (await directory.AskAsync(new AbortOwnership(1, "web", A, 1), A with { Incarnation = 9 })).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, (await directory.AskAsync(new ForceOwnership(1, "web", A, 1, B), B)).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, (await directory.AskAsync(new CreateOwnership(1, "new", A), B)).Outcome);
        Assert.AreEqual(OwnershipOutcome.Refused, (await directory.AskAsync(new CreateOwnership(1, "not/a/label", A), A)).Outcome);
        Assert.AreEqual(OwnershipOutcome.Unknown, (await directory.AskAsync(new AbortOwnership(1, "none", A, 1), A)).Outcome);
        Assert.AreEqual(OwnershipOutcome.Unknown, (await directory.AskAsync(new ReadOwnership(1, "none"), B)).Outcome);
        Assert.AreEqual(1ul, (await directory.AskAsync(new ReadOwnership(1, "web"), B)).Record!.Epoch);
    }

    /// <summary>Goal: changes are told in their order, and who opens the directory again is told how everything stands.</summary>
    [TestMethod]
    public async Task Changes_are_told_and_outlive_the_process()
    {
        IDirectoryUnderTest directory = await OpenAsync();
        await using (directory)
        {
            _ = await directory.AskAsync(new CreateOwnership(1, "web", A), A);
            _ = await directory.AskAsync(new MoveOwnership(2, "web", A, 1, B, Hash), A);
            _ = await directory.AskAsync(new AbortOwnership(3, "web", B, 2), B);
            Assert.AreEqual("1 2 3", string.Join(' ', Changes(directory).Select(record => record.Epoch)));
            _ = await directory.AskAsync(new AbortOwnership(4, "web", B, 2), B);
            Assert.IsEmpty(Changes(directory), "a repetition changes nothing");
        }

        await using IDirectoryUnderTest again = await directory.AgainAsync();
        OwnershipRecord told = Changes(again).Single();
        Assert.AreEqual(new("web", B, Member.None, 3, 1, SnapshotHash.None), told);
        Assert.AreEqual(2u, (await again.AskAsync(new CreateOwnership(5, "api", A), A)).Record!.Shard, "no shard is used twice");
    }

    /// <summary>Goal: while nothing can be written, nothing is answered, and what is the matter is said.</summary>
    [TestMethod]
    public async Task Silence_while_it_cannot_write()
    {
        await using IDirectoryUnderTest directory = await OpenAsync();
        _ = await directory.AskAsync(new CreateOwnership(1, "web", A), A);
        _ = Changes(directory);
        await directory.BreakAsync();
        Assert.Contains(": ", directory.Directory.Trouble!);
        directory.Directory.Submit(new AbortOwnership(9, "web", A, 1), A);
        directory.Directory.Commit();
        Assert.IsFalse(directory.Directory.TryTakeAnswer(out _));
        Assert.IsEmpty(Changes(directory));
        Assert.AreEqual(1ul, directory.Directory.Records.Single().Epoch, "what is known stays known");
    }

    private protected static List<OwnershipRecord> Changes(IDirectoryUnderTest directory)
    {
        List<OwnershipRecord> changes = [];
        while (directory.Directory.TryTakeChange(out OwnershipRecord? record))
        {
            changes.Add(record);
        }

        return changes;
    }
}

/// <summary>A directory, and how its test asks, opens it again, and breaks it.</summary>
internal interface IDirectoryUnderTest : IAsyncDisposable
{
    IOwnershipDirectory Directory { get; }

    /// <summary>The answer to a request.</summary>
    Task<OwnershipAnswer> AskAsync(OwnershipRequest request, Member by);

    /// <summary>The same records, in a new object; this one is closed.</summary>
    Task<IDirectoryUnderTest> AgainAsync();

    /// <summary>Nothing can be written from here on; ends when the directory has noticed.</summary>
    Task BreakAsync();
}
