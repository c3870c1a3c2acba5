using Net.Migration.Directory;

namespace Net.Tests.Migration.Directory;

/// <summary>A directory log in memory, which can fail and be damaged.</summary>
internal sealed class MemoryStorage : IDirectoryStorage
{
    public List<byte> Bytes { get; set; } = [];

    public bool Fails { get; set; }

    public ReadOnlyMemory<byte> Load() => Bytes.ToArray();

    public void Truncate(long length) => Bytes.RemoveRange((int)length, Bytes.Count - (int)length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (Fails)
        {
            throw new IOException("full");
        }

        Bytes.AddRange(bytes);
    }
}
