using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Migration.Directory;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class FileDirectoryStorageTests
{
    private static readonly Member A = new("a", 1);

    private readonly string _directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "state");

    private string LogPath => Path.Combine(_directory, "directory.log");

    [TestCleanup]
    public void Clean() => System.IO.Directory.Delete(Path.GetDirectoryName(_directory)!, recursive: true);

    /// <summary>Goal: what was answered is there when the file is opened again, and what a crash left half written is cut off.</summary>
    [TestMethod]
    public void Records_survive_and_a_torn_tail_does_not()
    {
        using (FileDirectoryStorage storage = new(LogPath))
        {
            EmbeddedDirectory directory = new(storage);
            directory.Do(new CreateOwnership(1, "web", A), A);
            directory.Do(new AbortOwnership(2, "web", A, 1), A);
        }

        byte[] whole = File.ReadAllBytes(LogPath);
        using (FileDirectoryStorage storage = new(LogPath))
        {
            _ = new EmbeddedDirectory(storage);
        }

        CollectionAssert.AreEqual(whole, File.ReadAllBytes(LogPath), "a restart changes nothing, and what was made ready for later appends stays");
        byte[] torn = [.. whole];
        _ = DirectoryLog.Replay(whole, out LogEnd end);
        torn[end.Length + 4] = 7;
        File.WriteAllBytes(LogPath, [.. torn, 0, 0, 0]);
        using (FileDirectoryStorage storage = new(LogPath))
        {
            Assert.AreEqual(2ul, new EmbeddedDirectory(storage).Records.Single().Epoch);
        }

        CollectionAssert.AreEqual((byte[])[.. whole, 0, 0, 0], File.ReadAllBytes(LogPath), "what is no record is zeros");
        using (FileDirectoryStorage storage = new(LogPath))
        {
            EmbeddedDirectory directory = new(storage);
            directory.Do(new AbortOwnership(3, "web", A, 2), A);
        }

        using (FileDirectoryStorage storage = new(LogPath))
        {
            Assert.AreEqual(3ul, new EmbeddedDirectory(storage).Records.Single().Epoch);
        }
    }

    /// <summary>Goal: appends lie one behind the other, within what was made ready, over its end, and when they are longer than that.</summary>
    [TestMethod]
    public void Appends_do_not_depend_on_what_was_made_ready()
    {
        byte[] all = [.. Enumerable.Range(0, 250_000).Select(i => (byte)(1 + (i % 251)))];
        using FileDirectoryStorage storage = new(LogPath);
        int at = 0;
        foreach (int length in (ReadOnlySpan<int>)[16, 100, 65_000, 64_000, 1000, 119_884])
        {
            storage.Append(all.AsSpan(at, length));
            at += length;
        }

        ReadOnlyMemory<byte> log = storage.Load();
        Assert.AreEqual(all.Length, at);
        Assert.IsTrue(log.Span[..at].SequenceEqual(all));
        Assert.IsFalse(log.Span[at..].ContainsAnyExcept((byte)0));
    }

    /// <summary>Goal: room that was made is zeros behind what was appended, and no record; the next start has it still, and appends use it up before there is more.</summary>
    [TestMethod]
    public void Room_is_no_record()
    {
        long length;
        using (FileDirectoryStorage storage = new(LogPath))
        {
            EmbeddedDirectory directory = new(storage);
            directory.Do(new CreateOwnership(1, "web", A), A);
            length = new FileInfo(LogPath).Length;
            Assert.IsGreaterThan(64 * 1024, length);
            Assert.IsTrue(directory.TryRecover());
            directory.Do(new AbortOwnership(2, "web", A, 1), A);
            Assert.AreEqual(length, new FileInfo(LogPath).Length);
        }

        using FileDirectoryStorage again = new(LogPath);
        Assert.AreEqual(2ul, new EmbeddedDirectory(again).Records.Single().Epoch);
        Assert.AreEqual(length, new FileInfo(LogPath).Length);
        Assert.IsTrue(again.TryMakeRoom(1));
        Assert.IsGreaterThan(64 * 1024, new FileInfo(LogPath).Length);
    }

    /// <summary>Goal: nobody else on the machine reads or enters, and no second process writes.</summary>
    [TestMethod]
    public void The_log_is_private_and_locked()
    {
        using FileDirectoryStorage storage = new(LogPath);
        if (!OperatingSystem.IsWindows())
        {
            Assert.AreEqual("600", Convert.ToString((int)File.GetUnixFileMode(LogPath), 8));
            Assert.AreEqual("700", Convert.ToString((int)File.GetUnixFileMode(_directory), 8));
        }

        IOException e = Assert.ThrowsExactly<IOException>(() => new FileDirectoryStorage(LogPath).Dispose());
        Assert.Contains("in use", e.Message);
    }

    /// <summary>Goal: a log that was written anew has the name, the lock, the mode and room; what an earlier attempt left behind is nobody's, and a full disk changes nothing.</summary>
    [TestMethod]
    public void A_log_is_replaced_as_a_whole_or_not_at_all()
    {
        bool isFull = false;
        int grown = 0;
        using (FileDirectoryStorage storage = new(LogPath, (file, zeros) =>
        {
            if (isFull)
            {
                throw new IOException("no space", 28);
            }

            file.Write(new byte[zeros]);
            grown += zeros;
        }))
        {
            EmbeddedDirectory directory = new(storage);
            directory.Do(new CreateOwnership(1, "web", A), A);
            for (ulong epoch = 1; epoch < 20; epoch++)
            {
                directory.Do(new AbortOwnership(2, "web", A, epoch), A);
            }

            File.WriteAllText(LogPath + ".new", "half of an earlier one");
            isFull = true;
            Assert.IsFalse(storage.TryReplace(DirectoryLog.Rewrite(directory.Records, out _)));
            Assert.IsFalse(File.Exists(LogPath + ".new"));
            directory.Do(new AbortOwnership(3, "web", A, 20), A);
        }

        using (FileDirectoryStorage storage = new(LogPath))
        {
            Assert.AreEqual(21ul, new EmbeddedDirectory(storage, shortLog: 1).Records.Single().Epoch);
            Assert.IsFalse(File.Exists(LogPath + ".new"));
            if (!OperatingSystem.IsWindows())
            {
                Assert.AreEqual("600", Convert.ToString((int)File.GetUnixFileMode(LogPath), 8));
            }

            _ = Assert.ThrowsExactly<IOException>(() => new FileDirectoryStorage(LogPath).Dispose());
        }

        byte[] log = File.ReadAllBytes(LogPath);
        Assert.IsTrue(log.AsSpan().StartsWith(DirectoryLog.Preamble(out _)));
        Assert.IsFalse(log.AsSpan(200).ContainsAnyExcept((byte)0), "short, with room behind");
        using FileDirectoryStorage again = new(LogPath);
        EmbeddedDirectory after = new(again);
        after.Do(new AbortOwnership(4, "web", A, 21), A);
        Assert.AreEqual(22ul, after.Records.Single().Epoch);
    }

    /// <summary>Goal: damage in the middle is an error, and the file stays as it was for whoever repairs it.</summary>
    [TestMethod]
    public void A_damaged_log_is_an_error()
    {
        using (FileDirectoryStorage storage = new(LogPath))
        {
            EmbeddedDirectory directory = new(storage);
            directory.Do(new CreateOwnership(1, "web", A), A);
            directory.Do(new AbortOwnership(2, "web", A, 1), A);
        }

        byte[] bytes = File.ReadAllBytes(LogPath);
        bytes[DirectoryLog.PreambleLength + 20] ^= 1;
        File.WriteAllBytes(LogPath, bytes);
        using (FileDirectoryStorage storage = new(LogPath))
        {
            _ = Assert.ThrowsExactly<DirectoryLogException>(() => new EmbeddedDirectory(storage));
        }

        CollectionAssert.AreEqual(bytes, File.ReadAllBytes(LogPath));
    }

    /// <summary>Goal: the same keys after a restart, in a private file; a flipped bit or a cut is an error and never new keys.</summary>
    [TestMethod]
    public void Keys_are_made_once()
    {
        StateFiles.CreateDirectory(_directory);
        string path = Path.Combine(_directory, "federation-keys");
        FederationKeys keys = IngressKeys.LoadOrCreate(path);
        Assert.AreEqual(keys, IngressKeys.LoadOrCreate(path));
        if (!OperatingSystem.IsWindows())
        {
            Assert.AreEqual("600", Convert.ToString((int)File.GetUnixFileMode(path), 8));
        }

        byte[] bytes = File.ReadAllBytes(path);
        for (int i = 0; i < bytes.Length; i++)
        {
            byte[] damaged = [.. bytes];
            damaged[i] ^= 0x10;
            File.WriteAllBytes(path, damaged);
            _ = Assert.ThrowsExactly<DirectoryLogException>(() => IngressKeys.LoadOrCreate(path));
            File.WriteAllBytes(path, bytes.AsSpan(0, i).ToArray());
            _ = Assert.ThrowsExactly<DirectoryLogException>(() => IngressKeys.LoadOrCreate(path));
        }

        File.WriteAllBytes(path, new byte[5000]);
        _ = Assert.ThrowsExactly<DirectoryLogException>(() => IngressKeys.LoadOrCreate(path));
    }
}
