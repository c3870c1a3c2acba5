using System.Net;
using Net.Core.Io;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

/// <summary>What a listener asks of addresses and versions, over loopback.</summary>
[TestClass]
public sealed class ListenerAddressTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal (checklist S25): a listener that always asks sends a Retry to a new client, and none to one that has its token.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task S25_a_listener_asks_a_client_once_where_it_is()
    {
        await using QuicListener listener = await ListenAsync(retryThreshold: 0);
        await using QuicConnection first = await ConnectAsync(listener);
        await using QuicConnection accepted = await listener.AcceptConnectionAsync(Token);
        Assert.IsNotNull(first.Connection.PeerParameters!.RetrySourceConnectionId);

        // The token comes behind the handshake: what arrives on a stream arrives behind it.
        await using QuicStream stream = await accepted.OpenOutboundStreamAsync(QuicStreamType.Unidirectional, Token);
        await stream.WriteAsync(new byte[1], Token);
        await using QuicStream arrived = await first.AcceptInboundStreamAsync(Token);
        await using QuicConnection second = await ConnectAsync(listener);
        Assert.IsNull(second.Connection.PeerParameters!.RetrySourceConnectionId);
    }

    /// <summary>Goal: below the threshold, and with none, nobody is asked.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow(1)]
    [DataRow(-1)]
    public async Task Below_the_threshold_nobody_is_asked(int threshold)
    {
        await using QuicListener listener = await ListenAsync(threshold);
        await using QuicConnection client = await ConnectAsync(listener);
        Assert.IsNull(client.Connection.PeerParameters!.RetrySourceConnectionId);
    }

    /// <summary>Goal: both ends speak what their options say: the client's version, or the server's preferred one if the client permits it.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow(QuicProtocolVersion.Version1, null, true, QuicVersion.V1)]
    [DataRow(QuicProtocolVersion.Version2, null, true, QuicVersion.V2)]
    [DataRow(QuicProtocolVersion.Version1, QuicProtocolVersion.Version2, true, QuicVersion.V2)]
    [DataRow(QuicProtocolVersion.Version1, QuicProtocolVersion.Version2, false, QuicVersion.V1)]
    public async Task The_version_is_agreed(QuicProtocolVersion client, QuicProtocolVersion? preferred, bool accepts, uint spoken)
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(
            Token,
            server: options => options.PreferredVersion = preferred,
            client: options => (options.Version, options.AcceptOtherVersions) = (client, accepts));
        Assert.AreEqual((spoken, spoken), (pair.Client.Connection.Version, pair.Server.Connection.Version));
    }

    private ValueTask<QuicConnection> ConnectAsync(QuicListener listener) => QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token);

    private static ValueTask<QuicListener> ListenAsync(int retryThreshold) => QuicListener.ListenAsync(new()
    {
        ListenEndPoint = new(IPAddress.Loopback, 0),
        ApplicationProtocols = [QuicPair.Protocol],
        RetryThreshold = retryThreshold,
        ConnectionOptions = new()
        {
            ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
        },
    });
}
