using System.Globalization;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Tests.Migration.Directory;

[TestClass]
public sealed class DirectoryLogTests
{
    /// <summary>
    /// What the first release of version 1 wrote when alpha created web and api, moved web to beta, beta made a write of its own, and api went to beta by force.
    /// </summary>
    private const string OldLog =
        "636f6e74696e75756d2d6469720000010000004727f1e283d7ac7c522c68b9f20377656205616c706861112233445566778800000000000000000000000000000000010000000100000000"
        + "000000000000000000000000000000000000000000000000000000000000004754e1d26d705ab77071f006270361706905616c706861112233445566778800000000000000000000000000"
        + "0000000100000002000000000000000000000000000000000000000000000000000000000000000000000046633f05a459ab370e9c239cdc03776562046265746100000000000000070000"
        + "000000000000000000000000000002000000010102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20000000467880157595702b30263f86af0377656204626574"
        + "610000000000000007000000000000000000000000000000000300000001000000000000000000000000000000000000000000000000000000000000000000000046f858721be71661b2e5"
        + "b7553c03617069046265746100000000000000070000000000000000000000000000000002000000020000000000000000000000000000000000000000000000000000000000000000";

    private static byte[] Old => Convert.FromHexString(OldLog);

    /// <summary>Goal: what was answered before a restart is there after it, and goes on from there.</summary>
    [TestMethod]
    public void A_restart_finds_every_record()
    {
        MemoryStorage storage = Filled(out EmbeddedDirectory before);
        EmbeddedDirectory after = new(storage);
        CollectionAssert.AreEquivalent(before.Records.ToArray(), after.Records.ToArray());

        after.Do(new AbortOwnership(9, "web", OwnershipTests.B, 2), OwnershipTests.B);
        Assert.IsTrue(after.TryTakeAnswer(out OwnershipAnswer? answer));
        Assert.AreEqual(OwnershipOutcome.Done, answer.Outcome);
        Assert.AreEqual(3ul, new EmbeddedDirectory(storage).Records.Single(static r => r.Component == "web").Epoch);
    }

    /// <summary>Goal: wherever a crash cuts the last append, also when zeros stand in its place, the records before it are read and it is cut off.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void A_torn_tail_is_cut_off(int version)
    {
        byte[] whole = version == 1 ? Old : [.. Filled(out _).Bytes];
        int lastStart = Ends(whole)[^2];
        string last = Describe(whole), before = Describe(whole[..lastStart]);
        Assert.AreNotEqual(last, before);
        for (int length = lastStart; length < whole.Length; length++)
        {
            foreach (byte[] torn in new[] { whole[..length], [.. whole[..length], .. new byte[whole.Length - length]], [.. whole[..length], .. new byte[100]] })
            {
                MemoryStorage storage = new() { Bytes = [.. torn] };
                // Zeros may complete the record by chance, when it ends in zeros.
                bool isWhole = torn.AsSpan().StartsWith(whole);
                Assert.AreEqual(isWhole ? last : before, Describe(new EmbeddedDirectory(storage)), $"cut at {length}");
                Assert.HasCount(isWhole ? whole.Length : lastStart, storage.Bytes);
            }
        }
    }

    /// <summary>
    /// Goal: whichever sectors of an append of many records a crash leaves, a start finds all of them or none, and goes on. Method: at every place within a sector where
    /// an append can begin, all subsets of its sectors; the file may end with the last of them, or go on with zeros.
    /// </summary>
    [TestMethod]
    public void Any_sectors_of_an_append_are_all_of_it_or_none()
    {
        HashSet<int> places = [];
        int torn = 0;
        foreach (byte[] before in Beginnings())
        {
            if (!places.Add(before.Length % LogFrame.Sector))
            {
                continue;
            }

            _ = DirectoryLog.Replay(before, out LogEnd end);
            int count = Ends(before).Count - 1;
            byte[] appended = DirectoryLog.Encode([.. Enumerable.Range(count + 1, 9).Select(static i => DirectoryLog.Write(Record(i, 20)))], ref end);
            int sectors = MemoryStorage.Sectors(before.Length, appended.Length);
            Assert.IsTrue(sectors is 2 or 3 or 4, $"{sectors}");
            for (int subset = 0; subset < 1 << sectors; subset++)
            {
                byte[] left = MemoryStorage.Torn(before, appended, sector => (subset & (1 << sector)) != 0);
                bool isWhole = left.AsSpan(before.Length).SequenceEqual(appended);
                int written = left.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
                foreach (byte[] log in new[] { left, left[..(isWhole ? left.Length : int.Max(before.Length, written))], [.. left, .. new byte[600]] })
                {
                    MemoryStorage storage = new() { Bytes = [.. log] };
                    EmbeddedDirectory directory = new(storage);
                    Assert.HasCount(isWhole ? count + 9 : count, directory.Records, $"{before.Length}: {subset}");
                    Assert.HasCount(isWhole ? left.Length : before.Length, storage.Bytes);
                    directory.Do(new CreateOwnership(1, "later", OwnershipTests.A), OwnershipTests.A);
                    Assert.HasCount(directory.Records.Count, new EmbeddedDirectory(storage).Records);
                    torn += isWhole ? 0 : 1;
                }
            }
        }

        // A frame that ends in a sector has a mark there, or begins there.
        Assert.HasCount(LogFrame.Sector - 8, places);
        Assert.IsGreaterThan(7000, torn);
    }

