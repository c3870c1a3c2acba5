using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;

namespace Net.Node.Runtime;

/// <summary>Our HTTP/3 client behind the commands' seam.</summary>
internal sealed class HttpConnection : IHttpConnection
{
    private readonly Http3Client _client;

    private HttpConnection(Http3Client client) => _client = client;

    public static async Task<IHttpConnection> OpenAsync(HttpTarget target, CancellationToken cancellationToken)
    {
        IOException? last = null;
        foreach (IPAddress address in await ResolveAsync(target.Host, cancellationToken).ConfigureAwait(false))
        {
            try
            {
                SslClientAuthenticationOptions tls = Trust(target.TrustedRoots, target.Insecure);
                tls.TargetHost = target.Host;
                UdpAddress remote = UdpAddress.FromEndPoint(new(address, target.Port));
                return new HttpConnection(await Http3Client.ConnectAsync(remote, target.Host, tls, cancellationToken).ConfigureAwait(false));
            }
            catch (Exception e) when (e is IOException or QuicException or SocketException)
            {
                last = e as IOException ?? new IOException(e.Message, e);
            }
        }

        throw last ?? new IOException("it has no address");
    }

    /// <summary>Whom to believe: these roots beside the system's, or everybody.</summary>
    public static SslClientAuthenticationOptions Trust(X509Certificate2Collection roots, bool insecure)
    {
        SslClientAuthenticationOptions tls = new() { CertificateChainPolicy = Policy(roots) };
        if (insecure)
        {
#pragma warning disable CA5359 // Asked for by --insecure.
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }

        return tls;
    }

    public Task<IHttpResponse> GetAsync(string authority, string pathAndQuery, CancellationToken cancellationToken) =>
        SendAsync("GET", authority, pathAndQuery, null, cancellationToken);

    public Task<IHttpResponse> PutAsync(string authority, string pathAndQuery, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        SendAsync("PUT", authority, pathAndQuery, body, cancellationToken);

    private async Task<IHttpResponse> SendAsync(string method, string authority, string pathAndQuery, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken)
    {
        ClientExchange exchange = _client.NewExchange();
        Response response = new(exchange);
        using CancellationTokenRegistration cancel = cancellationToken.Register(exchange.Cancel);
        try
        {
            await exchange.SendAsync(new(method, "https", authority, pathAndQuery, new FieldSection()), hasBody: body is not null).ConfigureAwait(false);
            if (body is ReadOnlyMemory<byte> content)
            {
                await exchange.WriteAsync(content).ConfigureAwait(false);
                await exchange.FinishAsync().ConfigureAwait(false);
            }

            do
            {
                await exchange.ReadHeadAsync().ConfigureAwait(false);
            }
            while (exchange.Response is { IsInterim: true });
            return response;
        }
        catch (Http3RequestAbortedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return [literal];
        }

        try
        {
            return await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new IOException($"{host} has no address", e);
        }
    }

    private static X509ChainPolicy? Policy(X509Certificate2Collection roots)
    {
        if (roots.Count == 0)
        {
            return null;
        }

        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        using X509Store system = new(StoreName.Root, StoreLocation.LocalMachine);
        try
        {
            system.Open(OpenFlags.ReadOnly);
            policy.CustomTrustStore.AddRange(system.Certificates);
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            // A machine without a root store trusts what it was given alone.
        }

        return policy;
    }

    private sealed class Response(ClientExchange exchange) : IHttpResponse
    {
        public int Status => exchange.Response!.Status;

        public long ContentLength => exchange.Response!.ContentLength;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            using CancellationTokenRegistration cancel = cancellationToken.CanBeCanceled ? cancellationToken.Register(exchange.Cancel) : default;
            try
            {
                return await exchange.ReadAsync(buffer).ConfigureAwait(false);
            }
            catch (Http3RequestAbortedException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw;
            }
        }

        public ValueTask DisposeAsync()
        {
            exchange.Cancel();
            return ValueTask.CompletedTask;
        }
    }
}
