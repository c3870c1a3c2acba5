using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>The server's answers to extensions that need no key (RFC 8446, section 4.3.1).</summary>
internal sealed class EncryptedExtensions : IHandshakeMessage
{
    public static HandshakeType Type => HandshakeType.EncryptedExtensions;

    public byte[]? ApplicationProtocol { get; set; }

    public byte[]? TransportParameters { get; set; }

    /// <summary>The server used the name that the client gave (RFC 6066, section 3).</summary>
    public bool AcknowledgesServerName { get; set; }

    /// <summary>0-RTT data is read.</summary>
    public bool AcceptsEarlyData { get; set; }

    public static TransportError TryRead(ReadOnlySpan<byte> body, out EncryptedExtensions message)
    {
        message = new();
        ByteReader reader = new(body);
        TransportError error = ExtensionBlock.TryRead(ref reader, out ExtensionBlock extensions);
        if (!error.IsError && !reader.IsEmpty)
        {
            error = AlertDescription.DecodeError.Because("EncryptedExtensions does not end with its extensions");
        }

        while (!error.IsError && extensions.MoveNext())
        {
            error = message.ReadExtension(extensions.Type, extensions.Body);
        }

        return error;
    }

    public void WriteBody(MessageWriter writer)
    {
        int extensions = writer.Begin(2);
        if (AcknowledgesServerName)
        {
            writer.End(writer.BeginExtension(ExtensionType.ServerName), 2);
        }

        if (ApplicationProtocol is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.ApplicationProtocols);
            ApplicationProtocols.Write(writer, [ApplicationProtocol]);
            writer.End(mark, 2);
        }

        if (TransportParameters is not null)
        {
            int mark = writer.BeginExtension(ExtensionType.QuicTransportParameters);
            writer.WriteBytes(TransportParameters);
            writer.End(mark, 2);
        }

        if (AcceptsEarlyData)
        {
            writer.End(writer.BeginExtension(ExtensionType.EarlyData), 2);
        }

        writer.End(extensions, 2);
    }

    private TransportError ReadExtension(ExtensionType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case ExtensionType.ServerName:
                AcknowledgesServerName = true;
                return body.IsEmpty ? TransportError.None : AlertDescription.DecodeError.Because("server_name is answered with content");
            case ExtensionType.EarlyData:
                AcceptsEarlyData = true;
                return body.IsEmpty ? TransportError.None : AlertDescription.DecodeError.Because("early_data is answered with content");
            case ExtensionType.SupportedGroups:
                // The server's preferences, for a later handshake.
                return TlsVectors.TryReadNumberList(body, out _)
                    ? TransportError.None
                    : AlertDescription.DecodeError.Because("supported_groups does not parse");
            case ExtensionType.ApplicationProtocols:
                bool parsed = ApplicationProtocols.TryRead(body, out List<byte[]> names) && names.Count == 1;
                ApplicationProtocol = parsed ? names[0] : null;
                return parsed ? TransportError.None : AlertDescription.DecodeError.Because("not exactly one application protocol");
            case ExtensionType.QuicTransportParameters:
                TransportParameters = body.ToArray();
                return TransportError.None;
            case ExtensionType.SignatureAlgorithms or ExtensionType.SupportedVersions or ExtensionType.KeyShare:
                return AlertDescription.IllegalParameter.Because("an extension that has no place in EncryptedExtensions");
            default:
                return AlertDescription.UnsupportedExtension.Because("EncryptedExtensions answers an extension that was not offered");
        }
    }
}
