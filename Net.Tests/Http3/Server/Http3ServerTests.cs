using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Tests.Core.Io;

namespace Net.Tests.Http3.Server;

[TestClass]
public sealed class Http3ServerTests
{
    public required TestContext TestContext { get; init; }

    /// <summary>Goal: a component answers on a port; a request that runs when the server stops ends well, and the port is free afterwards.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_running_request_ends_before_the_server_does()
    {
        Gate component = new();
        Http3Server server = Start(component, 0);
        IPEndPoint address = server.LocalEndPoint;
        await using Http3Client client = await Http3Client.ConnectAsync(
            UdpAddress.FromEndPoint(address), "localhost", new() { CertificateChainPolicy = TestPki.Instance.Policy() }, CancellationToken.None);
        ClientExchange exchange = client.NewExchange();
        await exchange.SendAsync(new("GET", "https", "localhost", "/", new FieldSection()), hasBody: false);
        await component.Begun.Task;

        Task stopping = server.StopAsync(TimeSpan.FromSeconds(20));
        component.MayEnd.SetResult();
        await exchange.ReadHeadAsync();
        Assert.AreEqual(200, exchange.Response!.Status);
        Assert.AreEqual(0, await exchange.ReadAsync(new byte[10]));
        await stopping;

        await using Http3Server again = Start(component, address.Port);
        Assert.AreEqual(address, again.LocalEndPoint);
        AddressInUseException taken = Assert.ThrowsExactly<AddressInUseException>(() => Start(component, address.Port));
        Assert.Contains($"{address} is in use", taken.Message);
    }

