namespace Net.Core.Snapshots;

/// <summary>A numbered piece of a snapshot.</summary>
/// <param name="Number">What it is: see <see cref="SectionNumber"/>. Even = required, odd = may be skipped by who does not know it.</param>
/// <param name="Key">Which of several of that number, such as a stream ID or a packet number space.</param>
/// <param name="Body">The part's fields.</param>
internal readonly record struct SnapshotSection(ulong Number, ulong Key, ReadOnlyMemory<byte> Body)
{
    public bool IsRequired => Number % 2 == 0;
}
