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
