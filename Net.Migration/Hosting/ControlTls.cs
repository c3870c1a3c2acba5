using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Mutual TLS of a federation's links: who shows a certificate that a federation root has issued is a member, by its common name.</summary>
/// <remarks>Addresses of links come from the federation itself or from its operator, and members move: host names say nothing here, so none is checked.</remarks>
internal static class ControlTls
{
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(20);

    /// <param name="certificate">Asked at each handshake: it may have been renewed.</param>
    public static QuicListenerOptions Server(IPEndPoint listen, string alpn, Func<X509Certificate2> certificate, X509Certificate2Collection roots) => new()
    {
        ListenEndPoint = listen,
        ApplicationProtocols = [new(alpn)],
        ConnectionOptions = new()
        {
            IdleTimeout = s_idle,
            MaxInboundBidirectionalStreams = 1,
            MaxInboundUnidirectionalStreams = 0,
            ServerAuthenticationOptions = new()
            {
                ServerCertificateSelectionCallback = (_, _) => certificate(),
                ClientCertificateRequired = true,
                CertificateChainPolicy = Policy(roots),
                RemoteCertificateValidationCallback = static (_, _, _, errors) => IsMember(errors),
            },
        },
    };

    /// <summary>Opens a link: a connection and its one stream, on which the caller speaks first.</summary>
    /// <exception cref="IOException">Nobody answers, or not one of our federation.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<(QuicConnection Connection, QuicStream Stream)> ConnectAsync(
        IPEndPoint remote, string alpn, X509Certificate2 certificate, X509Certificate2Collection roots, CancellationToken cancellationToken)
    {
        QuicClientConnectionOptions options = new()
        {
            RemoteEndPoint = remote,
            IdleTimeout = s_idle,
            KeepAliveInterval = s_keepAlive,
            ClientAuthenticationOptions = new()
            {
                ApplicationProtocols = [new(alpn)],
                TargetHost = "member.invalid",
                ClientCertificates = [certificate],
                CertificateChainPolicy = Policy(roots),
                RemoteCertificateValidationCallback = static (_, _, _, errors) => IsMember(errors),
            },
        };
        QuicConnection? connection = null;
        try
        {
            connection = await QuicConnection.ConnectAsync(options, cancellationToken).ConfigureAwait(false);
            return (connection, await connection.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
            }

            if (e is AuthenticationException or System.Net.Sockets.SocketException)
            {
                throw new IOException(e is AuthenticationException ? $"{remote} is not of our federation" : e.Message, e);
            }

            throw;
        }
    }

    private static bool IsMember(SslPolicyErrors errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None;

    private static X509ChainPolicy Policy(X509Certificate2Collection roots)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
