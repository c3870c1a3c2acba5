using System.Buffers.Binary;

namespace Net.Core.Wire;

/// <summary>The long header of a packet of QUIC v1 or v2 before its protection is removed (RFC 9000, section 17.2).</summary>
/// <remarks>Offsets count from the packet's first byte. The reserved and packet number length bits are still masked.</remarks>
internal readonly record struct LongHeader
{
    /// <summary>The Length field is always written in two bytes, as it is known last.</summary>
    public const int LengthFieldLength = 2;

    /// <summary>The largest value that fits there.</summary>
    public const int MaxLength = (1 << 14) - 1;

    private const byte FormBit = 0x80;
    private const byte FormAndFixedBits = 0xC0;

    public LongPacketType Type { get; private init; }

    public uint Version { get; private init; }

    public ConnectionId Destination { get; private init; }

    public ConnectionId Source { get; private init; }

    /// <summary>Where the token of an Initial begins.</summary>
    public int TokenOffset { get; private init; }

    /// <summary>Bytes of the token of an Initial; 0 in other types. For Retry see <see cref="RetryPacket"/>.</summary>
    public int TokenLength { get; private init; }

    /// <summary>Where the protected packet number begins; in a Retry, which has none, where its token begins.</summary>
    public int PacketNumberOffset { get; private init; }

    /// <summary>The whole packet, header included; what is coalesced with it follows there. A Retry takes all.</summary>
    public int PacketLength { get; private init; }

    /// <summary>False when cut or of another version: such a packet is dropped, and with it the rest of its datagram.</summary>
    /// <remarks>The fixed bit may be 0: we tell all peers that they may clear it (RFC 9287, section 3).</remarks>
    public static bool TryRead(ReadOnlySpan<byte> packet, out LongHeader header)
    {
        header = default;
        ByteReader reader = new(packet);
        if (!reader.TryReadByte(out byte first)
            || (first & FormBit) == 0
            || !reader.TryReadUInt32(out uint version)
            || !QuicVersion.IsKnown(version)
            || !InvariantHeader.TryReadConnectionId(ref reader, out ConnectionId destination)
            || !InvariantHeader.TryReadConnectionId(ref reader, out ConnectionId source))
        {
            return false;
        }

        LongPacketType type = TypeOf(first, version);
        ReadOnlySpan<byte> token = default;
        if (type == LongPacketType.Initial && !reader.TryReadVarBytes(out token))
        {
            return false;
        }

        int tokenEnd = reader.Position;
        ulong length = (ulong)reader.Remaining;
        if (type != LongPacketType.Retry && (!reader.TryReadVarInt(out length) || length > (ulong)reader.Remaining))
        {
            return false;
        }

        header = new()
        {
            Type = type,
            Version = version,
            Destination = destination,
            Source = source,
            TokenOffset = tokenEnd - token.Length,
            TokenLength = token.Length,
            PacketNumberOffset = reader.Position,
            PacketLength = reader.Position + (int)length,
        };
        return true;
    }

    /// <summary>Bytes before the packet number, as <see cref="Write"/> writes them.</summary>
    public static int HeaderLength(LongPacketType type, ConnectionId destination, ConnectionId source, int tokenLength) =>
        1 + sizeof(uint) + 1 + destination.Length + 1 + source.Length
        + (type == LongPacketType.Initial ? VarInt.Length((ulong)tokenLength) + tokenLength : 0) + LengthFieldLength;

    /// <summary>Writes all up to the packet number, with a Length of 0 for <see cref="PatchLength"/> to fill in.</summary>
    /// <param name="writer">The caller sets the packet number length bits of the byte written first: <see cref="PacketNumber.LengthBits"/>.</param>
    /// <param name="type">Not Retry: see <see cref="RetryPacket"/>.</param>
    /// <param name="version">1 or 2.</param>
    /// <param name="destination">The peer's ID.</param>
    /// <param name="source">Our ID.</param>
    /// <param name="token">Of an Initial; other types have none.</param>
    /// <param name="lengthOffset">Where the Length field stands in the writer's buffer.</param>
    public static void Write(
        ref ByteWriter writer,
        LongPacketType type,
        uint version,
        ConnectionId destination,
        ConnectionId source,
        scoped ReadOnlySpan<byte> token,
        out int lengthOffset)
    {
        WriteStart(ref writer, type, version, destination, source);
        if (type == LongPacketType.Initial)
        {
            writer.WriteVarBytes(token);
        }

        lengthOffset = writer.Position;
        writer.WriteVarInt(0, LengthFieldLength);
    }

    /// <param name="packet">The buffer in which <paramref name="lengthOffset"/> counts.</param>
    /// <param name="lengthOffset">From <see cref="Write"/>.</param>
    /// <param name="length">Bytes of packet number, payload and tag together; at most 16,383.</param>
    public static void PatchLength(Span<byte> packet, int lengthOffset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        BinaryPrimitives.WriteUInt16BigEndian(packet[lengthOffset..], (ushort)(length | 0x4000));
    }

    /// <summary>First byte, version and both IDs.</summary>
    internal static void WriteStart(ref ByteWriter writer, LongPacketType type, uint version, ConnectionId destination, ConnectionId source)
    {
        writer.WriteByte((byte)(FormAndFixedBits | (TypeBits(type, version) << 4)));
        writer.WriteUInt32(version);
        InvariantHeader.WriteConnectionId(ref writer, destination);
        InvariantHeader.WriteConnectionId(ref writer, source);
    }

    // Version 2 rotates the four types by one so that middleboxes do not learn them by heart (RFC 9369, section 3.2).
    private static LongPacketType TypeOf(byte first, uint version) =>
        (LongPacketType)(((first >> 4) + (version == QuicVersion.V2 ? 3 : 0)) & 0x03);

    private static int TypeBits(LongPacketType type, uint version) => ((int)type + (version == QuicVersion.V2 ? 1 : 0)) & 0x03;
}
