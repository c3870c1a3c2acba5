namespace Net.Core.Wire;

/// <summary>Where a server would rather be reached once the handshake is confirmed (RFC 9000, sections 9.6 and 18.2).</summary>
/// <param name="IPv4">None when not offered.</param>
/// <param name="IPv6">None when not offered.</param>
/// <param name="ConnectionId">Sequence number 1; never empty.</param>
/// <param name="Token">Of that connection ID.</param>
internal readonly record struct PreferredAddress(UdpAddress IPv4, UdpAddress IPv6, ConnectionId ConnectionId, ResetToken Token)
{
    public int Length => 4 + 2 + 16 + 2 + 1 + ConnectionId.Length + ResetToken.Length;

    /// <summary>False when cut, too long, or with an empty connection ID.</summary>
    public static bool TryRead(ref ByteReader reader, out PreferredAddress value)
    {
        value = default;
        if (!TryReadAddress(ref reader, 4, out UdpAddress ipv4)
            || !TryReadAddress(ref reader, 16, out UdpAddress ipv6)
            || !InvariantHeader.TryReadConnectionId(ref reader, out ConnectionId id)
            || id.Length == 0
            || !ResetToken.TryRead(ref reader, out ResetToken token))
        {
            return false;
        }

        // An IPv4 address in IPv6's clothes is none that can be reached over IPv6.
        value = new(ipv4, ipv6.IsIPv6 ? ipv6 : default, id, token);
        return true;
    }

    public void Write(ref ByteWriter writer)
    {
        WriteAddress(ref writer, IPv4, 4);
        WriteAddress(ref writer, IPv6, 16);
        InvariantHeader.WriteConnectionId(ref writer, ConnectionId);
        Token.Write(ref writer);
    }

    private static bool TryReadAddress(ref ByteReader reader, int length, out UdpAddress address)
    {
        address = default;
        if (!reader.TryReadBytes((ulong)length, out ReadOnlySpan<byte> bytes) || !reader.TryReadUInt16(out ushort port))
        {
            return false;
        }

        // All zeros say that this family is not offered.
        bool isOffered = port != 0 || bytes.ContainsAnyExcept((byte)0);
        address = isOffered ? UdpAddress.FromBytes(bytes, port) : default;
        return true;
    }

    private static void WriteAddress(ref ByteWriter writer, UdpAddress address, int length)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        _ = address.CopyAddressTo(bytes);
        writer.WriteBytes(bytes[..length]);
        writer.WriteUInt16(address.Port);
    }
}
