using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>What the client offers (RFC 8446, section 4.1.2).</summary>
/// <remarks>An extension that is absent is null, so that the server can tell it from an empty one.</remarks>
internal sealed class ClientHello : IHandshakeMessage
{
    public const ushort LegacyVersion = 0x0303;
    public const ushort Tls13 = 0x0304;
    public const int RandomLength = 32;

    public static HandshakeType Type => HandshakeType.ClientHello;

    public required byte[] Random { get; init; }

    /// <summary>Empty in QUIC, which has no middleboxes to please (RFC 9001, section 8.4).</summary>
    public byte[] SessionId { get; private set; } = [];

    public required ushort[] CipherSuites { get; init; }

    /// <summary>Whether supported_versions holds TLS 1.3; always so in what we write.</summary>
    public bool OffersTls13 { get; private set; } = true;

    public string? ServerName { get; set; }

    public IReadOnlyList<byte[]>? ApplicationProtocols { get; set; }

    public ushort[]? Groups { get; set; }

    public ushort[]? SignatureSchemes { get; set; }

    /// <summary>Shares in groups that this stack knows, at most one each.</summary>
    public IReadOnlyList<KeyShareEntry>? KeyShares { get; set; }

    /// <summary>How many shares there were, of known groups or not.</summary>
    public int KeyShareCount { get; private set; }

    public byte[]? Cookie { get; set; }

    public byte[]? TransportParameters { get; set; }

    public bool HasEarlyData { get; set; }

    /// <summary>Always the last extension.</summary>
    public PskOffer? PreSharedKey { get; set; }

    public byte[]? PskModes { get; set; }

    public static TransportError TryRead(ReadOnlySpan<byte> body, out ClientHello hello)
    {
        hello = new() { Random = [], CipherSuites = [] };
        ByteReader reader = new(body);
        if (!reader.TryReadUInt16(out ushort version)
            || !reader.TryReadBytes(RandomLength, out ReadOnlySpan<byte> random)
            || !reader.TryReadVector8(out ReadOnlySpan<byte> sessionId) || sessionId.Length > 32
            || !reader.TryReadVector16(out ReadOnlySpan<byte> suiteBytes) || !TlsVectors.TryReadNumbers(suiteBytes, out ushort[] suites)
            || !reader.TryReadVector8(out ReadOnlySpan<byte> compression) || compression.IsEmpty)
        {
            return AlertDescription.DecodeError.Because("ClientHello does not parse");
        }

        if (version != LegacyVersion)
        {
            return version < LegacyVersion
                ? AlertDescription.ProtocolVersion.Because("a ClientHello older than TLS 1.2's")
                : AlertDescription.IllegalParameter.Because("legacy_version is not TLS 1.2's");
        }

        hello = new() { Random = random.ToArray(), CipherSuites = suites, SessionId = sessionId.ToArray(), OffersTls13 = false };
        if (reader.IsEmpty)
        {
            // Well-formed before TLS 1.3, where extensions could be absent.
            return AlertDescription.ProtocolVersion.Because("TLS 1.3 is not offered");
        }

        TransportError error = ExtensionBlock.TryRead(ref reader, out ExtensionBlock extensions);
        if (error.IsError)
        {
            return error;
        }

        if (!reader.IsEmpty)
        {
            return AlertDescription.DecodeError.Because("ClientHello does not end with its extensions");
        }

        while (extensions.MoveNext())
        {
            error = hello.ReadExtension(extensions);
            if (error.IsError)
            {
                return error;
            }
        }

        // Compression matters to TLS 1.3 alone (section 4.1.2), so the version is known first.
        return hello.OffersTls13 && !compression.SequenceEqual<byte>([0])
            ? AlertDescription.IllegalParameter.Because("compression is offered")
            : TransportError.None;
    }

    public void WriteBody(MessageWriter writer)
    {
        writer.WriteUInt16(LegacyVersion);
        writer.WriteBytes(Random);
        writer.WriteVector8(SessionId);
        WriteNumbers(writer, CipherSuites);
        writer.WriteVector8([0]);

        int extensions = writer.Begin(2);
        if (ServerName is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.ServerName);
            ServerNames.Write(writer, ServerName);
            writer.End(mark, 2);
        }

