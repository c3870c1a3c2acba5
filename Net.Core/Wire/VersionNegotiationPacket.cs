using System.Buffers.Binary;

namespace Net.Core.Wire;

/// <summary>A server's answer to a version that it does not speak (RFC 9000, section 17.2.1). It borrows the datagram.</summary>
/// <param name="destination">The source ID of the packet that it answers.</param>
/// <param name="source">The destination ID of the packet that it answers.</param>
/// <param name="versions">Four bytes each.</param>
internal readonly ref struct VersionNegotiationPacket(ConnectionId destination, ConnectionId source, ReadOnlySpan<byte> versions)
{
    private readonly ReadOnlySpan<byte> _versions = versions;

    public ConnectionId Destination { get; } = destination;

    public ConnectionId Source { get; } = source;

    /// <summary>At least one.</summary>
    public int Count => _versions.Length / sizeof(uint);

    public uint this[int index] => BinaryPrimitives.ReadUInt32BigEndian(_versions[(index * sizeof(uint))..]);

    /// <summary>A client that is offered the version it has tried must ignore the packet (section 6.2).</summary>
    public bool Contains(uint version)
    {
        for (int i = 0; i < Count; i++)
        {
            if (this[i] == version)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>False when cut, when it is not such a packet, or names no version.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out VersionNegotiationPacket packet)
    {
        packet = default;
        ByteReader reader = new(datagram);
        if (!reader.TryReadByte(out byte first)
            || (first & 0x80) == 0
            || !reader.TryReadUInt32(out uint version)
            || version != QuicVersion.Negotiation
            || !InvariantHeader.TryReadConnectionId(ref reader, out ConnectionId destination)
            || !InvariantHeader.TryReadConnectionId(ref reader, out ConnectionId source)
            || reader.IsEmpty
            || reader.Remaining % sizeof(uint) != 0)
        {
            return false;
        }

        packet = new(destination, source, reader.Rest);
        return true;
    }

    public static int Length(ConnectionId destination, ConnectionId source, int versions) =>
        1 + sizeof(uint) + 1 + destination.Length + 1 + source.Length + (versions * sizeof(uint));

    /// <param name="writer">With room for <see cref="Length"/>.</param>
    /// <param name="random">Seven bits that mean nothing, so that nobody comes to rely on them; 0x40 is set for those who demultiplex by it.</param>
    /// <param name="destination">The source ID of the packet that is answered.</param>
    /// <param name="source">Its destination ID.</param>
    /// <param name="versions">What we speak.</param>
    public static void Write(
        ref ByteWriter writer, byte random, ConnectionId destination, ConnectionId source, scoped ReadOnlySpan<uint> versions)
    {
        writer.WriteByte((byte)(0xC0 | random));
        writer.WriteUInt32(QuicVersion.Negotiation);
        InvariantHeader.WriteConnectionId(ref writer, destination);
        InvariantHeader.WriteConnectionId(ref writer, source);
        foreach (uint version in versions)
        {
            writer.WriteUInt32(version);
        }
    }
}
