using Net.Migration.Directory;

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

    /// <summary>What is wrong with the disk when room is made.</summary>
    public IOException? Fault { get; set; }

    public bool TryMakeRoom(int bytes)
    {
        Asked.Add(bytes);
        return Fault is null ? bytes <= Room : throw Fault;
    }

    public ReadOnlyMemory<byte> Load() => Bytes.ToArray();

    public void Truncate(long length) => Bytes.RemoveRange((int)length, Bytes.Count - (int)length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (Fails)
        {
            throw new IOException("full");
        }

        Assert.IsTrue(bytes.Length <= Room, "room was made");
        Room -= Room == int.MaxValue ? 0 : bytes.Length;
        Bytes.AddRange(bytes);
    }
}
