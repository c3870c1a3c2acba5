using Net.Migration.Directory;

namespace Net.Tests.Migration.Directory;

[TestClass]
public sealed class DirectoryLogTests
{
    /// <summary>Goal: what was answered before a restart is there after it, and goes on from there.</summary>
    [TestMethod]
    public void A_restart_finds_every_record()
    {
        MemoryStorage storage = Filled(out EmbeddedDirectory before);
        EmbeddedDirectory after = new(storage);
        CollectionAssert.AreEquivalent(before.Records.ToArray(), after.Records.ToArray());

        after.Submit(new AbortOwnership(9, "web", OwnershipTests.B, 2), OwnershipTests.B);
        Assert.IsTrue(after.TryTakeAnswer(out OwnershipAnswer? answer));
        Assert.AreEqual(OwnershipOutcome.Done, answer.Outcome);
        Assert.AreEqual(3ul, new EmbeddedDirectory(storage).Records.Single(static r => r.Component == "web").Epoch);
    }

    /// <summary>Goal: wherever a crash cuts the last append, also when zeros stand in its place, the records before it are read and it is cut off.</summary>
    [TestMethod]
    public void A_torn_tail_is_cut_off()
    {
        byte[] whole = [.. Filled(out _).Bytes];
        Ownership ownership = new();
        int lastStart = LastRecordStart(whole);
        for (int length = lastStart; length < whole.Length; length++)
        {
            foreach (byte[] torn in new[] { whole[..length], [.. whole[..length], .. new byte[whole.Length - length]], [.. whole[..length], .. new byte[100]] })
            {
                MemoryStorage storage = new() { Bytes = [.. torn] };
                EmbeddedDirectory directory = new(storage);
                // Zeros may complete the record by chance, when it ends in zeros.
                bool isWhole = torn.AsSpan().StartsWith(whole);
                Assert.HasCount(2, directory.Records);
                Assert.AreEqual(isWhole ? 2ul : 1ul, directory.Records.Single(static r => r.Component == "web").Epoch, $"cut at {length}");
                Assert.HasCount(isWhole ? whole.Length : lastStart, storage.Bytes);
            }
        }
    }

    /// <summary>Goal: a flipped bit before the last record, a missing or a repeated record is an error, never a guess.</summary>
    [TestMethod]
    public void A_damaged_middle_is_an_error()
    {
        byte[] whole = [.. Filled(out _).Bytes];
        int lastStart = LastRecordStart(whole);
        for (int i = 0; i < lastStart; i++)
        {
            byte[] damaged = [.. whole];
            damaged[i] ^= 0x10;
            Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(new MemoryStorage { Bytes = [.. damaged] }), $"byte {i}");
        }

        int first = DirectoryLog.PreambleLength;
        int firstLength = 16 + whole[first + 3] + (whole[first + 2] << 8);
        byte[] missing = [.. whole[..first], .. whole[(first + firstLength)..]];
        Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(new MemoryStorage { Bytes = [.. missing] }));
        byte[] repeated = [.. whole[..(first + firstLength)], .. whole[first..]];
        Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(new MemoryStorage { Bytes = [.. repeated] }));
    }

    /// <summary>Goal: a half written preamble is a new log; another file, or another version, is an error.</summary>
    [TestMethod]
    public void Only_a_directory_log_is_read()
    {
        for (int length = 0; length < DirectoryLog.PreambleLength; length++)
        {
            MemoryStorage storage = new() { Bytes = [.. DirectoryLog.Preamble()[..length]] };
            Assert.IsEmpty(new EmbeddedDirectory(storage).Records);
            CollectionAssert.AreEqual(DirectoryLog.Preamble(), storage.Bytes);
        }

        Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(new MemoryStorage { Bytes = [.. "hello, world, this is text"u8] }));
        byte[] other = DirectoryLog.Preamble();
        other[^1] = 2;
        Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(new MemoryStorage { Bytes = [.. other] }));
    }

    /// <summary>Goal: after a failed append nothing is answered any more, as nobody knows what a restart will read.</summary>
    [TestMethod]
    public void A_failed_append_silences_the_directory()
    {
        MemoryStorage storage = Filled(out EmbeddedDirectory directory);
        while (directory.TryTakeAnswer(out _))
        {
        }

        storage.Fails = true;
        directory.Submit(new AbortOwnership(9, "web", OwnershipTests.B, 2), OwnershipTests.B);
        storage.Fails = false;
        directory.Submit(new ReadOwnership(10, "web"), OwnershipTests.B);
        Assert.IsFalse(directory.TryTakeAnswer(out _));
        Assert.IsNotNull(directory.Failure);
    }

    private static MemoryStorage Filled(out EmbeddedDirectory directory)
    {
        MemoryStorage storage = new();
        directory = new(storage);
        directory.Submit(new CreateOwnership(1, "web", OwnershipTests.A), OwnershipTests.A);
        directory.Submit(new CreateOwnership(2, "api", OwnershipTests.A), OwnershipTests.A);
        directory.Submit(new MoveOwnership(3, "web", OwnershipTests.A, 1, OwnershipTests.B, OwnershipTests.Hash), OwnershipTests.A);
        return storage;
    }

    private static int LastRecordStart(byte[] log)
    {
        int at = DirectoryLog.PreambleLength;
        for (int next = at; next < log.Length; next = at + 16 + log[at + 3] + (log[at + 2] << 8))
        {
            at = next;
        }

        return at;
    }
}
