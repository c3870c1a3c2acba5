using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Http3.Qpack;

internal enum DecoderInstruction
{
    /// <summary>00iiiiii: so many more insertions were received (RFC 9204, section 4.4.3).</summary>
    InsertCountIncrement,

    /// <summary>01iiiiii: nothing of this stream will be decoded any more (section 4.4.2).</summary>
    StreamCancellation,

    /// <summary>1iiiiiii: the oldest section of this stream was decoded (section 4.4.1).</summary>
    SectionAcknowledgment,
}

internal enum InstructionRead
{
    /// <summary>All input was taken, and more is needed.</summary>
    More,

    /// <summary>An instruction is complete.</summary>
    Done,

    /// <summary>Its integer is above 2^62-1.</summary>
    Malformed,
}

/// <summary>Reads a decoder stream (RFC 9204, section 4.4): each instruction is one integer, which may be cut anywhere.</summary>
internal struct DecoderInstructions
{
    private DecoderInstruction _kind;
    // The integer so far, and where the next seven bits belong plus 1; 0 = between two instructions.
    private ulong _value;
    private byte _shift;

    /// <summary>Reads on, and takes what it has read off <paramref name="input"/>.</summary>
    public InstructionRead Read(ref ReadOnlySpan<byte> input, out DecoderInstruction kind, out ulong value)
    {
        (kind, value) = (_kind, 0);
        while (!input.IsEmpty)
        {
            byte next = input[0];
            input = input[1..];
            bool isLast;
            if (_shift == 0)
            {
                _kind = next >= 0x80 ? DecoderInstruction.SectionAcknowledgment : (DecoderInstruction)(next >> 6);
                uint mask = next >= 0x80 ? 0x7Fu : 0x3F;
                _value = next & mask;
                isLast = _value != mask;
                _shift = 1;
            }
            else
            {
                _value += (next & 0x7FUL) << (_shift - 1);
                isLast = next < 0x80;
                _shift += 7;
            }

            if (_value > VarInt.MaxValue || (!isLast && _shift > 57))
            {
                return InstructionRead.Malformed;
            }

            if (isLast)
            {
                (kind, value, _value, _shift) = (_kind, _value, 0, 0);
                _kind = default;
                return InstructionRead.Done;
            }
        }

        return InstructionRead.More;
    }

    public static void Write(ByteBacklog backlog, DecoderInstruction kind, ulong value)
    {
        ByteWriter writer = new(stackalloc byte[11]);
        PrefixedInteger.Write(ref writer, (byte)((int)kind << 6), kind == DecoderInstruction.SectionAcknowledgment ? 7 : 6, value);
        backlog.Append(writer.Written);
    }

    public readonly void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_shift);
        if (_shift != 0)
        {
            writer.WriteNumber((ulong)_kind);
            writer.WriteNumber(_value);
        }
    }

    /// <exception cref="SnapshotException">A state that no input leads to.</exception>
    public static DecoderInstructions Import(SnapshotReader reader)
    {
        DecoderInstructions state = new() { _shift = (byte)reader.ReadNumber(57) };
        if (state._shift != 0)
        {
            state._kind = (DecoderInstruction)reader.ReadNumber((ulong)DecoderInstruction.SectionAcknowledgment);
            state._value = reader.ReadNumber(VarInt.MaxValue);
        }

        bool sound = state._shift == 0 || (state._shift - 1) % 7 == 0;
        return sound ? state : throw new SnapshotException("a half-read instruction contradicts itself");
    }
}
