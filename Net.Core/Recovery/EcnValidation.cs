using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>Whether the peer's counts of ECN marks in one space can be believed (RFC 9000, section 13.4.2).</summary>
/// <remarks>
/// A peer or a path that miscounts loses ECN, not the connection (checklist S8). Until a marked packet was acknowledged with counts that can
/// be believed, only a few are marked: a path that drops them all would look like no path (appendix A.4).
/// Invariant: while it is usable, the peer's counts of a mark do not exceed what was sent with it.
/// </remarks>
internal sealed class EcnValidation : IPart<EcnValidation>
{
    /// <summary>Packets that are marked before the first of them was acknowledged.</summary>
    public const int MaxUnproven = 10;

    private ulong _sentEct0;
    private ulong _sentEct1;
    private EcnCounts _counts;
    private int _unproven;
    private bool _isProven;

    public static ulong Section => SectionNumber.LossDetection;

    public ulong Changes { get; private set; }

    /// <summary>No lie was found so far: packets may be marked.</summary>
    public bool IsUsable { get; private set; } = true;

    /// <summary>The next packet may be marked.</summary>
    public bool MayMark => IsUsable && (_isProven || _unproven < MaxUnproven);

    public void OnSent(Ecn ecn)
    {
        if (ecn != Ecn.NotEct)
        {
            _unproven += _isProven ? 0 : 1;
            _sentEct0 += ecn == Ecn.Ect0 ? 1UL : 0UL;
            _sentEct1 += ecn == Ecn.Ect1 ? 1UL : 0UL;
            Changes++;
        }
    }

    /// <summary>Learns from an ACK that raised the largest number acknowledged; others may be reordered, and say nothing.</summary>
    /// <param name="hasCounts">The ACK had ECN counts.</param>
    /// <param name="counts">Totals since the connection began.</param>
    /// <param name="ackedEct0">Packets that it acknowledged for the first time and that were sent as ECT(0).</param>
    /// <param name="ackedEct1">The same for ECT(1).</param>
    /// <returns>More packets were marked CE than before: a congestion event.</returns>
    public bool OnAck(bool hasCounts, EcnCounts counts, ulong ackedEct0, ulong ackedEct1)
    {
        if (!IsUsable || (!hasCounts && ackedEct0 + ackedEct1 == 0))
        {
            return false;
        }

        // Every marked packet must be counted, as what it was or as CE; nothing is counted that was not sent; counts never fall.
        EcnCounts before = _counts;
        bool believable = hasCounts
            && counts.Ect0 >= before.Ect0 && counts.Ect1 >= before.Ect1 && counts.Ce >= before.Ce
            && counts.Ect0 - before.Ect0 + (counts.Ce - before.Ce) >= ackedEct0
            && counts.Ect1 - before.Ect1 + (counts.Ce - before.Ce) >= ackedEct1
            && counts.Ect0 <= _sentEct0 && counts.Ect1 <= _sentEct1
            && counts.Ect0 + counts.Ect1 + counts.Ce <= _sentEct0 + _sentEct1;
        Changes++;
        IsUsable = believable;
        if (!believable)
        {
            return false;
        }

        _counts = counts;
        _isProven |= ackedEct0 + ackedEct1 > 0;
        return counts.Ce > before.Ce;
    }

    /// <summary>Another path may treat marks otherwise: it gets its own chance.</summary>
    public void OnPathChanged()
    {
        IsUsable = true;
        _isProven = false;
        _unproven = 0;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_sentEct0);
        writer.WriteNumber(_sentEct1);
        writer.WriteNumber(_counts.Ect0);
        writer.WriteNumber(_counts.Ect1);
        writer.WriteNumber(_counts.Ce);
        writer.WriteBool(IsUsable);
        writer.WriteNumber((ulong)_unproven);
        writer.WriteBool(_isProven);
    }

    public static EcnValidation Import(SnapshotReader reader)
    {
        EcnValidation ecn = new()
        {
            _sentEct0 = reader.ReadNumber(VarInt.MaxValue),
            _sentEct1 = reader.ReadNumber(VarInt.MaxValue),
            _counts = new(reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue)),
            IsUsable = reader.ReadBool(),
            _unproven = (int)reader.ReadNumber(int.MaxValue / 2),
            _isProven = reader.ReadBool(),
        };
        bool sound = ecn._counts.Ect0 <= ecn._sentEct0
            && ecn._counts.Ect1 <= ecn._sentEct1
            && ecn._counts.Ect0 + ecn._counts.Ect1 + ecn._counts.Ce <= ecn._sentEct0 + ecn._sentEct1;
        return sound ? ecn : throw new SnapshotException("ECN counts contradict each other");
    }
}
