namespace Net.Core.Wire;

/// <summary>What every version of QUIC has in its packets: enough to route a datagram (RFC 8999, section 5).</summary>
/// <param name="IsLong">The form bit.</param>
/// <param name="Version">0 in Version Negotiation packets, and in short headers, which have none.</param>
/// <param name="Destination">Whom the packet is for.</param>
/// <param name="Source">Who sent it; empty in short headers.</param>
internal readonly record struct InvariantHeader(bool IsLong, uint Version, ConnectionId Destination, ConnectionId Source)
{
    private const byte LongForm = 0x80;

    /// <summary>A Version Negotiation packet.</summary>
    public bool IsNegotiation => IsLong && Version == QuicVersion.Negotiation;

    /// <param name="datagram">Its first packet decides for all of it.</param>
    /// <param name="localCidLength">Bytes of the connection IDs that we issue: a short header does not say.</param>
    /// <param name="header">What was read.</param>
    /// <returns>False when cut, or when an ID is longer than 20 bytes, which no version that we speak has.</returns>
    public static bool TryRead(ReadOnlySpan<byte> datagram, int localCidLength, out InvariantHeader header)
    {
        header = default;
        ByteReader reader = new(datagram);
        if (!reader.TryReadByte(out byte first))
        {
            return false;
        }

        if ((first & LongForm) == 0)
        {
            bool complete = reader.TryReadBytes((ulong)localCidLength, out ReadOnlySpan<byte> id);
            header = complete ? new(false, 0, new(id), default) : default;
            return complete;
        }

        if (!reader.TryReadUInt32(out uint version)
            || !TryReadConnectionId(ref reader, out ConnectionId destination)
            || !TryReadConnectionId(ref reader, out ConnectionId source))
        {
            return false;
        }

        header = new(true, version, destination, source);
        return true;
    }

    /// <summary>An ID behind its length as one byte.</summary>
    internal static bool TryReadConnectionId(ref ByteReader reader, out ConnectionId id)
    {
        bool sound = reader.TryReadByte(out byte length)
            & reader.TryReadBytes(length, out ReadOnlySpan<byte> bytes)
            & length <= ConnectionId.MaxLength;
        id = sound ? new(bytes) : default;
        return sound;
    }

    internal static void WriteConnectionId(ref ByteWriter writer, ConnectionId id)
    {
        writer.WriteByte((byte)id.Length);
        writer.WriteBytes(id.Span);
    }
}
