using Net.Core.Snapshots;

namespace Net.Core.Streams;

/// <summary>A part as an exporter sees it: where it goes, whether it has changed, and how it is written.</summary>
/// <param name="Section">A number of <see cref="SectionNumber"/>.</param>
/// <param name="Key">Which of several of that number: the stream ID, or 0.</param>
/// <param name="Changes">Grows with every change, from 1: who remembers it per (Section, Key) can skip what has not changed since.</param>
/// <param name="Export">Writes the section's body.</param>
internal readonly record struct StreamPart(ulong Section, ulong Key, ulong Changes, Action<SnapshotWriter> Export);
