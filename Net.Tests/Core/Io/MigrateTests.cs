using System.Net;
using Net.Core.Io;

namespace Net.Tests.Core.Io;

/// <summary>Connections that change their address over real sockets.</summary>
[TestClass]
public sealed class MigrateTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal: a client moves to another port, twice, in the middle of a conversation; both ends know the new address, and no byte is lost.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow("127.0.0.1")]
    [DataRow("::1")]
    public async Task A_client_moves_to_another_port(string address)
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, address);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([0], Token);
        await using QuicStream clientEnd = client;
        await using QuicStream serverEnd = server;
        await ReadAsync(server, 0);
        for (byte move = 1; move <= 2; move++)
        {
            int before = pair.Client.LocalEndPoint.Port;
            await pair.Client.MigrateAsync(cancellationToken: Token);
            Assert.AreNotEqual(before, pair.Client.LocalEndPoint.Port);
            await client.WriteAsync(new[] { move }, Token);
            await ReadAsync(server, move);
            await server.WriteAsync(new[] { move }, Token);
            await ReadAsync(client, move);
            // The server's application may still be told: the client's answer and its first byte come in two packets.
            while (pair.Server.RemoteEndPoint.Port != pair.Client.LocalEndPoint.Port)
            {
                await Task.Yield();
                Token.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Goal: a server's end cannot move, nor a client whose server forbids it; both connections live on.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_move_that_is_forbidden_is_refused()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, server: options => options.DisableActiveMigration = true);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([0], Token);
        await using QuicStream clientEnd = client;
        await using QuicStream serverEnd = server;
        await ReadAsync(server, 0);
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await pair.Server.MigrateAsync(cancellationToken: Token));
        await server.WriteAsync(new byte[] { 1 }, Token);
        await ReadAsync(client, 1);
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await pair.Client.MigrateAsync(cancellationToken: Token));
        await client.WriteAsync(new byte[] { 2 }, Token);
        await ReadAsync(server, 2);
    }

    /// <summary>Goal: a client follows its server to the preferred address, of its own family or the other, unless it is told not to; it is served either way.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow("127.0.0.1", true)]
    [DataRow("::1", true)]
    [DataRow("127.0.0.1", false)]
    public async Task A_client_follows_its_server_to_the_preferred_address(string preferred, bool follows)
    {
        IPEndPoint offered = new(IPAddress.Parse(preferred), FreePort());
        await using QuicListener listener = await QuicListener.ListenAsync(new()
        {
            ListenEndPoint = new(IPAddress.Loopback, 0),
            ApplicationProtocols = [QuicPair.Protocol],
            PreferredIPv4EndPoint = preferred.Contains('.') ? offered : null,
            PreferredIPv6EndPoint = preferred.Contains('.') ? null : offered,
            ConnectionOptions = new()
            {
                ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
            },
        });
        IPEndPoint? asked = null;
        bool Decide(IPEndPoint called, IPEndPoint preferredAddress)
        {
            Assert.AreEqual(listener.LocalEndPoint, called);
            asked = preferredAddress;
            return follows;
        }

        await using QuicConnection client = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, o => o.FollowPreferredAddress = Decide), Token);
        await using QuicConnection server = await listener.AcceptConnectionAsync(Token);
        await using QuicStream stream = await server.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
        await stream.WriteAsync(new byte[] { 1 }, Token);
        await using QuicStream arrived = await client.AcceptInboundStreamAsync(Token);
        await ReadAsync(arrived, 1);
        while (asked is null || (follows && !client.RemoteEndPoint.Equals(offered)))
        {
            await Task.Yield();
            Token.ThrowIfCancellationRequested();
        }

        Assert.AreEqual(offered, asked);
        await arrived.WriteAsync(new byte[] { 2 }, Token);
        await ReadAsync(stream, 2);
        await stream.WriteAsync(new byte[] { 3 }, Token);
        await ReadAsync(arrived, 3);
        Assert.AreEqual(follows ? offered : listener.LocalEndPoint, client.RemoteEndPoint);
    }

    private async Task ReadAsync(QuicStream stream, byte expected)
    {
        byte[] buffer = new byte[1];
        await stream.ReadExactlyAsync(buffer, Token);
        Assert.AreEqual(expected, buffer[0]);
    }

    private static int FreePort()
    {
        using System.Net.Sockets.Socket socket = new(System.Net.Sockets.AddressFamily.InterNetworkV6, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        socket.DualMode = true;
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
