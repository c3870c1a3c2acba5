using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>What the server chose, or, told by a special random, what it wants to be asked again: HelloRetryRequest (RFC 8446, sections 4.1.3 and 4.1.4).</summary>
internal sealed class ServerHello : IHandshakeMessage
{
    /// <summary>SHA-256 of "HelloRetryRequest".</summary>
    private static ReadOnlySpan<byte> RetryRandom =>
    [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
        0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];

    public static HandshakeType Type => HandshakeType.ServerHello;

    public required byte[] Random { get; init; }

    public byte[] SessionId { get; init; } = [];

    public required CipherSuite Suite { get; init; }

    public bool IsRetryRequest => RetryRandom.SequenceEqual(Random);

    /// <summary>The server's share; null in HelloRetryRequest, and when absent.</summary>
    public KeyShareEntry? KeyShare { get; set; }

    /// <summary>HelloRetryRequest alone: the group that the client must use.</summary>
    public NamedGroup? RetryGroup { get; set; }

    /// <summary>HelloRetryRequest alone: to be sent back unchanged.</summary>
    public byte[]? Cookie { get; set; }

    /// <summary>Which of the client's tickets was taken; null for none.</summary>
    public ushort? SelectedIdentity { get; set; }

    public static ServerHello RetryRequest(CipherSuite suite, NamedGroup group) =>
        new() { Random = RetryRandom.ToArray(), Suite = suite, RetryGroup = group };

    public static TransportError TryRead(ReadOnlySpan<byte> body, out ServerHello hello)
    {
        hello = new() { Random = [], Suite = default };
        ByteReader reader = new(body);
        if (!reader.TryReadUInt16(out ushort version)
            || !reader.TryReadBytes(ClientHello.RandomLength, out ReadOnlySpan<byte> random)
            || !reader.TryReadVector8(out ReadOnlySpan<byte> sessionId) || sessionId.Length > 32
            || !reader.TryReadUInt16(out ushort suite)
            || !reader.TryReadByte(out byte compression))
        {
            return AlertDescription.DecodeError.Because("ServerHello does not parse");
        }

        if (version != ClientHello.LegacyVersion || compression != 0)
        {
            return AlertDescription.IllegalParameter.Because("ServerHello's compatibility fields are wrong");
        }

        hello = new() { Random = random.ToArray(), SessionId = sessionId.ToArray(), Suite = (CipherSuite)suite };
        if (reader.IsEmpty)
        {
            return hello.NotTls13();
        }

        TransportError error = ExtensionBlock.TryRead(ref reader, out ExtensionBlock extensions);
        if (error.IsError)
        {
            return error;
        }

        if (!reader.IsEmpty)
        {
            return AlertDescription.DecodeError.Because("ServerHello does not end with its extensions");
        }

        // Without supported_versions this is an older TLS, whose extensions are none of our business.
        bool isTls13 = false;
        ExtensionBlock versions = extensions;
        while (versions.MoveNext())
        {
            if (versions.Type == ExtensionType.SupportedVersions)
            {
                if (!versions.Body.SequenceEqual<byte>([ClientHello.Tls13 >> 8, ClientHello.Tls13 & 0xFF]))
                {
                    return versions.Body.Length == 2
                        ? AlertDescription.IllegalParameter.Because("a version that was not offered")
                        : AlertDescription.DecodeError.Because("supported_versions does not parse");
                }

                isTls13 = true;
            }
        }

        if (!isTls13)
        {
            return hello.NotTls13();
        }

        while (extensions.MoveNext())
        {
            error = hello.ReadExtension(extensions.Type, extensions.Body);
            if (error.IsError)
            {
                return error;
            }
        }

        return TransportError.None;
    }

    public void WriteBody(MessageWriter writer)
    {
        writer.WriteUInt16(ClientHello.LegacyVersion);
        writer.WriteBytes(Random);
        writer.WriteVector8(SessionId);
        writer.WriteUInt16((ushort)Suite);
        writer.WriteByte(0);

        int extensions = writer.Begin(2);
        int mark = writer.BeginExtension(ExtensionType.SupportedVersions);
        writer.WriteUInt16(ClientHello.Tls13);
        writer.End(mark, 2);
        if (KeyShare is not null || RetryGroup is not null)
        {
            mark = writer.BeginExtension(ExtensionType.KeyShare);
            if (KeyShare is not null)
            {
                KeyShare.Value.Write(writer);
            }
            else
            {
                writer.WriteUInt16((ushort)RetryGroup!.Value);
            }

            writer.End(mark, 2);
        }

        if (SelectedIdentity is ushort identity)
        {
            mark = writer.BeginExtension(ExtensionType.PreSharedKey);
            writer.WriteUInt16(identity);
            writer.End(mark, 2);
        }

        if (Cookie is not null)
        {
            mark = writer.BeginExtension(ExtensionType.Cookie);
            writer.WriteVector16(Cookie);
            writer.End(mark, 2);
        }

        writer.End(extensions, 2);
    }

    /// <summary>A server that could do better says so in the last bytes of its random: then somebody tampered (RFC 8446, section 4.1.3).</summary>
    private TransportError NotTls13() =>
        Random.AsSpan(24).StartsWith("DOWNGRD"u8)
            ? AlertDescription.IllegalParameter.Because("the version was downgraded")
            : AlertDescription.ProtocolVersion.Because("the server does not speak TLS 1.3");

    private TransportError ReadExtension(ExtensionType type, ReadOnlySpan<byte> body)
    {
        ByteReader reader = new(body);
        bool parsed;
        switch (type)
        {
            case ExtensionType.SupportedVersions:
                return TransportError.None;
            case ExtensionType.KeyShare when IsRetryRequest:
                parsed = reader.TryReadUInt16(out ushort group) && reader.IsEmpty;
                RetryGroup = (NamedGroup)group;
                break;
            case ExtensionType.KeyShare:
                parsed = KeyShareEntry.TryRead(ref reader, out KeyShareEntry share) && reader.IsEmpty;
                KeyShare = share;
                break;
            case ExtensionType.PreSharedKey when !IsRetryRequest:
                parsed = reader.TryReadUInt16(out ushort identity) && reader.IsEmpty;
                SelectedIdentity = identity;
                break;
            case ExtensionType.Cookie when IsRetryRequest:
                parsed = reader.TryReadVector16(out ReadOnlySpan<byte> cookie) && reader.IsEmpty && !cookie.IsEmpty;
                Cookie = cookie.ToArray();
                break;
            case ExtensionType.ServerName or ExtensionType.SupportedGroups or ExtensionType.SignatureAlgorithms
                or ExtensionType.ApplicationProtocols or ExtensionType.QuicTransportParameters:
                return AlertDescription.IllegalParameter.Because("an extension that has no place in ServerHello");
            default:
                return AlertDescription.UnsupportedExtension.Because("ServerHello answers an extension that was not offered");
        }

        return parsed ? TransportError.None : AlertDescription.DecodeError.Because("an extension of ServerHello does not parse");
    }
}
