using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Net.Kestrel.Transport;

/// <summary>Kestrel's TLS options, which come from a callback per connection, as the one set that a listener takes.</summary>
/// <remarks>
/// The callback of a plain <c>UseHttps</c> gives the same options to everybody: these are taken as they are. One that looks at the client's
/// hello is asked once without a name, for all that concerns every connection, and again in each handshake for the certificate alone.
/// </remarks>
internal static class TlsSettings
{
    // No host has this name (RFC 2606, section 2): who answers it with the same options as none does not look at names.
    private const string UnknownName = "name.invalid";

    public static async ValueTask<SslServerAuthenticationOptions> ResolveAsync(
        TlsConnectionCallbackOptions options, EndPoint endpoint, CancellationToken cancellationToken)
    {
        SslServerAuthenticationOptions? common = await TryAskAsync(options, "", endpoint, cancellationToken);
        if (common is not null && ReferenceEquals(common, await TryAskAsync(options, UnknownName, endpoint, cancellationToken)))
        {
            return common;
        }

        return new()
        {
            ApplicationProtocols = common?.ApplicationProtocols,
            ClientCertificateRequired = common?.ClientCertificateRequired ?? false,
            RemoteCertificateValidationCallback = common?.RemoteCertificateValidationCallback,
            CertificateRevocationCheckMode = common?.CertificateRevocationCheckMode ?? X509RevocationMode.NoCheck,
            CertificateChainPolicy = common?.CertificateChainPolicy,
            ServerCertificateSelectionCallback = (sender, name) => Select(options, sender, name, endpoint)!,
        };
    }

    /// <summary>Kestrel's AllowCertificate: a certificate is asked for, and the callback also takes a client that shows none.</summary>
    public static bool AcceptsNoClientCertificate(SslServerAuthenticationOptions options)
    {
        try
        {
            return options.RemoteCertificateValidationCallback?.Invoke(options, null, null, SslPolicyErrors.RemoteCertificateNotAvailable) ?? false;
        }
        catch (Exception)
        {
            // A callback that looks at the certificate without asking whether there is one wants one.
            return false;
        }
    }

    /// <summary>In a handshake, on a thread of the pool. What the callback throws ends that handshake alone.</summary>
    private static X509Certificate? Select(TlsConnectionCallbackOptions options, object sender, string? name, EndPoint endpoint)
    {
        SslServerAuthenticationOptions answer = AskAsync(options, name ?? "", endpoint, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        return answer.ServerCertificateSelectionCallback?.Invoke(sender, name)
            ?? answer.ServerCertificateContext?.TargetCertificate
            ?? answer.ServerCertificate;
    }

    private static async ValueTask<SslServerAuthenticationOptions?> TryAskAsync(
        TlsConnectionCallbackOptions options, string name, EndPoint endpoint, CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync(options, name, endpoint, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The application refuses clients without a name it knows: that is no reason not to listen.
            return null;
        }
    }

    private static ValueTask<SslServerAuthenticationOptions> AskAsync(
        TlsConnectionCallbackOptions options, string name, EndPoint endpoint, CancellationToken cancellationToken) =>
        options.OnConnection(
            new()
            {
                ClientHelloInfo = new SslClientHelloInfo(name, SslProtocols.Tls13),
                State = options.OnConnectionState,
                Connection = new Handshake(endpoint),
            },
            cancellationToken);

    /// <summary>Stands for a connection whose handshake is under way: there is nothing to be done with it yet.</summary>
    private sealed class Handshake(EndPoint local) : BaseConnectionContext
    {
        public override string ConnectionId { get; set; } = "";

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

        public override EndPoint? LocalEndPoint { get; set; } = local;

        public override void Abort()
        {
        }

        public override void Abort(ConnectionAbortedException abortReason)
        {
        }
    }
}
