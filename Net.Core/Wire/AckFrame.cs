namespace Net.Core.Wire;

/// <summary>ACK: which packets of a number space were received (RFC 9000, section 19.3). It borrows the datagram.</summary>
/// <remarks>That a number was never sent is for the sent packets to find: a first range of 2^62-1 parses (checklist S2).</remarks>
internal readonly ref struct AckFrame : IFrame<AckFrame>
{
    private AckFrame(ulong largest, ulong delay, AckRanges ranges, bool hasEcn, EcnCounts ecn)
    {
        Largest = largest;
        Delay = delay;
        Ranges = ranges;
        HasEcn = hasEcn;
        Ecn = ecn;
    }

    /// <summary>The largest number acknowledged.</summary>
    public ulong Largest { get; }

    /// <summary>As on the wire: microseconds divided by 2^ack_delay_exponent of the sender.</summary>
    public ulong Delay { get; }

    public AckRanges Ranges { get; }

    public bool HasEcn { get; }

    public EcnCounts Ecn { get; }

    public ulong Ect0 => Ecn.Ect0;

    public ulong Ect1 => Ecn.Ect1;

    public ulong Ce => Ecn.Ce;

    public int Length => 1 + VarInt.Length(Largest) + VarInt.Length(Delay) + VarInt.Length((ulong)Ranges.Count - 1)
        + VarInt.Length(Ranges.First) + Ranges.Encoded.Length + (HasEcn ? EcnLength(Ecn) : 0);

    /// <summary>False when cut, when a range falls below 0, or when more ranges are announced than can follow.</summary>
    public static bool TryRead(FrameType type, scoped ref ByteReader reader, out AckFrame frame)
    {
        frame = default;
        ulong ect0 = 0, ect1 = 0, ce = 0;
        bool hasEcn = type == FrameType.AckEcn;
        if (!reader.TryReadVarInt(out ulong largest)
            || !reader.TryReadVarInt(out ulong delay)
            || !AckRanges.TryRead(largest, ref reader, out AckRanges ranges)
            || (hasEcn && !(reader.TryReadVarInt(out ect0) && reader.TryReadVarInt(out ect1) && reader.TryReadVarInt(out ce))))
        {
            return false;
        }

        frame = new(largest, delay, ranges, hasEcn, new(ect0, ect1, ce));
        return true;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)(HasEcn ? FrameType.AckEcn : FrameType.Ack));
        writer.WriteVarInt(Largest);
        writer.WriteVarInt(Delay);
        writer.WriteVarInt((ulong)Ranges.Count - 1);
        writer.WriteVarInt(Ranges.First);
        writer.WriteBytes(Ranges.Encoded);
        WriteEcn(ref writer, HasEcn ? Ecn : null);
    }

    /// <summary>Writes a frame of as many ranges as fit in <paramref name="room"/> bytes, the newest first.</summary>
    /// <param name="writer">With at least <paramref name="room"/> bytes free.</param>
    /// <param name="ranges">Largest numbers first, with at least one number missing between two of them.</param>
    /// <param name="delay">As on the wire.</param>
    /// <param name="ecn">Counts to report, or none.</param>
    /// <param name="room">Bytes that the frame may take.</param>
    /// <returns>How many ranges were written; 0, and nothing written, when not even one fits.</returns>
    public static int Write(ref ByteWriter writer, scoped ReadOnlySpan<AckRange> ranges, ulong delay, EcnCounts? ecn, int room)
    {
        int count = Fitting(ranges, delay, ecn, room);
        if (count == 0)
        {
            return 0;
        }

        writer.WriteByte((byte)(ecn is null ? FrameType.Ack : FrameType.AckEcn));
        writer.WriteVarInt(ranges[0].Largest);
        writer.WriteVarInt(delay);
        writer.WriteVarInt((ulong)count - 1);
        writer.WriteVarInt(ranges[0].Largest - ranges[0].Smallest);
        for (int i = 1; i < count; i++)
        {
            writer.WriteVarInt(ranges[i - 1].Smallest - ranges[i].Largest - 2);
            writer.WriteVarInt(ranges[i].Largest - ranges[i].Smallest);
        }

        WriteEcn(ref writer, ecn);
        return count;
    }

    private static int Fitting(scoped ReadOnlySpan<AckRange> ranges, ulong delay, EcnCounts? ecn, int room)
    {
        if (ranges.IsEmpty)
        {
            return 0;
        }

        // The count field is taken at the length that all ranges would need, so that it never grows beyond what was reckoned.
        int used = 1 + VarInt.Length(ranges[0].Largest) + VarInt.Length(delay) + VarInt.Length((ulong)ranges.Length - 1)
            + VarInt.Length(ranges[0].Largest - ranges[0].Smallest) + (ecn is EcnCounts counts ? EcnLength(counts) : 0);
        if (used > room)
        {
            return 0;
        }

        int count = 1;
        for (; count < ranges.Length; count++)
        {
            used += VarInt.Length(ranges[count - 1].Smallest - ranges[count].Largest - 2)
                + VarInt.Length(ranges[count].Largest - ranges[count].Smallest);
            if (used > room)
            {
                break;
            }
        }

        return count;
    }

    private static int EcnLength(EcnCounts ecn) => VarInt.Length(ecn.Ect0) + VarInt.Length(ecn.Ect1) + VarInt.Length(ecn.Ce);

    private static void WriteEcn(ref ByteWriter writer, EcnCounts? ecn)
    {
        if (ecn is EcnCounts counts)
        {
            writer.WriteVarInt(counts.Ect0);
            writer.WriteVarInt(counts.Ect1);
            writer.WriteVarInt(counts.Ce);
        }
    }
}
