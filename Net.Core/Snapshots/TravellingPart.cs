namespace Net.Core.Snapshots;

/// <summary>A part on its way into a snapshot, for an exporter that need not know its type.</summary>
/// <param name="Section">See <see cref="SectionNumber"/>.</param>
/// <param name="Key">Which part of that section.</param>
/// <param name="Changes">Its change count.</param>
/// <param name="Export">Writes its fields.</param>
internal readonly record struct TravellingPart(ulong Section, ulong Key, ulong Changes, Action<SnapshotWriter> Export)
{
    public static TravellingPart Of<TPart>(TPart part, ulong key = 0) where TPart : IPart<TPart> =>
        new(TPart.Section, key, part.Changes, part.Export);
}
