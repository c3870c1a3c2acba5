using System.Net.Security;
using Net.Core.Connections;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>How one connection, or all of a listener's, are served: what the application's options say, checked and translated.</summary>
/// <param name="Options">The application's.</param>
/// <param name="Connection">For the transport.</param>
/// <param name="Tls">For the handshake.</param>
/// <param name="Crypto">Certificates and trust. Whoever made the setup disposes it.</param>
internal sealed record ServerSetup(QuicServerConnectionOptions Options, ConnectionOptions Connection, TlsServerOptions Tls, SslHost Crypto)
{
    /// <exception cref="ArgumentException">Something is missing or out of range.</exception>
    /// <exception cref="NotSupportedException">The TLS options ask for what QUIC does not have.</exception>
    public static ServerSetup Of(QuicServerConnectionOptions options, List<SslApplicationProtocol>? protocols)
    {
        SslServerAuthenticationOptions tls = options.ServerAuthenticationOptions
            ?? throw new ArgumentException("ServerAuthenticationOptions is not set");
        ConnectionOptions connection = options.ToConnectionOptions();
        TlsServerOptions server = SslSettings.Server(tls, protocols, options);
        return new(options, connection, server, new SslHost(tls));
    }
}
