using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Tests.Migration.Directory;

[TestClass]
public sealed class EmbeddedDirectoryTests : DirectoryContract
{
    private protected override Task<IDirectoryUnderTest> OpenAsync() => Task.FromResult<IDirectoryUnderTest>(new Embedded(new MemoryStorage()));

    /// <summary>
    /// Goal: a disk that fills up is seen before a move begins, while what has begun can still end; what finds no room at all is not answered and not done;
    /// when there is room again, everything is, without a restart.
    /// </summary>
    [TestMethod]
    public void A_full_disk_is_waited_out()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        directory.Do(new CreateOwnership(1, "web", A), A);
        Assert.IsTrue(directory.TryTakeAnswer(out _));
        Assert.IsTrue(directory.TryRecover());

        storage.Room = 1000;
        Assert.IsFalse(directory.TryRecover());
        Assert.AreEqual("the disk of the directory's log is full: traffic goes on, nothing moves until there is room", directory.Trouble);
        Assert.IsTrue(directory.AnswersStill);
        directory.Do(new AbortOwnership(2, "web", A, 1), A);
        Assert.IsTrue(directory.TryTakeAnswer(out OwnershipAnswer? answer));
        Assert.AreEqual((OwnershipOutcome.Done, 2ul), (answer.Outcome, answer.Record!.Epoch));

        storage.Room = 10;
        int length = storage.Bytes.Count;
        directory.Do(new AbortOwnership(3, "web", A, 2), A);
        Assert.IsFalse(directory.TryTakeAnswer(out _));
        Assert.AreEqual((2ul, length), (directory.Records.Single().Epoch, storage.Bytes.Count));

