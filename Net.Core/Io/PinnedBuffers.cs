namespace Net.Core.Io;

/// <summary>The large buffers of shards that have ended, for those that begin.</summary>
/// <remarks>
/// System calls read and write them all the time, so they are pinned; and pinned arrays are collected with the oldest generation alone, and bring its collection
/// about. A component that moves begins a shard and ends another, with half a megabyte each. Whoever returns one has overwritten what must not be read there.
/// </remarks>
internal static class PinnedBuffers
{
    /// <summary>Kept at most: a node where more shards than that end at once is closing.</summary>
    public const int MaxKept = 8;

    private static readonly Lock s_gate = new();
    private static readonly List<byte[]> s_kept = new(MaxKept);

    /// <summary>Thread-safe.</summary>
    /// <param name="length">Exactly so many bytes, of any content.</param>
    public static byte[] Rent(int length)
    {
        lock (s_gate)
        {
            int index = s_kept.FindLastIndex(buffer => buffer.Length == length);
            if (index >= 0)
            {
                byte[] buffer = s_kept[index];
                s_kept.RemoveAt(index);
                return buffer;
            }
        }

        return GC.AllocateUninitializedArray<byte>(length, pinned: true);
    }

    /// <summary>Thread-safe. No system call and nobody else may use it from now on.</summary>
    public static void Return(byte[] buffer)
    {
        lock (s_gate)
        {
            if (s_kept.Count == MaxKept)
            {
                // The eldest: what was in use last is in use again soonest.
                s_kept.RemoveAt(0);
            }

            s_kept.Add(buffer);
        }
    }
}
