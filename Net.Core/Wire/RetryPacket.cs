namespace Net.Core.Wire;

/// <summary>A server's demand to come again with a token (RFC 9000, section 17.2.5). It borrows the datagram.</summary>
/// <remarks>Its tag is not checked here: that takes the original destination ID (RFC 9001, section 5.8).</remarks>
internal readonly ref struct RetryPacket
{
    public const int TagLength = 16;

    private RetryPacket(LongHeader header, ReadOnlySpan<byte> packet)
    {
        Version = header.Version;
        Destination = header.Destination;
        Source = header.Source;
        Covered = packet[..^TagLength];
        Token = Covered[header.PacketNumberOffset..];
        Tag = packet[^TagLength..];
    }

    public uint Version { get; }

    public ConnectionId Destination { get; }

    /// <summary>What the client's next Initial is sent to.</summary>
    public ConnectionId Source { get; }

    /// <summary>Never empty.</summary>
    public ReadOnlySpan<byte> Token { get; }

    /// <summary>All that the tag covers, besides the original destination ID.</summary>
    public ReadOnlySpan<byte> Covered { get; }

    public ReadOnlySpan<byte> Tag { get; }

    /// <summary>False when cut, of another type or version, or with an empty token, which a client must discard (section 17.2.5.2).</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out RetryPacket packet)
    {
        bool sound = LongHeader.TryRead(datagram, out LongHeader header)
            && header.Type == LongPacketType.Retry
            && datagram.Length - header.PacketNumberOffset > TagLength;
        packet = sound ? new(header, datagram) : default;
        return sound;
    }

    /// <summary>The tag included.</summary>
    public static int Length(ConnectionId destination, ConnectionId source, int tokenLength) =>
        1 + sizeof(uint) + 1 + destination.Length + 1 + source.Length + tokenLength + TagLength;

    /// <summary>Writes all but the tag, which covers what stands before it and is appended by who has the key.</summary>
    public static void Write(
        ref ByteWriter writer, uint version, ConnectionId destination, ConnectionId source, scoped ReadOnlySpan<byte> token)
    {
        LongHeader.WriteStart(ref writer, LongPacketType.Retry, version, destination, source);
        writer.WriteBytes(token);
    }
}
