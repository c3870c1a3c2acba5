using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace Net.Core.Wire;

/// <summary>An IPv4 or IPv6 address with a UDP port, as a value: it is compared and copied without allocation. The default value is "none".</summary>
/// <remarks>An IPv4-mapped IPv6 address is its IPv4 address: a client is the same, whichever socket family saw it. Scopes (%eth0) are not kept.</remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct UdpAddress
{
    /// <summary>Bytes of the fixed form: family, 16 bytes of address, port.</summary>
    public const int EncodedLength = 19;

    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    private readonly ulong _high;
    private readonly ulong _low;
    private readonly byte _family;

    private UdpAddress(byte family, ulong high, ulong low, ushort port)
    {
        bool isMapped = family == 6 && high == 0 && (low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;
        _family = isMapped ? (byte)4 : family;
        _high = high;
        _low = isMapped ? (uint)low : low;
        Port = port;
    }

    public ushort Port { get; }

    public bool IsNone => _family == 0;

    public bool IsIPv6 => _family == 6;

    /// <summary>The wildcard of its family: bound to it, a socket has all addresses of the machine.</summary>
    public bool IsAny => _family != 0 && _high == 0 && _low == 0;

    /// <summary>Bytes of the bare address: 4, 16, or 0 for none.</summary>
    public int AddressLength => _family switch { 4 => 4, 6 => 16, _ => 0 };

    /// <param name="address">4 or 16 bytes in network order.</param>
    /// <param name="port">UDP port.</param>
    /// <exception cref="ArgumentOutOfRangeException">Neither 4 nor 16 bytes.</exception>
    public static UdpAddress FromBytes(ReadOnlySpan<byte> address, ushort port) => address.Length switch
    {
        4 => new(4, 0, BinaryPrimitives.ReadUInt32BigEndian(address), port),
        16 => new(6, BinaryPrimitives.ReadUInt64BigEndian(address), BinaryPrimitives.ReadUInt64BigEndian(address[8..]), port),
        _ => throw new ArgumentOutOfRangeException(nameof(address), address.Length, "an IP address has 4 or 16 bytes"),
    };

    public static UdpAddress FromEndPoint(IPEndPoint endPoint)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = endPoint.Address.TryWriteBytes(bytes, out int length);
        return FromBytes(bytes[..length], (ushort)endPoint.Port);
    }

    /// <summary>"127.0.0.1:443" or "[::1]:443". The port is always there; names, scopes and short forms such as "127.1" are refused.</summary>
    public static bool TryParse(string? text, out UdpAddress address)
    {
        address = default;
        int colon = text?.LastIndexOf(':') ?? -1;
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return false;
        }

        ReadOnlySpan<char> host = text.AsSpan(0, colon);
        bool bracketed = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        if (bracketed)
        {
            host = host[1..^1];
        }

        if (bracketed != host.Contains(':') || host.Contains('%') || host.Contains('[') || !IPAddress.TryParse(host, out IPAddress? ip)
            || (!bracketed && !host.SequenceEqual(ip.ToString())))
        {
            return false;
        }

        address = FromEndPoint(new(ip, port));
        return true;
    }

    /// <exception cref="InvalidOperationException">This is "none".</exception>
    public IPEndPoint ToEndPoint()
    {
        Span<byte> bytes = stackalloc byte[16];
        int length = CopyAddressTo(bytes);
        return length > 0 ? new(new IPAddress(bytes[..length]), Port) : throw new InvalidOperationException("there is no address");
    }

    /// <summary>The bare address in network order; returns its length: <see cref="AddressLength"/>.</summary>
    public int CopyAddressTo(Span<byte> destination)
    {
        if (_family == 6)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
            BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
        }
        else if (_family == 4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
        }

        return AddressLength;
    }

    public UdpAddress WithPort(ushort port) => new(_family, _high, _low, port);

    /// <summary>Whether only the port differs, if anything: what a NAT rebinding most often looks like (RFC 9000, section 9.4).</summary>
    public bool HasSameHost(UdpAddress other) => _family == other._family && _high == other._high && _low == other._low;

    /// <summary>The fixed form of <see cref="EncodedLength"/> bytes.</summary>
    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte(_family);
        writer.WriteUInt64(_high);
        writer.WriteUInt64(_low);
        writer.WriteUInt16(Port);
    }

    /// <summary>False when cut or when no address has this form; "none" is read as such.</summary>
    public static bool TryRead(ref ByteReader reader, out UdpAddress address)
    {
        address = default;
        if (reader.Remaining < EncodedLength)
        {
            return false;
        }

        _ = reader.TryReadByte(out byte family);
        _ = reader.TryReadUInt64(out ulong high);
        _ = reader.TryReadUInt64(out ulong low);
        _ = reader.TryReadUInt16(out ushort port);
        address = new(family, high, low, port);

        // One form per address: else two values that mean the same would not be equal.
        bool sound = family switch
        {
            0 => high == 0 && low == 0 && port == 0,
            4 => high == 0 && low <= uint.MaxValue,
            6 => address._family == 6,
            _ => false,
        };
        address = sound ? address : default;
        return sound;
    }

    public override string ToString() => IsNone ? "none" : ToEndPoint().ToString();
}
