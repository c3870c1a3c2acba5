using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Wire;

namespace Net.Http3.Qpack;

/// <summary>Checks what a peer says on its encoder and decoder streams (RFC 9204, sections 4.3 and 4.4) while neither side has a dynamic table.</summary>
/// <remarks>Of all instructions two remain possible: setting the capacity to 0, and cancelling a stream.</remarks>
internal struct PeerInstructions
{
    private const byte SetCapacityToZero = 0x20;

    // The integer of a Stream Cancellation that was cut: bits collected, and where the next seven belong; shift 0 = not inside one.
    private ulong _value;
    private byte _shift;

    public static Http3Error OnEncoderStream(ReadOnlySpan<byte> bytes) => bytes.ContainsAnyExcept(SetCapacityToZero)
        ? Http3Error.Connection(Http3ErrorCode.QpackEncoderStreamError, "an instruction for a table of no capacity")
        : Http3Error.None;

    public Http3Error OnDecoderStream(ReadOnlySpan<byte> bytes)
    {
        foreach (byte next in bytes)
        {
            if (_shift != 0)
            {
                // Shift 1 stands for 0, so that 0 can mean "between instructions".
                _value += (next & 0x7FUL) << (_shift - 1);
                _shift = next < 0x80 ? (byte)0 : (byte)(_shift + 7);
                if (_value > VarInt.MaxValue || _shift > 57)
                {
                    return Fault("an integer is too large");
                }
            }
            else if ((next & 0xC0) == 0x40)
            {
                // 01iiiiii: Stream Cancellation. Nothing of ours refers to a table, so there is nothing to take back.
                (_value, _shift) = (0x3F, (byte)((next & 0x3F) == 0x3F ? 1 : 0));
            }
            else
            {
                // 1iiiiiii Section Acknowledgment, 00iiiiii Insert Count Increment: we sent nothing that could be meant.
                return Fault("an acknowledgement of something that was never sent");
            }
        }

        return Http3Error.None;
    }

    public readonly void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_shift == 0 ? 0 : _value);
        writer.WriteNumber(_shift);
    }

    /// <exception cref="SnapshotException">A state that no input leads to.</exception>
    public static PeerInstructions Import(SnapshotReader reader)
    {
        PeerInstructions state = new() { _value = reader.ReadNumber(VarInt.MaxValue), _shift = (byte)reader.ReadNumber(57) };
        bool sound = state._shift == 0 ? state._value == 0 : (state._shift - 1) % 7 == 0;
        return sound ? state : throw new SnapshotException("a half-read instruction contradicts itself");
    }

    private static Http3Error Fault(string reason) => Http3Error.Connection(Http3ErrorCode.QpackDecoderStreamError, reason);
}
