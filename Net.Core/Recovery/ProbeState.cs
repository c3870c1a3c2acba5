using Net.Core.Snapshots;

namespace Net.Core.Recovery;

/// <summary>How often the probe timeout has run out in a row, and what may be sent in spite of the window because of it.</summary>
internal sealed class ProbeState : IPart<ProbeState>
{
    /// <summary>Doubling ends here; the idle timeout is long over.</summary>
    public const int MaxCount = 16;

    public static ulong Section => SectionNumber.LossDetection;

    public ulong Changes { get; private set; }

    /// <summary>pto_count.</summary>
    public int Count { get; private set; }

    /// <summary>Ack-eliciting packets that a probe timeout allows beyond the window, still to be sent.</summary>
    public int Pending { get; private set; }

    /// <summary>A new owner may send one packet beyond the window, to learn at once where it stands.</summary>
    public bool OwnerProbe { get; private set; }

    public bool MayExceedWindow => Pending > 0 || OwnerProbe;

    public void OnTimeout(int probes)
    {
        Count = int.Min(Count + 1, MaxCount);
        Pending = probes;
        Changes++;
    }

    public void OnAckElicitingSent()
    {
        if (MayExceedWindow)
        {
            Pending = int.Max(Pending - 1, 0);
            OwnerProbe = false;
            Changes++;
        }
    }

    public void Reset()
    {
        if (Count + Pending > 0)
        {
            Count = 0;
            Pending = 0;
            Changes++;
        }
    }

    public void OnOwnerChanged()
    {
        Count = 0;
        Pending = 0;
        OwnerProbe = true;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)Count);
        writer.WriteNumber((ulong)Pending);
        writer.WriteBool(OwnerProbe);
    }

    public static ProbeState Import(SnapshotReader reader) => new()
    {
        Count = (int)reader.ReadNumber(MaxCount),
        Pending = (int)reader.ReadNumber(LossRecovery.ProbesPerTimeout),
        OwnerProbe = reader.ReadBool(),
    };
}
