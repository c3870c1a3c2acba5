using System.Runtime.CompilerServices;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Http3.Wire;

/// <summary>Type and length of a frame (RFC 9114, section 7.1), collected byte by byte: it may be cut anywhere, also by a move.</summary>
/// <remarks>Between two frames nothing is held. Inside one, <see cref="Remaining"/> counts the payload down.</remarks>
internal struct FrameHead
{
    /// <summary>Two variable-length integers of 8 bytes.</summary>
    public const int MaxLength = 16;

    private Bytes _bytes;
    private byte _count;

    /// <summary>A whole head was read, and its payload is not at its end yet (a payload of 0 bytes included, until <see cref="Leave"/>).</summary>
    public bool InFrame { get; private set; }

    public Http3FrameType Type { get; private set; }

    /// <summary>Payload bytes that are still to come.</summary>
    public ulong Remaining { get; private set; }

    /// <summary>Neither inside a frame nor inside the head of one: where a stream may end.</summary>
    public readonly bool IsAtBoundary => !InFrame && _count == 0;

    /// <summary>Takes bytes of the head until it is whole.</summary>
    /// <returns>How many bytes of <paramref name="input"/> belong to the head.</returns>
    public int Read(ReadOnlySpan<byte> input)
    {
        int taken = 0;
        while (!InFrame && taken < input.Length)
        {
            _bytes[_count++] = input[taken++];
            ByteReader reader = new(((ReadOnlySpan<byte>)_bytes)[.._count]);
            if (reader.TryReadVarInt(out ulong type) && reader.TryReadVarInt(out ulong length))
            {
                (Type, Remaining, InFrame, _count) = ((Http3FrameType)type, length, true, 0);
            }
        }

        return taken;
    }

    /// <summary>Counts payload bytes that were taken off the stream.</summary>
    public void Take(int count) => Remaining -= (ulong)count;

    /// <summary>The payload is dealt with: the next byte begins another frame.</summary>
    public void Leave() => (InFrame, Type, Remaining) = (false, default, 0);

    public readonly void Export(SnapshotWriter writer)
    {
        writer.WriteBytes(((ReadOnlySpan<byte>)_bytes)[.._count]);
        writer.WriteBool(InFrame);
        writer.WriteNumber((ulong)Type);
        writer.WriteNumber(Remaining);
    }

    /// <exception cref="SnapshotException">A head that is whole, or a payload outside of a frame.</exception>
    public static FrameHead Import(SnapshotReader reader)
    {
        ReadOnlySpan<byte> partial = reader.ReadBytes().Span;
        FrameHead head = new();
        bool sound = partial.Length < MaxLength && head.Read(partial) == partial.Length && !head.InFrame;
        head.InFrame = reader.ReadBool();
        head.Type = (Http3FrameType)reader.ReadNumber(VarInt.MaxValue);
        head.Remaining = reader.ReadNumber(VarInt.MaxValue);
        sound &= head.InFrame ? head._count == 0 : head.Type == default && head.Remaining == 0;
        return sound ? head : throw new SnapshotException("a frame's head contradicts itself");
    }

    [InlineArray(MaxLength)]
    private struct Bytes
    {
        private byte _first;
    }
}
