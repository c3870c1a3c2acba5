using System.Net.Security;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Net.Http3.Client.Hosting;
using Net.Tests.Core.Io;

namespace Net.Tests.Kestrel;

/// <summary>How Kestrel's endpoints and their TLS options become ours.</summary>
[TestClass]
public sealed class EndpointTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: a client certificate reaches the application; where it is only allowed, a client without one is served as well.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_client_certificate_is_shown_or_not()
    {
        await using AppServer server = await StartAsync(ClientCertificateMode.AllowCertificate);
        await using Http3Client known = await server.ConnectAsync(Stop, new() { ClientCertificates = [TestPki.Instance.Client] });
        Assert.AreEqual("CN=client", Encoding.UTF8.GetString((await known.GetAsync("/")).Body));
        await using Http3Client unknown = await server.ConnectAsync(Stop);
        Assert.AreEqual("nobody", Encoding.UTF8.GetString((await unknown.GetAsync("/")).Body));
    }

    /// <summary>Goal: where a client certificate is required, a client without one gets no answer.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_required_client_certificate_is_required()
    {
        await using AppServer server = await StartAsync(ClientCertificateMode.RequireCertificate);
        await using Http3Client known = await server.ConnectAsync(Stop, new() { ClientCertificates = [TestPki.Instance.Client] });
        Assert.AreEqual("CN=client", Encoding.UTF8.GetString((await known.GetAsync("/")).Body));
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            await using Http3Client unknown = await server.ConnectAsync(Stop);
            _ = await unknown.GetAsync("/");
        });
    }

    /// <summary>Goal: a callback that chooses by the server's name is asked in each handshake, and may refuse.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_certificate_is_chosen_by_name()
    {
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", () => "hello"),
            listen: endpoint => endpoint.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = context => context.ClientHelloInfo.ServerName == "localhost"
                    ? ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = TestPki.Instance.Server })
                    : throw new InvalidOperationException("no such host"),
            }),
            cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        Assert.AreEqual("hello", Encoding.UTF8.GetString((await client.GetAsync("/")).Body));
        await Assert.ThrowsAsync<IOException>(() => server.ConnectAsync(Stop, name: "elsewhere"));
    }

    /// <summary>Goal: an endpoint is served by as many threads as are asked for; a number that cannot be is named when the application starts.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Several_threads_serve_an_endpoint()
    {
        await using AppServer server = await AppServer.StartAsync(app => app.MapGet("/", () => "hello"), configure: options => options.Threads = 2, cancellationToken: Stop);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            await using Http3Client client = await server.ConnectAsync(Stop);
            Assert.AreEqual("hello", Encoding.UTF8.GetString((await client.GetAsync("/")).Body));
        }));
        ArgumentOutOfRangeException refused = await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(
            () => AppServer.StartAsync(app => app.MapGet("/", () => "hello"), configure: options => options.Threads = 129, cancellationToken: Stop));
        Assert.AreEqual("Threads", refused.ParamName);
    }

    /// <summary>Goal: a port that is taken is named when the application starts.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_port_that_is_taken_is_reported()
    {
        await using AppServer server = await AppServer.StartAsync(app => app.MapGet("/", () => ""), cancellationToken: Stop);
        IOException error = await Assert.ThrowsAsync<IOException>(
            () => AppServer.StartAsync(app => app.MapGet("/", () => ""), port: server.Address.Port, cancellationToken: Stop));
        Assert.Contains($"{server.Address.Port}", error.Message);
        Assert.IsInstanceOfType<Microsoft.AspNetCore.Connections.AddressInUseException>(error.InnerException);
    }

    private Task<AppServer> StartAsync(ClientCertificateMode mode) => AppServer.StartAsync(
        app => app.MapGet("/", (HttpContext context) => context.Connection.ClientCertificate?.Subject ?? "nobody"),
        listen: endpoint => endpoint.UseHttps(https =>
        {
            https.ServerCertificate = TestPki.Instance.Server;
            https.ClientCertificateMode = mode;
            https.ClientCertificateValidation = (certificate, _, _) => certificate.Subject == "CN=client";
        }),
        cancellationToken: Stop);
}
