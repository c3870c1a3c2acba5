using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>Proof that the sender holds the key of its certificate (RFC 8446, section 4.4.3).</summary>
internal sealed class CertificateVerify : IHandshakeMessage
{
    public static HandshakeType Type => HandshakeType.CertificateVerify;

    public required SignatureScheme Scheme { get; init; }

    public required byte[] Signature { get; init; }

    /// <summary>What is signed: padding, a label that keeps the two roles apart, and the transcript up to the Certificate.</summary>
    public static byte[] Content(bool byServer, ReadOnlySpan<byte> transcriptHash)
    {
        ReadOnlySpan<byte> label = byServer ? "TLS 1.3, server CertificateVerify\0"u8 : "TLS 1.3, client CertificateVerify\0"u8;
        byte[] content = new byte[64 + label.Length + transcriptHash.Length];
        content.AsSpan(0, 64).Fill(0x20);
        label.CopyTo(content.AsSpan(64));
        transcriptHash.CopyTo(content.AsSpan(64 + label.Length));
        return content;
    }

    public static TransportError TryRead(ReadOnlySpan<byte> body, out CertificateVerify message)
    {
        ByteReader reader = new(body);
        bool parsed = reader.TryReadUInt16(out ushort scheme) & reader.TryReadVector16(out ReadOnlySpan<byte> signature) & reader.IsEmpty;
        message = new() { Scheme = (SignatureScheme)scheme, Signature = signature.ToArray() };
        return parsed ? TransportError.None : AlertDescription.DecodeError.Because("CertificateVerify does not parse");
    }

    public void WriteBody(MessageWriter writer)
    {
        writer.WriteUInt16((ushort)Scheme);
        writer.WriteVector16(Signature);
    }
}
