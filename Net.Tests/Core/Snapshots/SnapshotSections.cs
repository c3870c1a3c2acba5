using Net.Core.Snapshots;

namespace Net.Tests.Core.Snapshots;

/// <summary>Sections one after another, each behind its number, key and length: for tests of parts, which need no connection around them.</summary>
internal static class SnapshotSections
{
    public static void WriteSection(this SnapshotWriter writer, ulong number, ulong key, Action<SnapshotWriter> source)
    {
        SnapshotWriter body = new(writer.Now);
        source(body);
        writer.WriteNumber(number);
        writer.WriteNumber(key);
        writer.WriteBytes(body.Written.Span);
    }

    public static SnapshotSection ReadSection(this SnapshotReader reader) => new(reader.ReadNumber(), reader.ReadNumber(), reader.ReadBytes());
}
