using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;

// Callbacks that accept anything are what is tested, as are policies that the other systems lack.
#pragma warning disable CA5359, CA1416, CA5398

namespace Net.Tests.Core.Io;

/// <summary>What the options say is honoured, or refused with a message.</summary>
[TestClass]
public sealed class QuicOptionsTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal: per ClientHello the application chooses certificate, protocols, limits and codes, also after it has thought for a while.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task The_callback_chooses_per_client()
    {
        QuicMemoryNetwork network = new();
        SslClientHelloInfo? asked = null;
        await using QuicListener listener = await ListenAsync(network, async (connection, hello, token) =>
        {
            asked = hello;
            Assert.AreEqual(hello.ServerName, connection.TargetHostName);
            Assert.AreNotEqual(0, connection.RemoteEndPoint.Port);
            await Task.Yield();
            QuicServerConnectionOptions options = ServerOptions();
            options.MaxInboundBidirectionalStreams = 3;
            options.MaxDatagramFrameSize = 1000;
            options.IdleTimeout = TimeSpan.FromSeconds(7);
            options.DefaultCloseErrorCode = 77;
            options.ServerAuthenticationOptions.ApplicationProtocols = [new("second")];
            return options;
        });
        QuicStreamCapacityChangedArgs permitted = default;
        using SemaphoreSlim told = new(0);
        QuicClientConnectionOptions clientOptions = QuicPair.ClientOptions(listener, o =>
        {
            o.ClientAuthenticationOptions.ApplicationProtocols = [QuicPair.Protocol, new("second")];
            o.StreamCapacityCallback = (of, args) =>
            {
                Assert.IsNotNull(of);
                permitted = args;
                _ = told.Release();
            };
        }, network);

        await using QuicConnection client = await QuicConnection.ConnectAsync(clientOptions, Token);
        await using QuicConnection server = await listener.AcceptConnectionAsync(Token);

        Assert.AreEqual(("localhost", SslProtocols.Tls13), (asked!.Value.ServerName, asked.Value.SslProtocols));
        Assert.AreEqual(new SslApplicationProtocol("second"), client.NegotiatedApplicationProtocol);
        Assert.AreEqual(new SslApplicationProtocol("second"), server.NegotiatedApplicationProtocol);
        Assert.AreEqual(TimeSpan.FromSeconds(7), client.Connection.PeerParameters!.MaxIdleTimeout);
        Assert.IsTrue(client.DatagramsAvailable);
        await told.WaitAsync(Token);
        Assert.AreEqual((3, 10), (permitted.BidirectionalIncrement, permitted.UnidirectionalIncrement));
        await server.DisposeAsync();
        QuicException fault = await Assert.ThrowsExactlyAsync<QuicException>(async () => await client.AcceptInboundStreamAsync(Token));
        Assert.AreEqual(77, fault.ApplicationErrorCode);
    }

    /// <summary>
    /// Goal: a client that comes back is shown to the callback again, whatever it kept of its first visit; whose first visit was with a certificate does not
    /// come in without (checklist S45).
    /// </summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task The_callback_is_asked_each_time()
    {
        QuicMemoryNetwork network = new();
        int asked = 0;
        await using QuicListener listener = await ListenAsync(network, (_, _, _) =>
        {
            asked++;
            return ValueTask.FromResult(ServerOptions());
        });
        QuicClientConnectionOptions options = QuicPair.ClientOptions(listener, network: network);
        for (int visits = 1; visits <= 2; visits++)
        {
            await using QuicConnection client = await QuicConnection.ConnectAsync(options, Token);
            await using QuicConnection server = await listener.AcceptConnectionAsync(Token);
            // An answer comes behind the tickets, if there were any.
            await using QuicStream request = await client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
            await request.WriteAsync(new byte[1], completeWrites: true, Token);
            await using QuicStream incoming = await server.AcceptInboundStreamAsync(Token);
            await incoming.WriteAsync(new byte[1], completeWrites: true, Token);
            Assert.AreEqual(1, await request.ReadAsync(new byte[1], Token));
            Assert.AreEqual((visits, false), (asked, client.IsResumed));
        }
    }

    /// <summary>Goal: a callback that throws, gives nothing, or gives what cannot be used refuses its client; the next one is served, and accepting never throws.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_callback_that_fails_refuses_its_client_alone()
    {
        QuicMemoryNetwork network = new();
        int calls = 0;
        await using QuicListener listener = await ListenAsync(network, (_, _, _) => ValueTask.FromResult<QuicServerConnectionOptions>(++calls switch
        {
            1 => throw new InvalidCastException(),
            2 => null!,
            3 => new(),
            4 => new() { ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, EnabledSslProtocols = SslProtocols.Tls12, ApplicationProtocols = [QuicPair.Protocol] } },
            5 => new() { ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, ApplicationProtocols = [new("another")] } },
            _ => ServerOptions(),
        }));
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
        for (int i = 1; i <= 5; i++)
        {
            await Assert.ThrowsExactlyAsync<AuthenticationException>(
                async () => await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), Token), $"call {i}");
        }

        await using QuicConnection client = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), Token);
        await using QuicConnection server = await accepting;
        Assert.AreEqual(6, calls);
    }

    /// <summary>Goal: a callback that hangs is cancelled when its client has gone, and holds nothing.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_callback_that_hangs_is_cancelled()
    {
        QuicMemoryNetwork network = new();
        TaskCompletionSource called = new(TaskCreationOptions.RunContinuationsAsynchronously), cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        QuicListener listener = await ListenAsync(network, async (_, _, token) =>
        {
            await using CancellationTokenRegistration registration = token.Register(cancelled.SetResult);
            called.SetResult();
            await Never.EndsAsync(token);
            return ServerOptions();
        });
        using CancellationTokenSource giveUp = new();
        Task<QuicConnection> connecting = QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), giveUp.Token).AsTask();
        await called.Task.WaitAsync(Token);
        await giveUp.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => connecting);
        await cancelled.Task.WaitAsync(Token);
        await listener.DisposeAsync();
        await network.Emptied.WaitAsync(Token);
    }

    /// <summary>Goal: the suites of a policy are used in its order, at either end, and one without QUIC's is refused.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_policy_chooses_the_suite()
    {
        foreach (bool atServer in (bool[])[true, false])
        {
            CipherSuitesPolicy policy = new([TlsCipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256]);
            await using QuicPair pair = await QuicPair.ConnectAsync(
                Token,
                server: o => o.ServerAuthenticationOptions.CipherSuitesPolicy = atServer ? policy : null,
                client: o => o.ClientAuthenticationOptions.CipherSuitesPolicy = atServer ? null : policy,
                network: new());
            Assert.AreEqual(TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256, pair.Client.NegotiatedCipherSuite);
            Assert.AreEqual(SslProtocols.Tls13, pair.Server.SslProtocol);
        }

        await Assert.ThrowsExactlyAsync<NotSupportedException>(async () => await QuicPair.ListenAsync(
            configure: o => o.ServerAuthenticationOptions.CipherSuitesPolicy = new([TlsCipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA]), network: new()));
        await Assert.ThrowsExactlyAsync<NotSupportedException>(async () => await QuicPair.ListenAsync(
            configure: o => o.ServerAuthenticationOptions.EnabledSslProtocols = SslProtocols.Tls12, network: new()));
    }

    /// <summary>Goal: a client's certificate can be chosen by its callback, which sees whom it calls and what it has.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_client_selects_its_certificate()
    {
        string? called = null;
        await using QuicPair pair = await QuicPair.ConnectAsync(
            Token,
            server: o => o.ServerAuthenticationOptions.ClientCertificateRequired = true,
            client: o =>
            {
                o.ClientAuthenticationOptions.ClientCertificates = [TestPki.Instance.Server, TestPki.Instance.Client];
                o.ClientAuthenticationOptions.LocalCertificateSelectionCallback = (_, host, local, _, _) =>
                {
                    called = host;
                    return local[1];
                };
            },
            network: new());
        Assert.AreEqual("localhost", called);
        Assert.AreEqual(TestPki.Instance.Client, pair.Server.RemoteCertificate);
    }

    /// <summary>Goal: the whole chain policy is honoured: a time at which the certificate was not valid yet refuses it, and flags can permit that.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_chain_policy_is_honoured_as_a_whole()
    {
        QuicMemoryNetwork network = new();
        await using QuicListener listener = await QuicPair.ListenAsync(network: network);
        QuicClientConnectionOptions options = QuicPair.ClientOptions(listener, network: network);
        X509ChainPolicy policy = options.ClientAuthenticationOptions.CertificateChainPolicy!;
        policy.VerificationTime = DateTime.UtcNow.AddDays(-400);
        await Assert.ThrowsExactlyAsync<AuthenticationException>(async () => await QuicConnection.ConnectAsync(options, Token));
        policy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        await using QuicConnection accepted = await QuicConnection.ConnectAsync(options, Token);
    }

    /// <summary>Goal: options that are missing or out of range are the caller's mistake, told at once and by name.</summary>
    [TestMethod]
    public async Task Unusable_options_are_refused_at_once()
    {
        QuicMemoryNetwork network = new();
        await Refused<ArgumentException>("ListenEndPoint", o => o.ListenEndPoint = null!);
        await Refused<ArgumentException>("ConnectionOptionsCallback", o => o.ConnectionOptions = null);
        await Refused<ArgumentException>("ApplicationProtocols", o => o.ApplicationProtocols = []);
        await Refused<ArgumentException>("ServerAuthenticationOptions", o => o.ConnectionOptions = new());
        await Refused<ArgumentException>("certificate", o => o.ConnectionOptions = new() { ServerAuthenticationOptions = new() });
        await Refused<ArgumentOutOfRangeException>("MaxDatagramFrameSize", o => o.ConnectionOptions!.MaxDatagramFrameSize = 65_536);
        await Refused<ArgumentOutOfRangeException>("DatagramQueueLength", o => o.ConnectionOptions!.DatagramQueueLength = 0);
        await Refused<ArgumentOutOfRangeException>("Connection", o => o.ConnectionOptions!.InitialReceiveWindowSizes.Connection = 0);
        await Refused<ArgumentOutOfRangeException>("UnidirectionalStream", o => o.ConnectionOptions!.InitialReceiveWindowSizes.UnidirectionalStream = (1 << 28) + 1);
        await Refused<ArgumentOutOfRangeException>("MaxStreamReceiveWindow", o => o.ConnectionOptions!.MaxStreamReceiveWindow = -1);
        await Refused<ArgumentOutOfRangeException>("MaxInbound", o => o.ConnectionOptions!.MaxInboundUnidirectionalStreams = -1);
        Assert.AreEqual(0, network.BoundAddresses);

        async Task Refused<TException>(string name, Action<QuicListenerOptions> spoil) where TException : ArgumentException
        {
            QuicListenerOptions options = new()
            {
                ListenEndPoint = new(IPAddress.Loopback, 0),
                ApplicationProtocols = [QuicPair.Protocol],
                ConnectionOptions = ServerOptions(),
                Network = network,
            };
            options.ConnectionOptions.ServerAuthenticationOptions.ApplicationProtocols = null;
            spoil(options);
            TException refused = await Assert.ThrowsExactlyAsync<TException>(async () => await QuicListener.ListenAsync(options, Token), name);
            Assert.Contains(name, refused.Message);
        }
    }

    /// <summary>Goal: each kind of stream has the window that the options give it.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Windows_are_those_of_the_options()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(
            Token,
            server: o => o.InitialReceiveWindowSizes = new()
            {
                Connection = 1001,
                LocallyInitiatedBidirectionalStream = 1002,
                RemotelyInitiatedBidirectionalStream = 1003,
                UnidirectionalStream = 1004,
            },
            network: new());
        Net.Core.Wire.TransportParameters told = pair.Client.Connection.PeerParameters!;
        Assert.AreEqual(
            (1001UL, 1002UL, 1003UL, 1004UL),
            (told.InitialMaxData, told.InitialMaxStreamDataBidiLocal, told.InitialMaxStreamDataBidiRemote, told.InitialMaxStreamDataUni));
    }

    /// <summary>Goal: a blocking read gives up when its time is over, and takes nothing.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_blocking_read_has_a_time()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, network: new());
        (QuicStream client, QuicStream server) = await pair.OpenAsync([1], Token);
        Assert.AreEqual(1, server.ReadByte());
        Assert.IsTrue(server.CanTimeout);
        server.ReadTimeout = 50;
        Assert.ThrowsExactly<IOException>(() => server.ReadByte());
        await client.WriteAsync(new byte[] { 2 }, Token);
        server.ReadTimeout = Timeout.Infinite;
        Assert.AreEqual(2, server.ReadByte());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => server.WriteTimeout = 0);
    }

    private static QuicServerConnectionOptions ServerOptions() => new()
    {
        ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, ApplicationProtocols = [QuicPair.Protocol] },
    };

    private ValueTask<QuicListener> ListenAsync(
        QuicMemoryNetwork network, Func<QuicConnection, SslClientHelloInfo, CancellationToken, ValueTask<QuicServerConnectionOptions>> callback) =>
        QuicListener.ListenAsync(
            new()
            {
                ListenEndPoint = new(IPAddress.Loopback, 0),
                ApplicationProtocols = [QuicPair.Protocol, new("second")],
                ConnectionOptionsCallback = callback,
                Network = network,
            },
            Token);
}