        WriteNumbersExtension(writer, ExtensionType.SupportedGroups, Groups);
        WriteNumbersExtension(writer, ExtensionType.SignatureAlgorithms, SignatureSchemes);
        if (ApplicationProtocols is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.ApplicationProtocols);
            Tls.ApplicationProtocols.Write(writer, ApplicationProtocols);
            writer.End(mark, 2);
        }

        if (OffersTls13)
        {
            int mark = writer.BeginExtension(ExtensionType.SupportedVersions);
            writer.WriteByte(2);
            writer.WriteUInt16(Tls13);
            writer.End(mark, 2);
        }

        if (Cookie is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.Cookie);
            writer.WriteVector16(Cookie);
            writer.End(mark, 2);
        }

        if (KeyShares is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.KeyShare);
            int shares = writer.Begin(2);
            foreach (KeyShareEntry share in KeyShares)
            {
                share.Write(writer);
            }

            writer.End(shares, 2);
            writer.End(mark, 2);
        }

        if (TransportParameters is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.QuicTransportParameters);
            writer.WriteBytes(TransportParameters);
            writer.End(mark, 2);
        }

        if (HasEarlyData)
        {
            writer.End(writer.BeginExtension(ExtensionType.EarlyData), 2);
        }

        if (PskModes is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.PskKeyExchangeModes);
            writer.WriteVector8(PskModes);
            writer.End(mark, 2);
        }

        if (PreSharedKey is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.PreSharedKey);
            PreSharedKey.Write(writer);
            writer.End(mark, 2);
        }

        writer.End(extensions, 2);
    }

    private static void WriteNumbers(MessageWriter writer, ushort[] numbers)
    {
        int mark = writer.Begin(2);
        foreach (ushort number in numbers)
        {
            writer.WriteUInt16(number);
        }

        writer.End(mark, 2);
    }

    private static void WriteNumbersExtension(MessageWriter writer, ExtensionType type, ushort[]? numbers)
    {
        if (numbers is not null)
        {
            int mark = writer.BeginExtension(type);
            WriteNumbers(writer, numbers);
            writer.End(mark, 2);
        }
    }

    private TransportError ReadExtension(in ExtensionBlock extension)
    {
        ReadOnlySpan<byte> body = extension.Body;
        bool parsed = true;
        switch (extension.Type)
        {
            case ExtensionType.ServerName:
                TransportError error = ServerNames.TryRead(body, out string? name);
                ServerName = name;
                return error;
            case ExtensionType.SupportedGroups:
                parsed = TlsVectors.TryReadNumberList(body, out ushort[] groups);
                Groups = groups;
                break;
            case ExtensionType.SignatureAlgorithms:
                parsed = TlsVectors.TryReadNumberList(body, out ushort[] schemes);
                SignatureSchemes = schemes;
                break;
            case ExtensionType.ApplicationProtocols:
                parsed = Tls.ApplicationProtocols.TryRead(body, out List<byte[]> protocols);
                ApplicationProtocols = protocols;
                break;
            case ExtensionType.SupportedVersions:
                ByteReader reader = new(body);
                parsed = reader.TryReadVector8(out ReadOnlySpan<byte> list) & reader.IsEmpty & TlsVectors.TryReadNumbers(list, out ushort[] versions);
                OffersTls13 = Array.IndexOf(versions, Tls13) >= 0;
                break;
            case ExtensionType.Cookie:
                reader = new(body);
                parsed = reader.TryReadVector16(out ReadOnlySpan<byte> cookie) && reader.IsEmpty && !cookie.IsEmpty;
                Cookie = cookie.ToArray();
                break;
            case ExtensionType.KeyShare:
                return ReadKeyShares(body);
            case ExtensionType.QuicTransportParameters:
                TransportParameters = body.ToArray();
                break;
            case ExtensionType.EarlyData:
                parsed = body.IsEmpty;
                HasEarlyData = true;
                break;
            case ExtensionType.PskKeyExchangeModes:
                reader = new(body);
                parsed = reader.TryReadVector8(out ReadOnlySpan<byte> modes) && reader.IsEmpty && !modes.IsEmpty;
                PskModes = modes.ToArray();
                break;
            case ExtensionType.PreSharedKey:
                if (!extension.IsLast)
                {
                    return AlertDescription.IllegalParameter.Because("pre_shared_key is not the last extension");
                }

                error = PskOffer.TryRead(body, out PskOffer? offer);
                PreSharedKey = offer;
                return error;
            default:
                break;
        }

        return parsed ? TransportError.None : AlertDescription.DecodeError.Because("an extension of ClientHello does not parse");
    }

    private TransportError ReadKeyShares(ReadOnlySpan<byte> body)
    {
        ByteReader reader = new(body);
        if (!reader.TryReadVector16(out ReadOnlySpan<byte> list) || !reader.IsEmpty)
        {
            return AlertDescription.DecodeError.Because("key_share does not parse");
        }

        List<KeyShareEntry> shares = [];
        ByteReader entries = new(list);
        while (!entries.IsEmpty)
        {
            if (!KeyShareEntry.TryRead(ref entries, out KeyShareEntry share))
            {
                return AlertDescription.DecodeError.Because("key_share does not parse");
            }

            KeyShareCount++;
            if (!KeyExchange.Supports(share.Group))
            {
                continue;
            }

            // At most one for each of the few known groups, so this look-up has a constant bound.
            if (shares.Exists(other => other.Group == share.Group))
            {
                return AlertDescription.IllegalParameter.Because("two key shares for one group");
            }

            shares.Add(share);
        }

        KeyShares = shares;
        return TransportError.None;
    }
}
