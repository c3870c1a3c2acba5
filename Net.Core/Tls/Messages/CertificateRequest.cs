using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>The server asks the client for a certificate (RFC 8446, section 4.3.2).</summary>
internal sealed class CertificateRequest : IHandshakeMessage
{
    public static HandshakeType Type => HandshakeType.CertificateRequest;

    public ushort[]? SignatureSchemes { get; set; }

    /// <summary>Distinguished names (DER) of issuers that the server accepts; empty = not said.</summary>
    public IReadOnlyList<byte[]> Authorities { get; set; } = [];

    public static TransportError TryRead(ReadOnlySpan<byte> body, out CertificateRequest message)
    {
        message = new();
        ByteReader reader = new(body);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> context))
        {
            return AlertDescription.DecodeError.Because("CertificateRequest does not parse");
        }

        if (!context.IsEmpty)
        {
            return AlertDescription.IllegalParameter.Because("a request context within the handshake");
        }

        TransportError error = ExtensionBlock.TryRead(ref reader, out ExtensionBlock extensions);
        if (!error.IsError && !reader.IsEmpty)
        {
            error = AlertDescription.DecodeError.Because("CertificateRequest does not end with its extensions");
        }

        while (!error.IsError && extensions.MoveNext())
        {
            bool parsed = true;
            if (extensions.Type == ExtensionType.SignatureAlgorithms)
            {
                parsed = TlsVectors.TryReadNumberList(extensions.Body, out ushort[] schemes);
                message.SignatureSchemes = schemes;
            }
            else if (extensions.Type == ExtensionType.CertificateAuthorities)
            {
                parsed = TryReadAuthorities(extensions.Body, out List<byte[]> authorities);
                message.Authorities = authorities;
            }

            error = parsed ? TransportError.None : AlertDescription.DecodeError.Because("an extension of CertificateRequest does not parse");
        }

        return !error.IsError && message.SignatureSchemes is null
            ? AlertDescription.MissingExtension.Because("CertificateRequest without signature_algorithms")
            : error;
    }

    public void WriteBody(MessageWriter writer)
    {
        writer.WriteByte(0);
        int extensions = writer.Begin(2);
        if (SignatureSchemes is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.SignatureAlgorithms);
            int list = writer.Begin(2);
            foreach (ushort scheme in SignatureSchemes)
            {
                writer.WriteUInt16(scheme);
            }

            writer.End(list, 2);
            writer.End(mark, 2);
        }

        if (Authorities.Count > 0)
        {
            int mark = writer.BeginExtension(ExtensionType.CertificateAuthorities);
            int list = writer.Begin(2);
            foreach (byte[] authority in Authorities)
            {
                writer.WriteVector16(authority);
            }

            writer.End(list, 2);
            writer.End(mark, 2);
        }

        writer.End(extensions, 2);
    }

    private static bool TryReadAuthorities(ReadOnlySpan<byte> body, out List<byte[]> authorities)
    {
        authorities = [];
        ByteReader reader = new(body);
        if (!reader.TryReadVector16(out ReadOnlySpan<byte> list) || !reader.IsEmpty || list.IsEmpty)
        {
            return false;
        }

        ByteReader entries = new(list);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadVector16(out ReadOnlySpan<byte> name) || name.IsEmpty)
            {
                return false;
            }

            if (authorities.Count < TlsLimits.Authorities)
            {
                authorities.Add(name.ToArray());
            }
        }

        return true;
    }
}
