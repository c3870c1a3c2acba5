using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>A certificate chain, the sender's own first (RFC 8446, section 4.4.2). Empty when a client has none.</summary>
internal sealed class Certificate : IHandshakeMessage
{
    public static HandshakeType Type => HandshakeType.Certificate;

    /// <summary>DER, not looked into here.</summary>
    public required IReadOnlyList<byte[]> Chain { get; init; }

    public static TransportError TryRead(ReadOnlySpan<byte> body, out Certificate message)
    {
        List<byte[]> chain = [];
        message = new() { Chain = chain };
        ByteReader reader = new(body);
        if (!reader.TryReadVector8(out ReadOnlySpan<byte> context) || !reader.TryReadVector24(out ReadOnlySpan<byte> list) || !reader.IsEmpty)
        {
            return AlertDescription.DecodeError.Because("Certificate does not parse");
        }

        if (!context.IsEmpty)
        {
            return AlertDescription.IllegalParameter.Because("a request context within the handshake");
        }

        ByteReader entries = new(list);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadVector24(out ReadOnlySpan<byte> certificate) || certificate.IsEmpty)
            {
                return AlertDescription.DecodeError.Because("Certificate does not parse");
            }

            TransportError error = ExtensionBlock.TryRead(ref entries, out ExtensionBlock extensions);
            if (error.IsError)
            {
                return error;
            }

            if (!extensions.IsLast)
            {
                // OCSP responses and timestamps are never asked for.
                return AlertDescription.UnsupportedExtension.Because("Certificate answers an extension that was not offered");
            }

            if (chain.Count == TlsLimits.CertificateChain)
            {
                return AlertDescription.BadCertificate.Because("a certificate chain longer than is accepted");
            }

            chain.Add(certificate.ToArray());
        }

        return TransportError.None;
    }

    public void WriteBody(MessageWriter writer)
    {
        writer.WriteByte(0);
        int list = writer.Begin(3);
        foreach (byte[] certificate in Chain)
        {
            int entry = writer.Begin(3);
            writer.WriteBytes(certificate);
            writer.End(entry, 3);
            writer.WriteUInt16(0);
        }

        writer.End(list, 3);
    }
}
