using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Tests.Migration.Directory;

namespace Net.Tests.Migration.Hosting;

/// <summary>The directory's log on a disk that is full, at any moment of its making room, and over a restart.</summary>
[TestClass]
public sealed class FullDiskTests
{
    private const int Room = 16 * 1024;
    private static readonly Member A = new("a", 1);

    private readonly string _directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "state");

    private string LogPath => Path.Combine(_directory, "directory.log");

    [TestCleanup]
    public void Clean() => System.IO.Directory.Delete(Path.GetDirectoryName(_directory)!, recursive: true);

    /// <summary>Goal: room counts only once it is flushed: as long as flushes fail there is none, however long the file has become.</summary>
    [TestMethod]
    public void What_could_not_be_flushed_is_no_room()
    {
        Disk disk = new() { FlushFails = true };
        using FileDirectoryStorage storage = new(LogPath, disk.Grow);
        storage.Append([1, 2, 3]);
        Assert.IsFalse(storage.TryMakeRoom(Room));
        Assert.IsFalse(storage.TryMakeRoom(Room));
        Assert.AreEqual(3, new FileInfo(LogPath).Length);
        disk.FlushFails = false;
        Assert.IsTrue(storage.TryMakeRoom(Room));
        CollectionAssert.AreEqual((byte[])[1, 2, 3], storage.Load().ToArray()[..3]);
    }

    /// <summary>Goal: what is asked for is found where there is no more than that, and is used to the last byte; what was found stays when more is not.</summary>
    [TestMethod]
    public void The_last_bytes_of_a_disk_are_room()
    {
        Disk disk = new() { Size = 3 + Room };
        using FileDirectoryStorage storage = new(LogPath, disk.Grow);
        storage.Append([1, 2, 3]);
        Assert.IsTrue(storage.TryMakeRoom(Room));
        Assert.IsFalse(storage.TryMakeRoom(Room + 1));
        Assert.IsTrue(storage.TryMakeRoom(Room));
        Assert.AreEqual(3 + Room, new FileInfo(LogPath).Length);
        storage.Append(new byte[Room]);
        Assert.IsFalse(storage.TryMakeRoom(1));
        disk.Size++;
        Assert.IsTrue(storage.TryMakeRoom(1));
    }

    /// <summary>Goal: only a full disk is called full.</summary>
    [TestMethod]
    public void A_disk_that_fails_otherwise_is_not_full()
    {
        using FileDirectoryStorage storage = new(LogPath, static (_, _) => throw new IOException("broken"));
        Assert.AreEqual("broken", Assert.ThrowsExactly<IOException>(() => storage.TryMakeRoom(1)).Message);
    }

    /// <summary>Goal: a restart on a full disk has the room that the ingress before had made, so a move that stands in its middle can still end.</summary>
    [TestMethod]
    public void A_restart_keeps_its_room()
    {
        Disk disk = new();
        using (FileDirectoryStorage storage = new(LogPath, disk.Grow))
        {
            new EmbeddedDirectory(storage).Do(new CreateOwnership(1, "web", A), A);
        }

        disk.Size = 0;
        using FileDirectoryStorage again = new(LogPath, disk.Grow);
        EmbeddedDirectory directory = new(again);
        Assert.IsNull(directory.Trouble);
        directory.Do(new AbortOwnership(2, "web", A, 1), A);
        Assert.IsTrue(directory.TryTakeAnswer(out OwnershipAnswer? answer));
        Assert.AreEqual((OwnershipOutcome.Done, 2ul), (answer.Outcome, answer.Record!.Epoch));
    }

    /// <summary>Goal: where a file system needs room even to overwrite, a start gives up what was made ready, not its records.</summary>
    [TestMethod]
    public void A_disk_that_overwrites_nothing_is_started_on()
    {
        using (FileDirectoryStorage storage = new(LogPath))
        {
            new EmbeddedDirectory(storage).Do(new CreateOwnership(1, "web", A), A);
        }

        Disk disk = new() { FlushFails = true };
        using FileDirectoryStorage again = new(LogPath, disk.Grow);
        EmbeddedDirectory directory = new(again);
        Assert.AreEqual(1ul, directory.Records.Single().Epoch);
        Assert.Contains("full", directory.Trouble!);
        Assert.IsLessThan(1000, new FileInfo(LogPath).Length);
        disk.FlushFails = false;
        Assert.IsTrue(directory.TryRecover());
    }

    /// <summary>
    /// Goal: wherever a crash ends the cutting off of what another crash had left of an append, over the ends of sectors, the next start reads all before it. In version 1
    /// that is the beginning of a record; else any sectors of a frame, here all but its first.
    /// </summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void A_torn_append_is_cut_off_from_its_end(int version)
    {
        Ownership ownership = new();
        _ = ownership.Decide(new CreateOwnership(1, "web", A), A, out OwnershipRecord? web);
        LogEnd end = new(DirectoryLog.PreambleLength, 0, (ushort)version);
        List<byte> records = [.. DirectoryLog.Preamble(out _)[..^1], (byte)version, .. LogFrame.Write(DirectoryLog.Write(web!), ref end)];
        // The next frame is to reach into a second sector, in version 1 with its header.
        int perRecord = records.Count - DirectoryLog.PreambleLength - "web".Length, count = 1;
        for (int left; (left = (1024 - (version == 1 ? 10 : 30) - (records.Count % 512)) % 512) != 0;)
        {
            int name = left - perRecord is > 9 and < 50 ? left - perRecord : 20 + (count % 7);
            records.AddRange(LogFrame.Write(Next(name), ref end));
            Assert.IsLessThan(100, count);
        }

        byte[] Next(int name) => DirectoryLog.Write(web! with { Component = $"c{count}".PadRight(name, 'x'), Shard = web.Shard + (uint)count++ });
        int sound = count;
        byte[] last = version == 1 ? LogFrame.Write(Next(20), ref end) : DirectoryLog.Encode([.. Enumerable.Range(0, 12).Select(_ => Next(20))], ref end);
        last[^1] ^= 1;
        byte[] torn = MemoryStorage.Torn(records.ToArray(), last, sector => version == 1 || sector > 0);
        byte[] log = [.. torn, .. new byte[70_000]];
        bool hasStarted = false;
        for (int left = 0; !hasStarted; left++)
        {
            StateFiles.CreateDirectory(_directory);
            File.WriteAllBytes(LogPath, log);
            Disk disk = new() { CrashesAfter = left };
            using (FileDirectoryStorage storage = new(LogPath, disk.Grow))
            {
                try
                {
                    _ = new EmbeddedDirectory(storage);
                    hasStarted = true;
                    Assert.IsGreaterThan(2, left, "its sectors go one by one");
                }
                catch (IOException e) when (e.Message == "crash")
                {
                }
            }

            using FileDirectoryStorage again = new(LogPath);
            Assert.HasCount(sound, new EmbeddedDirectory(again).Records, $"after {left} writes");
        }
    }

    /// <summary>What is under the file.</summary>
    private sealed class Disk
    {
        /// <summary>Bytes that it has, for the file; what the file has already stays its own.</summary>
        public long Size { get; set; } = int.MaxValue;

        /// <summary>There is room for nothing, which is seen only by a flush.</summary>
        public bool FlushFails { get; set; }

        /// <summary>Writes until the process ends.</summary>
        public int CrashesAfter { get; set; } = int.MaxValue;

        public void Grow(FileStream file, int zeros)
        {
            if (CrashesAfter-- <= 0)
            {
                throw new IOException("crash");
            }

            int written = (int)long.Min(zeros, long.Max(file.Length, Size) - file.Position);
            file.Write(new byte[written]);
            if (written < zeros || FlushFails)
            {
                Fill();
            }
        }

        /// <summary>As the system says it.</summary>
        private static void Fill()
        {
            if (File.Exists("/dev/full"))
            {
                using FileStream full = new("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
                full.Write([0]);
            }

            throw new IOException("full", OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28);
        }
    }
}
