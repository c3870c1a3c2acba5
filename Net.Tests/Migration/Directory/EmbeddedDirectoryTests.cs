using Net.Migration.Directory;

namespace Net.Tests.Migration.Directory;

[TestClass]
public sealed class EmbeddedDirectoryTests : DirectoryContract
{
    private protected override Task<IDirectoryUnderTest> OpenAsync() => Task.FromResult<IDirectoryUnderTest>(new Embedded(new()));

    /// <summary>
    /// Goal: a disk that fills up is seen before a move begins, while what has begun can still end; what finds no room at all is not answered and not done;
    /// when there is room again, everything is, without a restart.
    /// </summary>
    [TestMethod]
    public void A_full_disk_is_waited_out()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        directory.Submit(new CreateOwnership(1, "web", A), A);
        Assert.IsTrue(directory.TryTakeAnswer(out _));
        Assert.IsTrue(directory.TryRecover());

        storage.Room = 1000;
        Assert.IsFalse(directory.TryRecover());
        Assert.AreEqual("the disk of the directory's log is full: traffic goes on, nothing moves until there is room", directory.Trouble);
        Assert.IsTrue(directory.AnswersStill);
        directory.Submit(new AbortOwnership(2, "web", A, 1), A);
        Assert.IsTrue(directory.TryTakeAnswer(out OwnershipAnswer? answer));
        Assert.AreEqual((OwnershipOutcome.Done, 2ul), (answer.Outcome, answer.Record!.Epoch));

        storage.Room = 10;
        int length = storage.Bytes.Count;
        directory.Submit(new AbortOwnership(3, "web", A, 2), A);
        Assert.IsFalse(directory.TryTakeAnswer(out _));
        Assert.AreEqual((2ul, length), (directory.Records.Single().Epoch, storage.Bytes.Count));

        storage.Room = 100_000;
        directory.Submit(new AbortOwnership(4, "web", A, 2), A);
        Assert.IsTrue(directory.TryTakeAnswer(out answer));
        Assert.AreEqual(3ul, answer.Record!.Epoch);
        Assert.IsNull(directory.Trouble);
        Assert.AreEqual(3ul, new EmbeddedDirectory(storage).Records.Single().Epoch, "as a restart reads it");
    }

    /// <summary>Goal: room is made ahead at a start and before a move begins; in what somebody waits for, who stands still meanwhile, none is but for its own record.</summary>
    [TestMethod]
    public void Nobody_waits_for_room_to_be_made_ahead()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        CollectionAssert.AreEqual((int[])[16 * 1024], storage.Asked);
        directory.Submit(new CreateOwnership(1, "web", A), A);
        directory.Submit(new AbortOwnership(2, "web", A, 1), A);
        Assert.AreEqual(2ul, directory.Records.Single().Epoch);
        Assert.HasCount(3, storage.Asked);
        Assert.IsTrue(storage.Asked[1..].TrueForAll(static bytes => bytes < 256));
        Assert.IsTrue(directory.TryRecover());
        Assert.AreEqual(16 * 1024, storage.Asked[^1]);
    }

    /// <summary>Goal: an ingress that starts while the disk is full says so at once, and serves.</summary>
    [TestMethod]
    public void A_start_on_a_full_disk_is_troubled()
    {
        EmbeddedDirectory directory = new(new MemoryStorage { Room = 1000 });
        Assert.Contains("full", directory.Trouble!);
        Assert.IsTrue(directory.AnswersStill);
    }

    /// <summary>Goal: a disk that fails while room is made is not called full; nothing that was stored is in doubt, so all works again when it does.</summary>
    [TestMethod]
    public void A_disk_that_fails_is_not_called_full()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        int length = storage.Bytes.Count;
        storage.Fault = new("broken");
        Assert.IsFalse(directory.TryRecover());
        Assert.AreEqual("the disk of the directory's log fails (broken): traffic goes on, nothing moves until it works", directory.Trouble);
        directory.Submit(new CreateOwnership(1, "web", A), A);
        Assert.IsFalse(directory.TryTakeAnswer(out _));
        Assert.HasCount(length, storage.Bytes);
        storage.Fault = null;
        directory.Submit(new CreateOwnership(2, "web", A), A);
        Assert.IsTrue(directory.TryTakeAnswer(out _));
        Assert.IsNull(directory.Trouble);
    }

    private sealed class Embedded(MemoryStorage storage) : IDirectoryUnderTest
    {
        private readonly EmbeddedDirectory _directory = new(storage);

        public IOwnershipDirectory Directory => _directory;

        public Task<OwnershipAnswer> AskAsync(OwnershipRequest request, Member by)
        {
            _directory.Submit(request, by);
            Assert.IsTrue(_directory.TryTakeAnswer(out OwnershipAnswer? answer), "it answers at once");
            return Task.FromResult(answer);
        }

        public Task<IDirectoryUnderTest> AgainAsync() => Task.FromResult<IDirectoryUnderTest>(new Embedded(storage));

        public Task BreakAsync()
        {
            storage.Fails = true;
            _directory.Submit(new CreateOwnership(1, "other", A), A);
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
