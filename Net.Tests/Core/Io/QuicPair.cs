using System.Net;
using System.Net.Security;
using Net.Core.Io;

namespace Net.Tests.Core.Io;

/// <summary>A listener, a client connected to it, and the listener's end of that connection, over loopback.</summary>
internal sealed class QuicPair : IAsyncDisposable
{
    public static readonly SslApplicationProtocol Protocol = new("test/1");

    private QuicPair(QuicListener listener, QuicConnection client, QuicConnection server)
    {
        Listener = listener;
        Client = client;
        Server = server;
    }

    public QuicListener Listener { get; }

    public QuicConnection Client { get; }

    public QuicConnection Server { get; }

    public static async Task<QuicPair> ConnectAsync(
        CancellationToken cancellationToken,
        string address = "127.0.0.1",
        Action<QuicServerConnectionOptions>? server = null,
        Action<QuicClientConnectionOptions>? client = null,
        QuicMemoryNetwork? network = null)
    {
        QuicListener listener = await ListenAsync(address, server, network);
        try
        {
            Task<QuicConnection> accepting = listener.AcceptConnectionAsync(cancellationToken).AsTask();
            QuicConnection connected = await QuicConnection.ConnectAsync(ClientOptions(listener, client, network), cancellationToken);
            return new(listener, connected, await accepting);
        }
        catch
        {
            await listener.DisposeAsync();
            throw;
        }
    }

    public static ValueTask<QuicListener> ListenAsync(
        string address = "127.0.0.1", Action<QuicServerConnectionOptions>? configure = null, QuicMemoryNetwork? network = null)
    {
        QuicServerConnectionOptions options = new()
        {
            ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
        };
        configure?.Invoke(options);
        return QuicListener.ListenAsync(new()
        {
            ListenEndPoint = new(IPAddress.Parse(address), 0),
            ApplicationProtocols = [Protocol],
            ConnectionOptions = options,
            Network = network,
        });
    }

    public static QuicClientConnectionOptions ClientOptions(
        QuicListener listener, Action<QuicClientConnectionOptions>? configure = null, QuicMemoryNetwork? network = null)
    {
        IPEndPoint remote = listener.LocalEndPoint;
        QuicClientConnectionOptions options = new()
        {
            RemoteEndPoint = remote.Address.Equals(IPAddress.IPv6Any) || remote.Address.Equals(IPAddress.Any) ? new(IPAddress.Loopback, remote.Port) : remote,
            Network = network,
            MaxInboundBidirectionalStreams = 10,
            MaxInboundUnidirectionalStreams = 10,
            ClientAuthenticationOptions = new()
            {
                ApplicationProtocols = [Protocol],
                TargetHost = "localhost",
                CertificateChainPolicy = TestPki.Instance.Policy(),
            },
        };
        configure?.Invoke(options);
        return options;
    }

    /// <summary>A stream opened by the client, and the server's end of it; the first bytes are on their way already.</summary>
    public async Task<(QuicStream Client, QuicStream Server)> OpenAsync(byte[] first, CancellationToken cancellationToken)
    {
        QuicStream client = await Client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, cancellationToken);
        await client.WriteAsync(first, cancellationToken);
        return (client, await Server.AcceptInboundStreamAsync(cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        await Listener.DisposeAsync();
    }
}