        storage.Room = 100_000;
        directory.Do(new AbortOwnership(4, "web", A, 2), A);
        Assert.IsTrue(directory.TryTakeAnswer(out answer));
        Assert.AreEqual(3ul, answer.Record!.Epoch);
        Assert.IsNull(directory.Trouble);
        Assert.AreEqual(3ul, new EmbeddedDirectory(storage).Records.Single().Epoch, "as a restart reads it");
    }

    /// <summary>
    /// Goal: a log does not grow for ever: one that is many times longer than what it says is written anew, before a move begins or at a start, never in what somebody waits
    /// for; what a restart reads is the same, and goes on.
    /// </summary>
    [TestMethod]
    public void A_long_log_is_written_anew()
    {
        const int shortLog = 2000;
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage, shortLog);
        string[] components = ["web", "shop", "api"];
        foreach (string component in components)
        {
            directory.Do(new CreateOwnership(1, component, A), A);
        }

        int longest = 0;
        for (ulong epoch = 1; epoch <= 300; epoch++)
        {
            int before = storage.Replaced;
            Assert.IsTrue(directory.TryRecover());
            Assert.IsTrue(storage.Replaced == before || storage.Bytes.Count < shortLog / 4, "a rewrite makes it short");
            before = storage.Replaced;
            directory.Do(new AbortOwnership(2, components[epoch % 3], A, ((epoch - 1) / 3) + 1), A);
            Assert.AreEqual(before, storage.Replaced);
            longest = int.Max(longest, storage.Bytes.Count);
        }

        Assert.IsTrue(storage.Replaced is > 5 and < 30, $"{storage.Replaced}");
        Assert.IsLessThan(shortLog + 200, longest);
        Assert.IsTrue(directory.Records.All(static record => record.Epoch == 101));
        EmbeddedDirectory after = new(storage, shortLog: 1);
        CollectionAssert.AreEquivalent(directory.Records.ToArray(), after.Records.ToArray());
        CollectionAssert.AreEquivalent(directory.Records.ToArray(), new EmbeddedDirectory(storage).Records.ToArray(), "written anew at a start");
        after.Do(new CreateOwnership(3, "new", A), A);
        after.Do(new AbortOwnership(4, "web", A, 101), A);
        EmbeddedDirectory last = new(storage);
        Assert.AreEqual(4u, last.Records.Single(static record => record.Component == "new").Shard);
        Assert.AreEqual(102ul, last.Records.Single(static record => record.Component == "web").Epoch);
    }

    /// <summary>Goal: where a log cannot be written anew it goes on growing, and is not tried before each move; where nobody knows which of the two is there, it answers nothing.</summary>
    [TestMethod]
    public void A_log_that_cannot_be_written_anew_goes_on()
    {
        MemoryStorage storage = new() { CannotReplace = false };
        EmbeddedDirectory directory = new(storage, shortLog: 500);
        directory.Do(new CreateOwnership(1, "web", A), A);
        ulong epoch = 1;
        for (; epoch <= 100; epoch++)
        {
            Assert.IsTrue(directory.TryRecover());
            directory.Do(new AbortOwnership(2, "web", A, epoch), A);
        }

        Assert.IsTrue(storage.Replaced is > 2 and < 10, $"{storage.Replaced}");
        Assert.AreEqual(epoch, new EmbeddedDirectory(storage).Records.Single().Epoch);

        storage.CannotReplace = true;
        for (; directory.Failure is null; epoch++)
        {
            _ = directory.TryRecover();
            directory.Do(new AbortOwnership(2, "web", A, epoch), A);
            Assert.IsLessThan(1000ul, epoch);
        }

        Assert.IsFalse(directory.AnswersStill);
    }

    /// <summary>Goal: as many components as there may be, in a log that was written anew: more than one frame holds.</summary>
    [TestMethod]
    public void As_many_records_as_there_may_be_are_written_anew()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        for (int i = 0; i < Ownership.MaxComponents; i++)
        {
            directory.Submit(new CreateOwnership(1, $"component-{i}", A), A);
        }

        directory.Commit();
        Assert.HasCount(Ownership.MaxComponents, directory.Records);
        byte[] log = DirectoryLog.Rewrite(directory.Records, out LogEnd end);
        Assert.AreEqual(log.Length, end.Length);
        Ownership replayed = DirectoryLog.Replay(log, out LogEnd read);
        Assert.AreEqual(end, read);
        CollectionAssert.AreEqual(directory.Records.ToArray(), replayed.Records.ToArray());
    }

    /// <summary>Goal: whoever waits behind a change is decided in the same turn, also when a limit has written that change and nothing else can be written.</summary>
    [TestMethod]
    public void Nobody_is_left_behind_by_a_limit()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        directory.Do(new CreateOwnership(1, "web", A), A);
        directory.Submit(new AbortOwnership(2, "web", A, 1), A);
        directory.Submit(new ReadOwnership(3, "web"), A);
        storage.Meanwhile = () => storage.Fault = new IOException("the disk fails");
        for (uint i = 0; storage.Fault is null; i++)
        {
            directory.Submit(new CreateOwnership(100 + i, $"{new string('c', 50)}-{i}", A), A);
        }

        directory.Commit();
        List<ulong> answered = [];
        while (directory.TryTakeAnswer(out OwnershipAnswer? answer))
        {
            answered.Add(answer.Id);
        }

        CollectionAssert.Contains(answered, 3ul);
        Assert.IsNull(directory.Failure);
    }

    /// <summary>Goal: room is made ahead at a start and before a move begins; in what somebody waits for, who stands still meanwhile, none is but for its own record.</summary>
    [TestMethod]
    public void Nobody_waits_for_room_to_be_made_ahead()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        CollectionAssert.AreEqual((int[])[16 * 1024], storage.Asked);
        directory.Do(new CreateOwnership(1, "web", A), A);
        directory.Do(new AbortOwnership(2, "web", A, 1), A);
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
        directory.Do(new CreateOwnership(1, "web", A), A);
        Assert.IsFalse(directory.TryTakeAnswer(out _));
        Assert.HasCount(length, storage.Bytes);
        storage.Fault = null;
        directory.Do(new CreateOwnership(2, "web", A), A);
        Assert.IsTrue(directory.TryTakeAnswer(out _));
        Assert.IsNull(directory.Trouble);
    }

    /// <summary>
    /// Goal: however many ask at once, it is one write and one flush; before that nobody sees any of it, and then everybody all, in the order in which it was asked for.
    /// </summary>
    [TestMethod]
    public void What_is_asked_at_once_shares_a_flush()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        directory.Do(new CreateOwnership(1, "first", A), A);
        _ = Taken(directory);
        storage.Appended.Clear();
        for (ulong i = 0; i < 256; i++)
        {
            directory.Submit(new CreateOwnership(i, $"c{i}", A), A);
        }

        Assert.HasCount(1, directory.Records);
        Assert.AreEqual((0, 0), Taken(directory));
        Assert.IsEmpty(storage.Appended);
        directory.Commit();
        Assert.HasCount(1, storage.Appended);
        for (uint i = 0; i < 256; i++)
        {
            Assert.IsTrue(directory.TryTakeAnswer(out OwnershipAnswer? answer) && directory.TryTakeChange(out OwnershipRecord? record) && answer.Record == record);
            Assert.AreEqual(new(i, OwnershipOutcome.Done, new($"c{i}", A, Member.None, 1, i + 2, SnapshotHash.None)), answer);
        }

        Assert.AreEqual((0, 0), Taken(directory));
        CollectionAssert.AreEquivalent(directory.Records.ToArray(), new EmbeddedDirectory(storage).Records.ToArray());
        directory.Commit();
        Assert.HasCount(1, storage.Appended, "nothing waits");
    }

    /// <summary>Goal: what changes nothing waits for nobody, and what is true already is answered at once.</summary>
    [TestMethod]
    public void What_changes_nothing_is_answered_at_once()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        directory.Do(new CreateOwnership(1, "web", A), A);
        _ = Taken(directory);
        directory.Submit(new CreateOwnership(2, "api", A), A);
        directory.Submit(new ReadOwnership(3, "web"), B);
        directory.Submit(new CreateOwnership(4, "web", A), A);
        directory.Submit(new AbortOwnership(5, "web", B, 1), B);
        Assert.AreEqual("3 4 5", Ids(directory));
        directory.Commit();
        Assert.AreEqual("2", Ids(directory));
    }

    /// <summary>
    /// Goal: no decision rests on one that is not durable: who asks about a component of which a change waits is decided behind it, in the order of asking, and those
    /// of different components still share their flushes.
    /// </summary>
    [TestMethod]
    public void What_concerns_a_waiting_change_is_decided_behind_it()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        foreach (string component in (ReadOnlySpan<string>)["web", "api"])
        {
            ulong first = component == "web" ? 10ul : 20;
            directory.Submit(new CreateOwnership(first, component, A), A);
            directory.Submit(new ReadOwnership(first + 1, component), B);
            directory.Submit(new MoveOwnership(first + 2, component, A, 1, B, Hash), A);
            directory.Submit(new AbortOwnership(first + 3, component, A, 1), A);
            directory.Submit(new ForceOwnership(first + 4, component, B, 2, A), Ownership.FailureDetector);
        }

        Assert.IsEmpty(directory.Records);
        storage.Appended.Clear();
        directory.Commit();
        Assert.HasCount(3, storage.Appended);
        Dictionary<ulong, OwnershipAnswer> answers = [];
        while (directory.TryTakeAnswer(out OwnershipAnswer? answer))
        {
            answers.Add(answer.Id, answer);
        }

        foreach (ulong first in (ReadOnlySpan<ulong>)[10, 20])
        {
            Assert.AreEqual(
                "Done 1, Done 1, Done 2, Conflict 2, Done 3",
                string.Join(", ", Enumerable.Range(0, 5).Select(i => answers[first + (ulong)i]).Select(answer => $"{answer.Outcome} {answer.Record!.Epoch}")));
        }

        CollectionAssert.AreEqual((ulong[])[1, 1, 2, 2, 3, 3], Changes(new Embedded(directory)).Select(record => record.Epoch).ToArray());
    }

    /// <summary>Goal: what waits is bounded, in requests, whether they wait for the flush or behind one, and in bytes; a bound that is reached makes it durable.</summary>
    [TestMethod]
    public void What_waits_is_bounded()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        for (int i = 1; i < EmbeddedDirectory.MaxWaiting; i++)
        {
            directory.Submit(i < 100 ? new CreateOwnership(1, $"c{i}", A) : new ReadOwnership(1, "c1"), A);
        }

        Assert.AreEqual((0, 0), Taken(directory));
        directory.Submit(new ReadOwnership(1, "c1"), A);
        Assert.AreEqual((EmbeddedDirectory.MaxWaiting, 99), Taken(directory));

        storage.Appended.Clear();
        string name = new('a', Names.MaxLength - 4);
        Member longest = new(new string('b', Names.MaxLength), 1);
        for (int i = 0; i < EmbeddedDirectory.MaxWaiting; i++)
        {
            directory.Submit(new CreateOwnership(1, $"{name}{i:0000}", longest), longest);
        }

        Assert.HasCount(2, storage.Appended);
        directory.Commit();
        int most = storage.Appended.Max();
        Assert.IsTrue(most > LogFrame.MaxBody && most < LogFrame.MaxBody + 2000, $"{most}: with what stands around the records");
        Assert.AreEqual((EmbeddedDirectory.MaxWaiting, EmbeddedDirectory.MaxWaiting), Taken(directory));
        Assert.HasCount(99 + EmbeddedDirectory.MaxWaiting, new EmbeddedDirectory(storage).Records);
    }

    /// <summary>Goal: components that are about to be created count as those that are: no more than the limit, each with a shard of its own.</summary>
    [TestMethod]
    public void Waiting_components_count()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        for (int i = 0; i < Ownership.MaxComponents - 1; i++)
        {
            directory.Submit(new CreateOwnership(1, $"c{i}", A), A);
        }

        directory.Commit();
        _ = Taken(directory);
        directory.Submit(new CreateOwnership(2, "last", A), A);
        directory.Submit(new CreateOwnership(3, "too-many", A), A);
        Assert.IsTrue(directory.TryTakeAnswer(out OwnershipAnswer? answer));
        Assert.AreEqual((3ul, OwnershipOutcome.Refused), (answer.Id, answer.Outcome));
        directory.Commit();
        Assert.HasCount(Ownership.MaxComponents, directory.Records.Select(record => record.Shard).Distinct());
    }

    /// <summary>Goal: on a disk that fills up in the middle of what is asked at once, what has room is done and answered, and the rest is not, until it is asked again.</summary>
    [TestMethod]
    public void A_disk_that_fills_up_in_between_does_what_fits()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        storage.Room = 250;
        for (ulong i = 0; i < 9; i++)
        {
            directory.Submit(new CreateOwnership(i, $"c{i}", A), A);
        }

        Assert.Contains("full", directory.Trouble!);
        int before = storage.Bytes.Count;
        directory.Commit();
        Assert.AreEqual("0 1 2", Ids(directory));
        Assert.HasCount(3, directory.Records);
        Assert.IsLessThanOrEqualTo(before + 250, storage.Bytes.Count);
        Assert.Contains("full", directory.Trouble!);
        storage.Room = 100_000;
        directory.Do(new CreateOwnership(10, "c3", A), A);
        Assert.IsTrue(directory.TryTakeAnswer(out OwnershipAnswer? answer));
        Assert.AreEqual(4u, answer.Record!.Shard, "no number is spent on what was not done");
        Assert.IsNull(directory.Trouble);
        Assert.HasCount(4, new EmbeddedDirectory(storage).Records);
    }

    /// <summary>Goal: of what could not be written nothing is seen, told or answered, nor what waited behind it; nor anything from then on.</summary>
    [TestMethod]
    public void A_failed_append_of_many_answers_nobody()
    {
        MemoryStorage storage = new();
        EmbeddedDirectory directory = new(storage);
        directory.Do(new CreateOwnership(1, "web", A), A);
        _ = Taken(directory);
        storage.Fails = true;
        directory.Submit(new CreateOwnership(2, "api", A), A);
        directory.Submit(new AbortOwnership(3, "web", A, 1), A);
        directory.Submit(new AbortOwnership(4, "web", A, 2), A);
        directory.Commit();
        storage.Fails = false;
        directory.Do(new AbortOwnership(5, "web", A, 1), A);
        Assert.AreEqual((0, 0), Taken(directory));
        Assert.AreEqual(1ul, directory.Records.Single().Epoch);
        Assert.IsFalse(directory.AnswersStill);
    }

    private static (int Answers, int Changes) Taken(EmbeddedDirectory directory)
    {
        int answers = 0;
        while (directory.TryTakeAnswer(out _))
        {
            answers++;
        }

        return (answers, Changes(new Embedded(directory)).Count);
    }

    private static string Ids(EmbeddedDirectory directory)
    {
        List<ulong> ids = [];
        while (directory.TryTakeAnswer(out OwnershipAnswer? answer))
        {
            ids.Add(answer.Id);
        }

        return string.Join(' ', ids);
    }

    private sealed class Embedded : IDirectoryUnderTest
    {
        private readonly MemoryStorage _storage;
        private readonly EmbeddedDirectory _directory;

        public Embedded(MemoryStorage storage) => (_storage, _directory) = (storage, new(storage));

        public Embedded(EmbeddedDirectory directory) => (_storage, _directory) = (new(), directory);

        public IOwnershipDirectory Directory => _directory;

        public Task<OwnershipAnswer> AskAsync(OwnershipRequest request, Member by)
        {
            _directory.Do(request, by);
            Assert.IsTrue(_directory.TryTakeAnswer(out OwnershipAnswer? answer), "it answers at once");
            return Task.FromResult(answer);
        }

        public Task<IDirectoryUnderTest> AgainAsync() => Task.FromResult<IDirectoryUnderTest>(new Embedded(_storage));

        public Task BreakAsync()
        {
            _storage.Fails = true;
            _directory.Do(new CreateOwnership(1, "other", A), A);
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