    /// <summary>
    /// Goal: a sector that the disk has lost, or never written, although it was flushed, is an error: what was appended behind it says so. Method: each sector becomes zeros, or
    /// what it was before one of the appends; behind them is one that reaches into a further sector wherever it begins.
    /// </summary>
    [TestMethod]
    public void A_lost_sector_is_an_error()
    {
        foreach (byte[] before in Beginnings().Where(static (_, i) => i % 7 == 0))
        {
            _ = DirectoryLog.Replay(before, out LogEnd end);
            int count = Ends(before).Count - 1;
            byte[] Next(int records)
            {
                byte[][] bodies = [.. Enumerable.Range(count + 1, records).Select(static i => DirectoryLog.Write(Record(i, 20)))];
                count += records;
                return DirectoryLog.Encode(bodies, ref end);
            }

            byte[] whole = [.. before, .. Next(1), .. Next(1), .. Next(9), .. Next(2), .. Next(7)];
            List<int> ends = Ends(whole);
            Assert.HasCount(count, DirectoryLog.Replay(whole, out _).Records);
            Assert.HasCount(count - 14, ends);
            int last = ends[^2];
            for (int sector = 0; sector < last; sector += LogFrame.Sector)
            {
                AssertIsError(sector);
            }

            foreach (int start in ends.SkipLast(2))
            {
                // Where a header has no room, nothing is there to be lost.
                AssertIsError(start % LogFrame.Sector <= LogFrame.Sector - 16 ? start : (start / LogFrame.Sector * LogFrame.Sector) + LogFrame.Sector);
            }

            void AssertIsError(int start)
            {
                byte[] damaged = [.. whole, .. new byte[100]];
                damaged.AsSpan(start..((start / LogFrame.Sector * LogFrame.Sector) + LogFrame.Sector)).Clear();
                _ = Assert.ThrowsExactly<DirectoryLogException>(() => DirectoryLog.Replay(damaged, out _), $"{before.Length}: {start}");
            }
        }
    }

    /// <summary>Goal: a flipped bit before the last frame, a missing or a repeated frame is an error, never a guess; one in the last is at most its end.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void A_damaged_middle_is_an_error(int version)
    {
        byte[] whole = version == 1 ? Old : [.. Filled(out _).Bytes];
        List<int> ends = Ends(whole);
        for (int i = 0; i < whole.Length; i++)
        {
            byte[] damaged = [.. whole];
            damaged[i] ^= 0x10;
            if (i < ends[^2])
            {
                _ = Assert.ThrowsExactly<DirectoryLogException>(() => DirectoryLog.Replay(damaged, out _), $"byte {i}");
            }
            else
            {
                Assert.IsTrue(IsErrorOrEnd(damaged, ends[^2]), $"byte {i}");
            }
        }

        int first = ends[0], second = ends[1];
        byte[] missing = [.. whole[..first], .. whole[second..]];
        Assert.ThrowsExactly<DirectoryLogException>(() => DirectoryLog.Replay(missing, out _));
        byte[] repeated = [.. whole[..second], .. whole[first..]];
        Assert.ThrowsExactly<DirectoryLogException>(() => DirectoryLog.Replay(repeated, out _));
    }

