using Net.Migration.Directory;
using Net.Tests.Simulation;

namespace Net.Tests.Migration.Directory;

/// <summary>A directory log in memory, which can fail and be damaged.</summary>
internal sealed class MemoryStorage : IDirectoryStorage
{
    public List<byte> Bytes { get; set; } = [];

    public bool Fails { get; set; }

    /// <summary>Bytes that there is room for.</summary>
    public int Room { get; set; } = int.MaxValue;

    /// <summary>Rooms that were asked for.</summary>
    public List<int> Asked { get; } = [];

    /// <summary>Lengths of what was appended: each is a write and a flush.</summary>
    public List<int> Appended { get; } = [];

    /// <summary>What is wrong with the disk when room is made.</summary>
    public IOException? Fault { get; set; }

    /// <summary>In the next append the process ends: by chance, each of its sectors is there or not.</summary>
    public (SimulatedRandom Random, Action End)? Crash { get; set; }

    /// <summary>What happens while the next append is flushed.</summary>
    public Action? Meanwhile { get; set; }

    public bool TryMakeRoom(int bytes)
    {
        Asked.Add(bytes);
        return Fault is null ? bytes <= Room : throw Fault;
    }

    public ReadOnlyMemory<byte> Load() => Bytes.ToArray();

    public void Truncate(long length) => Bytes.RemoveRange((int)length, Bytes.Count - (int)length);

    /// <summary>How often the log was to be written anew.</summary>
    public int Replaced { get; private set; }

    /// <summary>Why the log cannot be written anew: not at all, or nobody knows.</summary>
    public bool? CannotReplace { get; set; }

    public bool TryReplace(ReadOnlySpan<byte> log)
    {
        Replaced++;
        if (CannotReplace is bool isUncertain)
        {
            return isUncertain ? throw new IOException("the directory of the log") : false;
        }

        if (Crash is { } crash)
        {
            Crash = null;
            Bytes = crash.Random.OneIn(2) ? [.. log] : Bytes;
            crash.End();
            throw new IOException("crash");
        }

        Bytes = [.. log];
        return true;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (Crash is { } crash)
        {
            Crash = null;
            int torn = crash.Random.Below(4);
            Bytes = [.. Torn(Bytes.ToArray(), bytes, _ => torn switch { 0 => true, 1 => false, _ => crash.Random.OneIn(2) })];
            crash.End();
            throw new IOException("crash");
        }

        (Action? meanwhile, Meanwhile) = (Meanwhile, null);
        meanwhile?.Invoke();
        if (Fails)
        {
            throw new IOException("full");
        }

        Assert.IsTrue(bytes.Length <= Room, "room was made");
        Room -= Room == int.MaxValue ? 0 : bytes.Length;
        Appended.Add(bytes.Length);
        Bytes.AddRange(bytes);
    }

    /// <summary>How many sectors an append reaches into.</summary>
    public static int Sectors(int length, int appended) => ((length + appended - 1) / LogFrame.Sector) - (length / LogFrame.Sector) + 1;

    /// <summary>What a crash in the middle of an append leaves.</summary>
    /// <param name="isWritten">Whether the sector of that number, the first that is appended to being 0, is as it was to be, and not as it was.</param>
    public static byte[] Torn(ReadOnlySpan<byte> before, ReadOnlySpan<byte> appended, Func<int, bool> isWritten)
    {
        byte[] log = [.. before, .. appended];
        int first = before.Length / LogFrame.Sector;
        for (int sector = first; sector * LogFrame.Sector < log.Length; sector++)
        {
            if (!isWritten(sector - first))
            {
                int start = int.Max(before.Length, sector * LogFrame.Sector);
                log.AsSpan(start, int.Min(log.Length, (sector + 1) * LogFrame.Sector) - start).Clear();
            }
        }

        return log;
    }
}

internal static class DirectoryExtensions
{
    /// <summary>A request that nothing else is asked with.</summary>
    public static void Do(this EmbeddedDirectory directory, OwnershipRequest request, Member by)
    {
        directory.Submit(request, by);
        directory.Commit();
    }
}
