using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>A limit that the peer sets to us, and whether it is to be told that the limit holds us up (RFC 9000, section 4).</summary>
/// <remarks>A mutable value.</remarks>
internal struct Allowance
{
    // The limit at which we last were held up, plus one; 0 = never.
    private ulong _blockedAt;

    public ulong Limit { get; private set; }

    /// <summary>A *_BLOCKED frame is to be sent.</summary>
    public bool IsPending { get; private set; }

    /// <summary>False when it is no news: a smaller limit is a frame that was overtaken, not an error, as limits never shrink.</summary>
    public bool Raise(ulong limit)
    {
        if (limit <= Limit)
        {
            return false;
        }

        Limit = limit;
        IsPending = false;
        return true;
    }

    /// <summary>We would send more if we might: the peer hears of it once per limit.</summary>
    public bool OnBlocked()
    {
        if (_blockedAt == Limit + 1)
        {
            return false;
        }

        _blockedAt = Limit + 1;
        IsPending = true;
        return true;
    }

    public void OnTold() => IsPending = false;

    public void OnLost(ulong limit) => IsPending |= limit == Limit && _blockedAt == Limit + 1;

    public readonly void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Limit);
        writer.WriteNumber(_blockedAt);
        writer.WriteBool(IsPending);
    }

    public static Allowance Import(SnapshotReader reader)
    {
        Allowance allowance = new() { Limit = reader.ReadNumber(VarInt.MaxValue) };
        allowance._blockedAt = reader.ReadNumber(allowance.Limit + 1);
        allowance.IsPending = reader.ReadBool();
        return !allowance.IsPending || allowance._blockedAt == allowance.Limit + 1
            ? allowance
            : throw new SnapshotException("held up by a limit that was never reached");
    }
}
