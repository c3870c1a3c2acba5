using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;

namespace Net.Migration.Hosting;

/// <summary>The mutual TLS of node links and control links: both ends show a certificate of the federation.</summary>
internal static class LinkTls
{
    /// <summary>Nothing is heard for so long: the link is gone.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_keepAlive = TimeSpan.FromSeconds(2);

    /// <param name="peer">The name that the peer's certificate must be valid for.</param>
    public static QuicClientConnectionOptions Client(
        System.Net.IPEndPoint remote, string alpn, string peer, X509Certificate2 own, X509Certificate2Collection roots) => new()
        {
            RemoteEndPoint = remote,
            IdleTimeout = IdleTimeout,
            KeepAliveInterval = s_keepAlive,
            ClientAuthenticationOptions = new()
            {
                TargetHost = peer,
                ApplicationProtocols = [new(alpn)],
                ClientCertificates = [own],
                CertificateChainPolicy = Policy(roots),
            },
        };

    public static QuicListenerOptions Server(System.Net.IPEndPoint local, string alpn, X509Certificate2 own, X509Certificate2Collection roots) => new()
    {
        ListenEndPoint = local,
        ApplicationProtocols = [new(alpn)],
        ConnectionOptions = new()
        {
            IdleTimeout = IdleTimeout,
            KeepAliveInterval = s_keepAlive,
            MaxInboundBidirectionalStreams = 1,
            ServerAuthenticationOptions = new()
            {
                ServerCertificate = own,
                ClientCertificateRequired = true,
                ApplicationProtocols = [new(alpn)],
                CertificateChainPolicy = Policy(roots),
            },
        },
    };

    private static X509ChainPolicy Policy(X509Certificate2Collection roots)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
