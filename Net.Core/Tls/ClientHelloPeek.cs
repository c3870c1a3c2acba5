using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>What an ingress reads from a first flight to choose a node: the server name and the protocols, nothing checked beyond parsing.</summary>
internal sealed class ClientHelloPeek
{
    /// <summary>The bytes so far are the beginning of a ClientHello, and not all of it.</summary>
    public bool NeedsMore { get; private init; }

    /// <summary>In lower case; null without SNI. Known before the end of a ClientHello that begins with it, as most do.</summary>
    public string? ServerName { get; private init; }

    /// <summary>In the client's order; empty without ALPN.</summary>
    public IReadOnlyList<byte[]> AlpnProtocols { get; private init; } = [];

    /// <param name="handshakeBytes">The Initial CRYPTO stream from offset 0, as far as it is there without a gap.</param>
    /// <param name="peek">What was found; <see cref="NeedsMore"/> tells incomplete from malformed when the result is false.</param>
    /// <returns>Whether a whole ClientHello was there and parsed.</returns>
    public static bool TryRead(ReadOnlySpan<byte> handshakeBytes, out ClientHelloPeek peek)
    {
        peek = new() { NeedsMore = true };
        if (handshakeBytes.IsEmpty)
        {
            return false;
        }

        if (handshakeBytes[0] != (byte)HandshakeType.ClientHello)
        {
            peek = new();
            return false;
        }

        if (handshakeBytes.Length < HandshakeMessage.HeaderLength)
        {
            return false;
        }

        int length = (handshakeBytes[1] << 16) | (handshakeBytes[2] << 8) | handshakeBytes[3];
        if (length > TlsLimits.HandshakeBuffer - HandshakeMessage.HeaderLength)
        {
            peek = new();
            return false;
        }

        if (handshakeBytes.Length - HandshakeMessage.HeaderLength < length)
        {
            peek = new() { NeedsMore = true, ServerName = FindName(handshakeBytes[HandshakeMessage.HeaderLength..]) };
            return false;
        }

        bool parsed = !ClientHello.TryRead(handshakeBytes.Slice(HandshakeMessage.HeaderLength, length), out ClientHello hello).IsError;
        peek = parsed ? new() { ServerName = hello.ServerName, AlpnProtocols = hello.ApplicationProtocols ?? [] } : new();
        return parsed;
    }

    /// <summary>The name in the beginning of a ClientHello (RFC 8446, section 4.1.2); what follows it is nobody's business yet.</summary>
    private static string? FindName(ReadOnlySpan<byte> body)
    {
        ByteReader reader = new(body);
        bool hasExtensions = reader.TryReadUInt16(out _)
            && reader.TryReadBytes(ClientHello.RandomLength, out _)
            && reader.TryReadVector8(out _)
            && reader.TryReadVector16(out _)
            && reader.TryReadVector8(out _)
            && reader.TryReadUInt16(out _);
        while (hasExtensions && reader.TryReadUInt16(out ushort type) && reader.TryReadVector16(out ReadOnlySpan<byte> extension))
        {
            if ((ExtensionType)type is ExtensionType.ServerName)
            {
                return ServerNames.TryRead(extension, out string? name).IsError ? null : name;
            }
        }

        return null;
    }
}