    /// <summary>Goal: another certificate is shown from the next handshake on, and the connections that there are stay.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_certificate_is_replaced_without_a_restart()
    {
        await using Http3Server server = Start(new Handler((exchange, _) => exchange.RespondAsync(200)), 0);
        await using Http3Client before = await ConnectAsync(server);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=another", key, HashAlgorithmName.SHA256);
        using X509Certificate2 another = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        server.Reload(new() { ServerCertificate = another });
        string? seen = null;
        await using Http3Client after = await Http3Client.ConnectAsync(
            UdpAddress.FromEndPoint(server.LocalEndPoint), "localhost", new()
            {
#pragma warning disable CA5359 // It is the subject that the test is after.
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    seen = certificate!.Subject;
                    return true;
                },
#pragma warning restore CA5359
            }, CancellationToken.None);
        Assert.AreEqual("CN=another", seen);
        Assert.AreEqual(200, await GetAsync(before));
        Assert.AreEqual(200, await GetAsync(after));
        Assert.ThrowsExactly<ArgumentException>(() => server.Reload(new()));
        Assert.AreEqual(200, await GetAsync(after));
    }

    /// <summary>Goal: a client may have as many requests open as is permitted, a server as many connections.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Requests_and_connections_are_limited()
    {
        Gate component = new();
        await using Http3Server server = Start(component, 0, new() { MaxConnections = 1, MaxConcurrentRequests = 2 });
        Http3Client client = await ConnectAsync(server);
        bool[] open = new bool[3];
        for (int i = 0; i < 3; i++)
        {
            ClientExchange exchange = client.NewExchange();
            await exchange.SendAsync(new("GET", "https", "localhost", "/", new FieldSection()), hasBody: false, waits: false);
            open[i] = exchange.IsOpen;
        }

        CollectionAssert.AreEqual(new[] { true, true, false }, open);
        component.MayEnd.SetResult();
        Assert.AreEqual(200, await GetAsync(client));

        using CancellationTokenSource soon = new(TimeSpan.FromMilliseconds(500));
        await Assert.ThrowsAsync<OperationCanceledException>(() => ConnectAsync(server, soon.Token));
        await client.DisposeAsync();
        await using Http3Client next = await ConnectAsync(server);
        Assert.AreEqual(200, await GetAsync(next));
    }

    /// <summary>Goal: requests that are on their way when a drain begins are served; later ones are refused in a way that permits another try.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_drain_takes_what_is_on_its_way()
    {
        Gate component = new();
        Http3Server server = Start(component, 0);
        await using Http3Client client = await ConnectAsync(server);
        Task<int> running = GetAsync(client);
        await component.Begun.Task;
        Task stopping = server.StopAsync(TimeSpan.FromSeconds(20));
        await client.Leaving.WaitAsync(TestContext.CancellationToken);

        ClientExchange late = client.NewExchange();
        await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(
            async () => await late.SendAsync(new("GET", "https", "localhost", "/", new FieldSection()), hasBody: false));
        Assert.AreEqual(FailureKind.Refused, late.Failure!.Kind);
        component.MayEnd.SetResult();
        Assert.AreEqual(200, await running);
        await stopping;
    }

    /// <summary>
    /// Goal: a server of several threads answers clients of all of them with one component, counts its connections over all of them, and drains and ends all.
    /// Method: as many clients as there may be; by the system's choice they are on any thread.
    /// </summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Several_threads_are_one_server()
    {
        const int Limit = 8;
        int begun = 0;
        TaskCompletionSource allBegun = new(TaskCreationOptions.RunContinuationsAsynchronously), mayEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Http3Server server = Start(new Handler(async (exchange, _) =>
        {
            if (Interlocked.Increment(ref begun) == Limit)
            {
                allBegun.SetResult();
            }

            await mayEnd.Task;
            await exchange.RespondAsync(200);
        }), 0, new() { MaxConnections = Limit }, threads: 2);
        Http3Client[] clients = await Task.WhenAll(Enumerable.Range(0, Limit).Select(_ => ConnectAsync(server)));
        using CancellationTokenSource soon = new(TimeSpan.FromMilliseconds(500));
        await Assert.ThrowsAsync<OperationCanceledException>(() => ConnectAsync(server, soon.Token));

        Task<int>[] running = [.. clients.Select(GetAsync)];
        await allBegun.Task.WaitAsync(TestContext.CancellationToken);
        Task stopping = server.StopAsync(TimeSpan.FromSeconds(20));
        await Task.WhenAll(clients.Select(client => client.Leaving)).WaitAsync(TestContext.CancellationToken);
        Assert.IsFalse(server.Completion.IsCompleted);
        mayEnd.SetResult();
        CollectionAssert.AreEqual(Enumerable.Repeat(200, Limit).ToArray(), await Task.WhenAll(running));
        await stopping;
        Assert.IsTrue(server.Completion.IsCompletedSuccessfully);
        foreach (Http3Client client in clients)
        {
            await client.DisposeAsync();
        }

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Start(new Gate(), 0, threads: 129));
    }

    private static async Task<int> GetAsync(Http3Client client)
    {
        ClientExchange exchange = client.NewExchange();
        await exchange.SendAsync(new("GET", "https", "localhost", "/", new FieldSection()), hasBody: false);
        await exchange.ReadHeadAsync();
        return exchange.Response!.Status;
    }

    private static Task<Http3Client> ConnectAsync(Http3Server server, CancellationToken cancellationToken = default) => Http3Client.ConnectAsync(
        UdpAddress.FromEndPoint(server.LocalEndPoint), "localhost", new() { CertificateChainPolicy = TestPki.Instance.Policy() }, cancellationToken);

    private static Http3Server Start(IComponent component, int port, Http3ServerLimits? limits = null, int threads = 1) => Http3Server.Start(new()
    {
        Threads = threads,
        Limits = limits ?? new(),
        ListenEndPoint = new(IPAddress.Loopback, port),
        ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
        Component = component,
    });

    private sealed class Gate : IComponent
    {
        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource MayEnd { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
        {
            Begun.TrySetResult();
            await MayEnd.Task;
            await exchange.RespondAsync(200);
        }
    }
}
