using System.Diagnostics.CodeAnalysis;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Hosting;

/// <summary>The checkpoints of one component, at its owner. They travel with it, and end with an owner that ends without a hand-over.</summary>
/// <remarks>
/// Numbers grow and are never used again: the count travels too. An owner that was handed nothing begins in a range of its epoch's own, so that a
/// number which somebody has noted never means another checkpoint.
/// </remarks>
/// <param name="maxCount">One more, and the oldest is forgotten; 0: none is kept.</param>
/// <param name="maxBytes">Of all together; the oldest are forgotten until there is room.</param>
internal sealed class CheckpointStore(int maxCount, long maxBytes)
{
    /// <summary>Bytes of one checkpoint, 16 MiB: it travels as one section of the image, well within what such a section may be.</summary>
    public const long MaxLength = 16L << 20;

    /// <summary>Checkpoints of one component at most: their numbers are told in one message.</summary>
    public const int MostKept = 64;

    /// <summary>Numbers of one owner that was handed nothing.</summary>
    public const ulong NumbersPerEpoch = 1_000_000;

    private readonly List<Checkpoint> _kept = [];

    /// <summary>The number that was given last; 0: none was.</summary>
    public ulong Last { get; private set; }

    public IReadOnlyList<Checkpoint> Kept => _kept;

    public long Bytes => _kept.Sum(checkpoint => checkpoint.Length);

    /// <summary>What the next checkpoint is to be called.</summary>
    public ulong NextNumber(ulong epoch) => ulong.Max(Last, Last == 0 ? (epoch - 1) * NumbersPerEpoch : 0) + 1;

    /// <returns><c>false</c>: it is too large by itself; its number is used up all the same.</returns>
    public bool TryAdd(Checkpoint checkpoint)
    {
        Last = checkpoint.Number;
        if (maxCount == 0 || checkpoint.Length > maxBytes || checkpoint.Length > MaxLength)
        {
            checkpoint.Wipe();
            return false;
        }

        while (_kept.Count >= maxCount || (_kept.Count > 0 && Bytes + checkpoint.Length > maxBytes))
        {
            Remove(0);
        }

        _kept.Add(checkpoint);
        return true;
    }

    /// <param name="number">0: the newest.</param>
    public bool TryGet(ulong number, [NotNullWhen(true)] out Checkpoint? checkpoint)
    {
        checkpoint = number == 0 ? _kept.LastOrDefault() : _kept.Find(kept => kept.Number == number);
        return checkpoint is not null;
    }

    /// <summary>What came after a checkpoint was discarded, and so is what was kept of it.</summary>
    public void ForgetAfter(ulong number)
    {
        while (_kept.Count > 0 && _kept[^1].Number > number)
        {
            Remove(_kept.Count - 1);
        }
    }

    /// <summary>The component is another's.</summary>
    public void Clear()
    {
        ForgetAfter(0);
        Last = 0;
    }

    /// <summary>Writes one down, for a hand-over: nothing when there never was one.</summary>
    /// <param name="index">0: the number given last; then those that are kept, the oldest first.</param>
    /// <returns>False: there is none of that index.</returns>
    public bool TryExport(int index, Action<ulong, SnapshotWriter> write, Instant now)
    {
        if (Last == 0 || index > _kept.Count)
        {
            return false;
        }

        SnapshotWriter writer = new(now);
        if (index == 0)
        {
            writer.WriteNumber(Last);
            write(0, writer);
        }
        else
        {
            _kept[index - 1].Export(writer);
            write(_kept[index - 1].Number, writer);
        }

        writer.Wipe();
        return true;
    }

    /// <summary>Takes over what the former owner had. With smaller limits here, the newest that they permit.</summary>
    /// <exception cref="SnapshotException">Malformed: nothing is kept.</exception>
    public void Import(ImageStore image, Instant now)
    {
        Clear();
        SnapshotSection[] sections = [.. image.Sections(ImageStore.ComponentIndex).Where(section => section.Number == SectionNumber.Checkpoint)];
        if (sections.Length == 0)
        {
            return;
        }

        // In the order of their keys: first the number given last, then the checkpoints, of which no more are read than would be kept.
        SnapshotReader reader = new(sections[0].Body, now);
        ulong last = reader.ReadNumber();
        reader.End();
        if (sections[0].Key != 0 || sections[^1].Key > last)
        {
            throw new SnapshotException("a checkpoint is younger than the last one");
        }

        try
        {
            foreach (SnapshotSection section in sections.Skip(int.Max(1, sections.Length - maxCount)))
            {
                _ = TryAdd(Checkpoint.Import(section.Key, new(section.Body, now)));
            }

            Last = last;
        }
        catch
        {
            Clear();
            throw;
        }
    }

    private void Remove(int index)
    {
        _kept[index].Wipe();
        _kept.RemoveAt(index);
    }
}
