using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Net.Core.Io;

namespace Net.Kestrel.Transport;

/// <summary>What the handshake has agreed on. Kestrel concludes from its presence that the scheme is https.</summary>
internal sealed class TlsFeature(QuicConnection connection) : ITlsConnectionFeature, ITlsHandshakeFeature
{
    public X509Certificate2? ClientCertificate { get; set; } = connection.RemoteCertificate as X509Certificate2;

    public SslProtocols Protocol => SslProtocols.Tls13;

    public TlsCipherSuite? NegotiatedCipherSuite { get; } = (TlsCipherSuite)connection.CipherSuite;

    public string HostName => connection.TargetHostName;

    // What TLS 1.3 no longer names like this: the suite says it all.
#pragma warning disable SYSLIB0058
    public CipherAlgorithmType CipherAlgorithm => NegotiatedCipherSuite switch
    {
        TlsCipherSuite.TLS_AES_128_GCM_SHA256 => CipherAlgorithmType.Aes128,
        TlsCipherSuite.TLS_AES_256_GCM_SHA384 => CipherAlgorithmType.Aes256,
        _ => CipherAlgorithmType.None,
    };

    public int CipherStrength => NegotiatedCipherSuite == TlsCipherSuite.TLS_AES_128_GCM_SHA256 ? 128 : 256;

    public HashAlgorithmType HashAlgorithm =>
        NegotiatedCipherSuite == TlsCipherSuite.TLS_AES_256_GCM_SHA384 ? HashAlgorithmType.Sha384 : HashAlgorithmType.Sha256;

    public int HashStrength => NegotiatedCipherSuite == TlsCipherSuite.TLS_AES_256_GCM_SHA384 ? 384 : 256;

    public ExchangeAlgorithmType KeyExchangeAlgorithm => ExchangeAlgorithmType.None;

    public int KeyExchangeStrength => 0;
#pragma warning restore SYSLIB0058

    /// <summary>QUIC asks for it in the handshake or never (RFC 9001, section 4.4).</summary>
    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);
}