    /// <summary>Goal: a half written preamble is a new log; another file, or another version, is an error.</summary>
    [TestMethod]
    public void Only_a_directory_log_is_read()
    {
        byte[] preamble = DirectoryLog.Preamble(out _);
        for (int length = 0; length < DirectoryLog.PreambleLength; length++)
        {
            MemoryStorage storage = new() { Bytes = [.. preamble[..length]] };
            Assert.IsEmpty(new EmbeddedDirectory(storage).Records);
            CollectionAssert.AreEqual(preamble, storage.Bytes);
        }

        Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(new MemoryStorage { Bytes = [.. "hello, world, this is text"u8] }));
        foreach (byte version in (ReadOnlySpan<byte>)[0, 3])
        {
            Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(new MemoryStorage { Bytes = [.. preamble[..^1], version] }));
        }
    }

    /// <summary>Goal: a log of version 1 is read, and is as it was until something is appended; then it goes on as one of version 2, once.</summary>
    [TestMethod]
    public void A_log_of_version_1_goes_on()
    {
        MemoryStorage storage = new() { Bytes = [.. Old] };
        EmbeddedDirectory directory = new(storage);
        Member beta = new("beta", 7);
        SnapshotHash none = SnapshotHash.None;
        CollectionAssert.AreEquivalent(
            (OwnershipRecord[])[new("web", beta, Member.None, 3, 1, none), new("api", beta, Member.None, 2, 2, none)], directory.Records.ToArray());
        CollectionAssert.AreEqual(Old, storage.Bytes);
        directory.Submit(new AbortOwnership(1, "web", beta, 3), beta);
        directory.Submit(new CreateOwnership(2, "new", beta), beta);
        directory.Commit();
        directory.Do(new AbortOwnership(3, "web", beta, 4), beta);
        Assert.HasCount(3, storage.Appended, "the step, and two appends");
        EmbeddedDirectory again = new(storage);
        Assert.AreEqual("api 2, new 1, web 5", Describe(again));
        again.Do(new AbortOwnership(4, "web", beta, 5), beta);
        Assert.HasCount(4, storage.Appended);
        Assert.AreEqual("api 2, new 1, web 6", Describe(new EmbeddedDirectory(storage)));
    }

    /// <summary>Goal: a crash in the middle of the step from version 1 to 2 leaves a log of version 1, whatever of it is on the disk, and wherever in a sector it begins.</summary>
    [TestMethod]
    public void A_torn_step_is_no_step()
    {
        LogEnd end = new(DirectoryLog.PreambleLength, 0, 1);
        List<byte> log = [.. DirectoryLog.Preamble(out _)[..^1], 1];
        int apart = 0;
        for (int i = 1; i < 400; i++)
        {
            log.AddRange(LogFrame.Write(DirectoryLog.Write(Record(i, 4 + (i % 50))), ref end));
            LogEnd after = end;
            byte[] step = DirectoryLog.StepUp(ref after);
            byte[] before = [.. log];
            int sectors = MemoryStorage.Sectors(before.Length, step.Length);
            apart += sectors - 1;
            for (int subset = 0; subset < 1 << sectors; subset++)
            {
                byte[] left = MemoryStorage.Torn(before, step, sector => (subset & (1 << sector)) != 0);
                _ = DirectoryLog.Replay(left, out LogEnd found);
                Assert.AreEqual(left.AsSpan(before.Length).SequenceEqual(step) ? after : end, found, $"{before.Length}: {subset}");
            }

            for (int cut = 0; cut < step.Length; cut++)
            {
                _ = DirectoryLog.Replay([.. before, .. step[..cut]], out LogEnd found);
                Assert.AreEqual(end, found);
            }

            Assert.ThrowsExactly<DirectoryLogException>(() => DirectoryLog.Replay([.. before, .. new byte[40], 1], out _));
        }

        Assert.IsGreaterThan(5, apart);
    }

    /// <summary>Goal: a length that is believed is limited: a log that says more is damaged.</summary>
    [TestMethod]
    public void No_frame_is_longer_than_the_limit()
    {
        byte[] preamble = DirectoryLog.Preamble(out LogEnd begin);
        byte[] Log(int length, out LogEnd end)
        {
            end = begin;
            return [.. preamble, .. LogFrame.Write(new byte[length], ref end), 1];
        }

        byte[] longest = Log(LogFrame.MaxBody, out LogEnd end);
        LogEnd at = begin;
        Assert.IsTrue(LogFrame.TryRead(longest, ref at, out byte[] body));
        Assert.HasCount(LogFrame.MaxBody, body);
        Assert.AreEqual((end, (long)longest.Length - 1), (at, at.Length));
        at = begin;
        Assert.ThrowsExactly<DirectoryLogException>(() => LogFrame.TryRead(Log(LogFrame.MaxBody + 1, out _), ref at, out _));
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
        directory.Do(new AbortOwnership(9, "web", OwnershipTests.B, 2), OwnershipTests.B);
        storage.Fails = false;
        directory.Do(new ReadOwnership(10, "web"), OwnershipTests.B);
        Assert.IsFalse(directory.TryTakeAnswer(out _));
        Assert.IsNotNull(directory.Failure);
    }

    /// <summary>Goal: what a log that was written anew begins with stands at its beginning alone, and in order: a component whose first record is missing is damage elsewhere.</summary>
    [TestMethod]
    public void A_base_stands_at_the_beginning_alone()
    {
        OwnershipRecord web = new("web", OwnershipTests.A, Member.None, 7, 1, SnapshotHash.None), shop = web with { Component = "shop", Shard = 2 };
        byte[] log = DirectoryLog.Rewrite([shop, web], out LogEnd end);
        CollectionAssert.AreEqual((OwnershipRecord[])[web, shop], DirectoryLog.Replay(log, out _).Records.ToArray());
        LogEnd behind = end;
        byte[] more = DirectoryLog.Encode([DirectoryLog.Write(web with { Epoch = 8 })], ref behind);
        Assert.AreEqual(8ul, DirectoryLog.Replay([.. log, .. more], out _).Records.First().Epoch);

        OwnershipRecord api = web with { Component = "api", Shard = 3 };
        byte[] first = [0, 0, 0, .. DirectoryLog.Write(api)];
        Assert.HasCount(3, DirectoryLog.Replay([.. log, .. Frame(first, end)], out _).Records);
        Refused([.. log, .. more, .. Frame(first, behind)]);
        Refused([.. log, .. Frame(DirectoryLog.Write(api), end)]);
        Refused([.. log, .. Frame([0, 0, 0, .. DirectoryLog.Write(api with { Shard = 4 })], end)]);
        Refused([.. log, .. Frame([0, 0, 0, .. DirectoryLog.Write(web with { Shard = 3 })], end)]);
        Refused([.. log, .. Frame([0, 0, 0], end)]);
        LogEnd old = default;
        _ = DirectoryLog.Replay(Old, out old);
        Refused([.. Old, .. Frame(first, old)]);

        static byte[] Frame(byte[] body, LogEnd at) => LogFrame.Write(body, ref at);

        static void Refused(byte[] log) => _ = Assert.ThrowsExactly<DirectoryLogException>(() => DirectoryLog.Replay(log, out _));
    }

    private static MemoryStorage Filled(out EmbeddedDirectory directory)
    {
        MemoryStorage storage = new();
        directory = new(storage);
        directory.Do(new CreateOwnership(1, "web", OwnershipTests.A), OwnershipTests.A);
        for (int i = 0; i < 12; i++)
        {
            // Together, over several sectors.
            directory.Submit(new CreateOwnership(2, $"api-{i}", OwnershipTests.A), OwnershipTests.A);
        }

        directory.Commit();
        directory.Do(new MoveOwnership(3, "web", OwnershipTests.A, 1, OwnershipTests.B, OwnershipTests.Hash), OwnershipTests.A);
        return storage;
    }

    /// <summary>Logs that end everywhere in a sector, each record in a frame of its own.</summary>
    private static IEnumerable<byte[]> Beginnings()
    {
        for (int frames = 1; frames <= 6; frames++)
        {
            for (int names = 2; names <= 126; names++)
            {
                byte[] preamble = DirectoryLog.Preamble(out LogEnd end);
                List<byte> log = [.. preamble];
                for (int i = 1; i < frames; i++)
                {
                    log.AddRange(DirectoryLog.Encode([DirectoryLog.Write(Record(i, 20))], ref end));
                }

                int component = int.Min(63, names - 1);
                OwnershipRecord last = Record(frames, component) with { Owner = new(new('o', names - component), 1) };
                log.AddRange(DirectoryLog.Encode([DirectoryLog.Write(last)], ref end));
                yield return [.. log];
            }
        }
    }

    private static OwnershipRecord Record(int shard, int name)
    {
        // Another one for each shard, of the length that is wanted.
        string number = shard.ToString(CultureInfo.InvariantCulture);
        string component = number.Length < name ? number.PadLeft(name, 'c') : new('s', name);
        return new(component, OwnershipTests.A, Member.None, 1, (uint)shard, SnapshotHash.None);
    }

    private static string Describe(byte[] log) => Describe(new EmbeddedDirectory(new MemoryStorage { Bytes = [.. log] }));

    private static string Describe(EmbeddedDirectory directory) =>
        string.Join(", ", directory.Records.OrderBy(static record => record.Component, StringComparer.Ordinal).Select(static record => $"{record.Component} {record.Epoch}"));

    private static bool IsErrorOrEnd(byte[] log, int end)
    {
        try
        {
            _ = DirectoryLog.Replay(log, out LogEnd found);
            return found.Length == end;
        }
        catch (DirectoryLogException)
        {
            return true;
        }
    }

    /// <summary>Where the preamble ends, and each frame.</summary>
    private static List<int> Ends(byte[] log)
    {
        LogEnd end = new(DirectoryLog.PreambleLength, 0, log[DirectoryLog.PreambleLength - 1]);
        List<int> ends = [(int)end.Length];
        while (LogFrame.TryRead(log, ref end, out _))
        {
            ends.Add((int)end.Length);
        }

        return ends;
    }
}
