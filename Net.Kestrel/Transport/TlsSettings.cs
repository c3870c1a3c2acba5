using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Net.Core.Io;

namespace Net.Kestrel.Transport;

/// <summary>Kestrel's TLS options, which come from a callback per connection.</summary>
/// <remarks>
/// The callback of a plain <c>UseHttps</c> gives the same options to everybody: they are those of the listener, and clients resume their sessions. Any other
/// is asked in each handshake, and all of its answer holds for that connection: the certificates that it shows, and those that it demands. Such a
/// listener gives no tickets: a session that is resumed shows no certificate.
/// </remarks>
internal static class TlsSettings
{
    /// <returns>Null: who the client is, or what it asks for, may make a difference.</returns>
    public static async ValueTask<SslServerAuthenticationOptions?> TryGetCommonAsync(TlsConnectionCallbackOptions options, CancellationToken cancellationToken)
    {
        try
        {
            // Whoever answers without a context does not look at one. To ask for some names shows nothing: the same answer to two says nothing of a third.
            return await options.OnConnection(null!, cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>In a handshake, on a thread of the pool. What the callback throws ends that handshake alone.</summary>
    public static ValueTask<SslServerAuthenticationOptions> AskAsync(
        TlsConnectionCallbackOptions options, QuicConnection connection, SslClientHelloInfo hello, CancellationToken cancellationToken) =>
        options.OnConnection(new() { ClientHelloInfo = hello, State = options.OnConnectionState, Connection = new Handshake(connection) }, cancellationToken);

    /// <summary>A node asks no client for a certificate: an endpoint that requires one does not begin, rather than serve everybody.</summary>
    /// <exception cref="InvalidOperationException">It requires one.</exception>
    public static void CheckForNode(SslServerAuthenticationOptions? options)
    {
        if (options is { ClientCertificateRequired: true } && !AcceptsNoClientCertificate(options))
        {
            throw new InvalidOperationException("an endpoint whose connections move cannot require certificates of its clients");
        }
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

    /// <summary>Stands for a connection whose handshake is under way: there is nothing to be done with it yet.</summary>
    private sealed class Handshake(QuicConnection connection) : BaseConnectionContext
    {
        public override string ConnectionId { get; set; } = "";

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

        public override EndPoint? LocalEndPoint { get; set; } = connection.LocalEndPoint;

        public override EndPoint? RemoteEndPoint { get; set; } = connection.RemoteEndPoint;

        public override void Abort()
        {
        }

        public override void Abort(ConnectionAbortedException abortReason)
        {
        }
    }
}
