using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;

// Reads here ask for one byte: they cannot be cut short. A callback that accepts anything is what is tested.
#pragma warning disable CA2022, CA5359

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class QuicConnectionTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal: both ends agree on who they are and what they speak, over IPv4, IPv6 and a dual-stack wildcard.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow("127.0.0.1")]
    [DataRow("::1")]
    [DataRow("::")]
    public async Task A_client_and_a_listener_meet(string address)
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, address);

        Assert.AreEqual(QuicPair.Protocol, pair.Client.NegotiatedApplicationProtocol);
        Assert.AreEqual(QuicPair.Protocol, pair.Server.NegotiatedApplicationProtocol);
        Assert.AreEqual("localhost", pair.Client.TargetHostName);
        Assert.AreEqual("localhost", pair.Server.TargetHostName);
        Assert.AreEqual(TestPki.Instance.Server, pair.Client.RemoteCertificate);
        Assert.IsNull(pair.Server.RemoteCertificate);
        Assert.AreEqual(pair.Listener.LocalEndPoint.Port, pair.Client.RemoteEndPoint.Port);
        Assert.AreEqual(pair.Client.LocalEndPoint.Port, pair.Server.RemoteEndPoint.Port);
    }

    /// <summary>Goal: a client that comes back with the same TLS options resumes, unless either end has switched it off; 0-RTT is off.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    [DataRow(true, true)]
    [DataRow(false, true)]
    [DataRow(true, false)]
    public async Task A_client_that_comes_back_resumes(bool client, bool server)
    {
        await using QuicListener listener = await QuicPair.ListenAsync(configure: options => options.ServerAuthenticationOptions.AllowTlsResume = server);
        QuicClientConnectionOptions options = QuicPair.ClientOptions(listener, options => options.ClientAuthenticationOptions.AllowTlsResume = client);
        options.AllowEarlyData = true;
        Assert.IsFalse((await MeetAsync(listener, options)).Resumed);
        (bool resumed, bool early, X509Certificate? certificate) = await MeetAsync(listener, options);
        Assert.AreEqual(client && server, resumed);
        Assert.IsFalse(early);
        Assert.AreEqual(TestPki.Instance.Server, certificate);
        Assert.IsFalse((await MeetAsync(listener, QuicPair.ClientOptions(listener))).Resumed, "other options may trust others");
    }

    /// <summary>Goal: with 0-RTT at both ends a connection is in use before its handshake is complete, and both can tell.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_client_that_comes_back_may_send_early_data()
    {
        await using QuicListener listener = await QuicPair.ListenAsync(configure: options => options.AllowEarlyData = true);
        QuicClientConnectionOptions options = QuicPair.ClientOptions(listener, options => options.AllowEarlyData = true);
        Assert.IsFalse((await MeetAsync(listener, options)).Early);
        (bool resumed, bool early, _) = await MeetAsync(listener, options);
        Assert.IsTrue(resumed && early);
    }

    /// <summary>One connection: a request, its answer, which comes behind the tickets, and the end.</summary>
    private async Task<(bool Resumed, bool Early, X509Certificate? Certificate)> MeetAsync(QuicListener listener, QuicClientConnectionOptions options)
    {
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
        await using QuicConnection client = await QuicConnection.ConnectAsync(options, Token);
        await using QuicStream request = await client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
        await request.WriteAsync(new byte[] { 7 }, completeWrites: true, Token);
        await using QuicConnection server = await accepting;
        await using QuicStream incoming = await server.AcceptInboundStreamAsync(Token);
        byte[] buffer = new byte[1];
        Assert.AreEqual(1, await incoming.ReadAsync(buffer, Token));
        await server.HandshakeCompletion.WaitAsync(Token);
        await incoming.WriteAsync(buffer, completeWrites: true, Token);
        Assert.AreEqual(1, await request.ReadAsync(buffer, Token));
        await client.HandshakeCompletion.WaitAsync(Token);
        Assert.AreEqual((client.IsResumed, client.IsEarlyDataAccepted), (server.IsResumed, server.IsEarlyDataAccepted));
        return (client.IsResumed, client.IsEarlyDataAccepted, client.RemoteCertificate);
    }

    /// <summary>Goal: with mutual TLS the server knows its client's certificate.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_client_shows_its_certificate()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(
            Token,
            server: options => options.ServerAuthenticationOptions.ClientCertificateRequired = true,
            client: options => options.ClientAuthenticationOptions.ClientCertificates = [TestPki.Instance.Client]);

        Assert.AreEqual(TestPki.Instance.Client, pair.Server.RemoteCertificate);
    }

    /// <summary>Goal: a server that requires a certificate never accepts a client without one, and the client learns why.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_client_without_a_certificate_is_refused()
    {
        await using QuicListener listener = await QuicPair.ListenAsync(configure: options => options.ServerAuthenticationOptions.ClientCertificateRequired = true);
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();

        // The client's own handshake is complete before the server has looked at its certificate: the refusal may come as late as the first use.
        QuicConnection? client = null;
        Exception refused = await Assert.ThrowsAsync<Exception>(async () =>
        {
            client = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token);
            _ = await client.AcceptInboundStreamAsync(Token);
        });

        Assert.AreEqual(0x100 + 116, ((refused as QuicException) ?? (QuicException)refused.InnerException!).TransportErrorCode);
        Assert.IsFalse(accepting.IsCompleted);
        await (client?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    /// <summary>Goal: a server whose root is not trusted is refused by the client, with the reason of TLS.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task An_untrusted_server_is_refused()
    {
        await using QuicListener listener = await QuicPair.ListenAsync();
        QuicClientConnectionOptions options = QuicPair.ClientOptions(listener, o =>
        {
            o.ClientAuthenticationOptions.CertificateChainPolicy!.CustomTrustStore.Clear();
            o.ClientAuthenticationOptions.CertificateChainPolicy.CustomTrustStore.Add(TestPki.Instance.Client);
        });

        await Assert.ThrowsExactlyAsync<AuthenticationException>(async () => await QuicConnection.ConnectAsync(options, Token));
    }

    /// <summary>Goal: a certificate for another name is refused, unless the application's callback has the last word.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_wrong_name_is_refused_unless_the_callback_accepts()
    {
        await using QuicListener listener = await QuicPair.ListenAsync();
        QuicClientConnectionOptions options = QuicPair.ClientOptions(listener, o => o.ClientAuthenticationOptions.TargetHost = "other.example");
        await Assert.ThrowsExactlyAsync<AuthenticationException>(async () => await QuicConnection.ConnectAsync(options, Token));

        SslPolicyErrors seen = SslPolicyErrors.None;
        options.ClientAuthenticationOptions.RemoteCertificateValidationCallback = (_, _, _, errors) =>
        {
            seen = errors;
            return true;
        };
        await using QuicConnection connection = await QuicConnection.ConnectAsync(options, Token);
        Assert.AreEqual(SslPolicyErrors.RemoteCertificateNameMismatch, seen);
    }

    /// <summary>Goal: a callback that throws has not said yes, and kills nothing but its own handshake.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_callback_that_throws_refuses()
    {
        await using QuicListener listener = await QuicPair.ListenAsync();
        QuicClientConnectionOptions options = QuicPair.ClientOptions(
            listener, o => o.ClientAuthenticationOptions.RemoteCertificateValidationCallback = (_, _, _, _) => throw new InvalidCastException());
        await Assert.ThrowsExactlyAsync<AuthenticationException>(async () => await QuicConnection.ConnectAsync(options, Token));
    }

    /// <summary>Goal: without a common application protocol the client is told so (alert 120), and the listener hears nothing of it.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_wrong_application_protocol_is_refused()
    {
        await using QuicListener listener = await QuicPair.ListenAsync();
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
        QuicClientConnectionOptions wrong = QuicPair.ClientOptions(listener, o => o.ClientAuthenticationOptions.ApplicationProtocols = [new("other")]);

        AuthenticationException refused = await Assert.ThrowsExactlyAsync<AuthenticationException>(
            async () => await QuicConnection.ConnectAsync(wrong, Token));

        Assert.AreEqual(0x100 + 120, ((QuicException)refused.InnerException!).TransportErrorCode);
        await using QuicConnection right = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token);
        await using QuicConnection accepted = await accepting;
    }

    /// <summary>Goal: the server's certificate can be chosen by the name that the client asks for.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_certificate_is_selected_by_name()
    {
        string? asked = null;
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, server: options =>
        {
            options.ServerAuthenticationOptions.ServerCertificate = null;
            options.ServerAuthenticationOptions.ServerCertificateSelectionCallback = (_, name) =>
            {
                asked = name;
                return TestPki.Instance.Server;
            };
        });
        Assert.AreEqual("localhost", asked);
    }

    /// <summary>Goal: a close tells the peer its code, ends what waits there, and ends our own operations as aborted here.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_close_carries_its_code()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([1], Token);
        _ = await server.ReadAsync(new byte[1], Token);
        Task<int> reading = server.ReadAsync(new byte[1], Token).AsTask();
        Task<QuicStream> accepting = pair.Server.AcceptInboundStreamAsync(Token).AsTask();

        await pair.Client.CloseAsync(0x1234, Token);

        foreach (Task waiting in (Task[])[reading, accepting, server.WritesClosed])
        {
            QuicException fault = await Assert.ThrowsExactlyAsync<QuicException>(() => waiting);
            Assert.AreEqual(QuicError.ConnectionAborted, fault.QuicError);
            Assert.AreEqual(0x1234, fault.ApplicationErrorCode);
        }

        QuicException own = await Assert.ThrowsExactlyAsync<QuicException>(async () => await client.ReadAsync(new byte[1], Token));
        Assert.AreEqual(QuicError.OperationAborted, own.QuicError);
        await Assert.ThrowsExactlyAsync<QuicException>(async () => await pair.Client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token));
        await Assert.ThrowsExactlyAsync<QuicException>(async () => await pair.Server.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token));
        await pair.Client.CloseAsync(1, Token);
    }

    /// <summary>Goal: a silent connection ends at both sides when the smaller idle timeout is over.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Silence_ends_a_connection()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, client: options => options.IdleTimeout = TimeSpan.FromMilliseconds(100));
        foreach (QuicConnection end in (QuicConnection[])[pair.Client, pair.Server])
        {
            QuicException fault = await Assert.ThrowsExactlyAsync<QuicException>(async () => await end.AcceptInboundStreamAsync(Token));
            Assert.AreEqual(QuicError.ConnectionIdle, fault.QuicError);
        }
    }

    /// <summary>Goal: where nobody answers, connecting ends with the handshake's time, and can be cancelled before.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Nobody_answers()
    {
        using Socket silent = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using QuicListener listener = await QuicPair.ListenAsync();
        QuicClientConnectionOptions options = QuicPair.ClientOptions(listener, o => o.HandshakeTimeout = TimeSpan.FromMilliseconds(200));
        options.RemoteEndPoint = silent.LocalEndPoint!;

        QuicException fault = await Assert.ThrowsExactlyAsync<QuicException>(async () => await QuicConnection.ConnectAsync(options, Token));
        Assert.AreEqual(QuicError.ConnectionTimeout, fault.QuicError);

        options.HandshakeTimeout = TimeSpan.FromSeconds(60);
        using CancellationTokenSource giveUp = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task<QuicConnection> connecting = QuicConnection.ConnectAsync(options, giveUp.Token).AsTask();
        await giveUp.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => connecting);
    }

    /// <summary>Goal: a listener that is disposed frees its port once its connections have ended; those that wait are told.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_disposed_listener_accepts_nobody()
    {
        QuicListener listener = await QuicPair.ListenAsync();
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
        await listener.DisposeAsync();
        await listener.DisposeAsync();
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => accepting);
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(async () => await listener.AcceptConnectionAsync(Token));
    }

    /// <summary>Goal: connections outlive the listener that accepted them.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Connections_outlive_their_listener()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        await pair.Listener.DisposeAsync();
        (_, QuicStream server) = await pair.OpenAsync([7], Token);
        byte[] got = new byte[1];
        await server.ReadExactlyAsync(got, Token);
        Assert.AreEqual(7, got[0]);
    }

    /// <summary>Goal: when listener and connections are disposed, thread and socket end, and the port can be bound again.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task The_last_connection_frees_the_port()
    {
        QuicPair pair = await QuicPair.ConnectAsync(Token);
        await pair.Listener.DisposeAsync();
        Assert.IsFalse(pair.Listener.Completion.IsCompleted);
        await pair.DisposeAsync();
        await pair.Listener.Completion.WaitAsync(Token);

        await using QuicListener next = await QuicListener.ListenAsync(
            new()
            {
                ListenEndPoint = pair.Listener.LocalEndPoint,
                ApplicationProtocols = [QuicPair.Protocol],
                ConnectionOptions = new() { ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server } },
            },
            Token);
    }

    /// <summary>Goal: a second listener on the same port fails with one clear line.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_taken_port_is_in_use()
    {
        await using QuicListener listener = await QuicPair.ListenAsync();
        QuicListenerOptions options = new()
        {
            ListenEndPoint = listener.LocalEndPoint,
            ApplicationProtocols = [QuicPair.Protocol],
            ConnectionOptions = new() { ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server } },
        };
        AddressInUseException refused = await Assert.ThrowsExactlyAsync<AddressInUseException>(async () => await QuicListener.ListenAsync(options, Token));
        Assert.AreEqual($"{listener.LocalEndPoint} is in use", refused.Message);
    }
}
