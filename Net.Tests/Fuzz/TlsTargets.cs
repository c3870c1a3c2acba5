using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Tests.Core.Tls;

namespace Net.Tests.Fuzz;

/// <summary>Handshake messages: each of their readers, and the ingress's glance at a ClientHello.</summary>
internal static class TlsTargets
{
    public static IEnumerable<FuzzTarget> All => [new("tls", "a handshake message with its header (RFC 8446, section 4)", Messages, Read)];

    private static IEnumerable<byte[]> Messages()
    {
        foreach ((_, _, byte[] message) in new HandshakePair(mode: ClientCertificates.Require, clientCredential: TestHost.Client).Run().Log)
        {
            yield return message;
        }

        yield return MessageWriter.Frame(ServerHello.RetryRequest(CipherSuite.Aes128GcmSha256, NamedGroup.X25519));
        yield return MessageWriter.Frame(new NewSessionTicket { Nonce = [1], Ticket = [2] });
        yield return MessageWriter.Frame(new CertificateRequest { SignatureSchemes = [0x0403], Authorities = [[1, 2], [3]] });
    }

    private static void Read(byte[] input)
    {
        if (ClientHelloPeek.TryRead(input, out ClientHelloPeek peek))
        {
            Assert.IsFalse(peek.NeedsMore);
        }

        if (input.Length < HandshakeMessage.HeaderLength)
        {
            return;
        }

        ReadOnlySpan<byte> body = input.AsSpan(HandshakeMessage.HeaderLength);
        switch ((HandshakeType)input[0])
        {
            case HandshakeType.ClientHello:
                Check(ClientHello.TryRead(body, out ClientHello clientHello), clientHello, static (b, out m) => ClientHello.TryRead(b, out m));
                break;

            case HandshakeType.ServerHello:
                Check(ServerHello.TryRead(body, out ServerHello serverHello), serverHello, static (b, out m) => ServerHello.TryRead(b, out m));
                break;

            case HandshakeType.EncryptedExtensions:
                Check(EncryptedExtensions.TryRead(body, out EncryptedExtensions extensions), extensions, static (b, out m) => EncryptedExtensions.TryRead(b, out m));
                break;

            case HandshakeType.CertificateRequest:
                Check(CertificateRequest.TryRead(body, out CertificateRequest request), request, static (b, out m) => CertificateRequest.TryRead(b, out m));
                break;

            case HandshakeType.Certificate:
                Check(Certificate.TryRead(body, out Certificate certificate), certificate, static (b, out m) => Certificate.TryRead(b, out m));
                break;

            case HandshakeType.CertificateVerify:
                Check(CertificateVerify.TryRead(body, out CertificateVerify verify), verify, static (b, out m) => CertificateVerify.TryRead(b, out m));
                break;

            case HandshakeType.NewSessionTicket:
                Check(NewSessionTicket.TryRead(body, out NewSessionTicket ticket), ticket, static (b, out m) => NewSessionTicket.TryRead(b, out m));
                break;
        }
    }

    private delegate TransportError Reader<TMessage>(ReadOnlySpan<byte> body, out TMessage message);

    /// <summary>What was taken can be written, and what is written is taken and is the same.</summary>
    private static void Check<TMessage>(TransportError error, TMessage message, Reader<TMessage> read) where TMessage : IHandshakeMessage
    {
        if (error.IsError)
        {
            return;
        }

        byte[] written = MessageWriter.Frame(message);
        error = read(written.AsSpan(HandshakeMessage.HeaderLength), out TMessage again);
        Assert.IsFalse(error.IsError, error.ToString());
        CollectionAssert.AreEqual(written, MessageWriter.Frame(again));
    }
}
