namespace Net.Core.Wire;

/// <summary>The short header of 1-RTT packets (RFC 9000, section 17.3.1).</summary>
internal static class ShortHeader
{
    /// <summary>0 in a long header's place; always set in QUIC v1 unless negotiated otherwise.</summary>
    public const byte FixedBit = 0x40;

    public const byte SpinBit = 0x20;

    /// <summary>Zero under the header protection, else PROTOCOL_VIOLATION.</summary>
    public const byte ReservedBits = 0x18;

    public const byte KeyPhaseBit = 0x04;

    /// <summary>Bytes before the packet number.</summary>
    public static int HeaderLength(ConnectionId destination) => 1 + destination.Length;

    /// <summary>The caller sets the packet number length bits (<see cref="PacketNumber.LengthBits"/>), the keys set their phase.</summary>
    public static void Write(ref ByteWriter writer, ConnectionId destination, bool spin)
    {
        writer.WriteByte((byte)(FixedBit | (spin ? SpinBit : 0)));
        writer.WriteBytes(destination.Span);
    }
}
