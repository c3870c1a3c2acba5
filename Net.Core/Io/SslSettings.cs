using System.Net.Security;
using System.Security.Authentication;
using Net.Core.Crypto;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>The base library's TLS options as ours. What QUIC cannot honour is refused with a message, never passed over in silence.</summary>
internal static class SslSettings
{
    /// <exception cref="NotSupportedException">An option asks for what QUIC does not have.</exception>
    /// <exception cref="ArgumentException">No application protocol.</exception>
    public static TlsServerOptions Server(SslServerAuthenticationOptions tls, List<SslApplicationProtocol>? protocols, QuicServerConnectionOptions options)
    {
        Check(tls.EnabledSslProtocols, tls.EncryptionPolicy);
        return new()
        {
            AlpnProtocols = Names(protocols is { Count: > 0 } ? protocols : tls.ApplicationProtocols),
            ClientCertificates = !tls.ClientCertificateRequired ? ClientCertificates.None
                : options.AcceptsNoClientCertificate ? ClientCertificates.Request
                : ClientCertificates.Require,
            Suites = Suites(tls.CipherSuitesPolicy),
            SignatureSchemes = Schemes(tls.AllowRsaPssPadding),
            Tickets = tls.AllowTlsResume ? TlsServerOptions.DefaultTickets : 0,
            AcceptsEarlyData = options.AllowEarlyData,
        };
    }

    /// <exception cref="NotSupportedException">An option asks for what QUIC does not have.</exception>
    /// <exception cref="ArgumentException">No application protocol.</exception>
    public static TlsClientOptions Client(SslClientAuthenticationOptions tls, string serverName, bool sendsEarlyData)
    {
        Check(tls.EnabledSslProtocols, tls.EncryptionPolicy);
        return new()
        {
            AlpnProtocols = Names(tls.ApplicationProtocols),
            ServerName = serverName,
            Suites = Suites(tls.CipherSuitesPolicy),
            SignatureSchemes = Schemes(tls.AllowRsaPssPadding),
            Resumes = tls.AllowTlsResume,
            SendsEarlyData = sendsEarlyData,
        };
    }

    public static List<byte[]> Names(List<SslApplicationProtocol>? protocols) => protocols is { Count: > 0 }
        ? [.. protocols.Select(protocol => protocol.Protocol.ToArray())]
        : throw new ArgumentException("QUIC needs at least one application protocol (ApplicationProtocols)");

    private static void Check(SslProtocols versions, EncryptionPolicy encryption)
    {
        if (versions != SslProtocols.None && !versions.HasFlag(SslProtocols.Tls13))
        {
            throw new NotSupportedException("EnabledSslProtocols leaves out TLS 1.3, the only version that QUIC has (RFC 9001, section 4.2)");
        }

        if (encryption != EncryptionPolicy.RequireEncryption)
        {
            throw new NotSupportedException("EncryptionPolicy allows no encryption, which QUIC does not have");
        }
    }

    private static IReadOnlyList<CipherSuite> Suites(CipherSuitesPolicy? policy)
    {
        IReadOnlyList<CipherSuite> all = new TlsClientOptions { AlpnProtocols = [], ServerName = "" }.Suites;
        if (policy is null)
        {
            return all;
        }

        // The order is the application's. Linux and macOS alone have such policies, elsewhere none can be made.
#pragma warning disable CA1416
        CipherSuite[] allowed = [.. policy.AllowedCipherSuites.Select(suite => (CipherSuite)suite).Where(all.Contains)];
#pragma warning restore CA1416
        return allowed.Length > 0
            ? allowed
            : throw new NotSupportedException("CipherSuitesPolicy leaves out all suites of QUIC: AES-128-GCM, AES-256-GCM and ChaCha20-Poly1305 of TLS 1.3");
    }

    private static IReadOnlyList<SignatureScheme> Schemes(bool allowsRsaPss) =>
        allowsRsaPss ? Signatures.Supported : [.. Signatures.Supported.Where(scheme => !scheme.IsRsaPss)];
}
