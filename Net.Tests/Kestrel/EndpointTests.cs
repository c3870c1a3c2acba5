using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Net.Http3.Client.Hosting;
using Net.Kestrel.Transport;
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

    /// <summary>
    /// Goal: a certificate that is required for one name is required, whatever other names are answered with: the callback's whole answer counts, as over TCP.
    /// </summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_client_certificate_is_required_for_one_name(bool isShared)
    {
        SslServerAuthenticationOptions shared = new() { ServerCertificate = TestPki.Instance.Server };
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", (HttpContext context) => context.Connection.ClientCertificate?.Subject ?? "nobody"),
            listen: endpoint => endpoint.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = context => ValueTask.FromResult((context.ClientHelloInfo.ServerName, isShared) switch
                {
                    ("localhost", _) => new()
                    {
                        ServerCertificate = TestPki.Instance.Server,
                        ClientCertificateRequired = true,
                        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=client",
                    },
                    (_, true) => shared,
                    _ => new SslServerAuthenticationOptions { ServerCertificate = TestPki.Instance.Server },
                }),
            }),
            cancellationToken: Stop);
        await using Http3Client known = await server.ConnectAsync(Stop, new() { ClientCertificates = [TestPki.Instance.Client] });
        Assert.AreEqual("CN=client", Encoding.UTF8.GetString((await known.GetAsync("/")).Body));
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            await using Http3Client unknown = await server.ConnectAsync(Stop);
            _ = await unknown.GetAsync("/");
        });
#pragma warning disable CA5359 // The certificate is not for this name, which is not what the test is after.
        await using Http3Client elsewhere = await server.ConnectAsync(Stop, new() { RemoteCertificateValidationCallback = (_, _, _, _) => true }, name: "elsewhere");
#pragma warning restore CA5359
        Assert.AreEqual("nobody", Encoding.UTF8.GetString((await elsewhere.GetAsync("/")).Body));
    }

    /// <summary>Goal: behind the certificate of a name stand its own intermediates.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_chain_is_chosen_by_name()
    {
        using ECDsa between = ECDsa.Create(ECCurve.NamedCurves.nistP256), key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1), to = DateTimeOffset.UtcNow.AddDays(100);
        CertificateRequest issuer = new("CN=between", between, HashAlgorithmName.SHA256), leaf = new("CN=leaf", key, HashAlgorithmName.SHA256);
        issuer.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        issuer.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        leaf.CertificateExtensions.Add(names.Build());
        using X509Certificate2 bareIssuer = issuer.Create(TestPki.Instance.Root, from, to, [1, 2, 3]), intermediate = bareIssuer.CopyWithPrivateKey(between);
        using X509Certificate2 bare = leaf.Create(intermediate, from, to, [4, 5, 6]), certificate = bare.CopyWithPrivateKey(key);
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", () => "hello"),
            listen: endpoint => endpoint.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = context => ValueTask.FromResult(context.ClientHelloInfo.ServerName == "localhost"
                    ? new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(certificate, [bareIssuer], offline: true) }
                    : new() { ServerCertificate = TestPki.Instance.Server }),
            }),
            cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        Assert.AreEqual("hello", Encoding.UTF8.GetString((await client.GetAsync("/")).Body));
    }

    /// <summary>
    /// Goal: the options of a plain UseHttps are known to be everybody's, so that sessions are resumed; a callback's never are, also when it gives all
    /// clients the same.
    /// </summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Options_of_a_callback_are_nobody_elses(bool isPlain)
    {
        SslServerAuthenticationOptions options = new() { ServerCertificate = TestPki.Instance.Server };
        Capture capture = new();
        await Assert.ThrowsAsync<NotSupportedException>(() => AppServer.StartAsync(
            app => app.MapGet("/", () => "hello"),
            listen: endpoint => _ = isPlain
                ? endpoint.UseHttps(TestPki.Instance.Server)
                : endpoint.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(options) }),
            services: services => services.AddSingleton<IMultiplexedConnectionListenerFactory>(capture),
            cancellationToken: Stop));
        Assert.AreEqual(isPlain, await TlsSettings.TryGetCommonAsync(capture.Options!, Stop) is not null);
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

    /// <summary>Sees what Kestrel wants, and does not do it.</summary>
    private sealed class Capture : IMultiplexedConnectionListenerFactory
    {
        public TlsConnectionCallbackOptions? Options { get; private set; }

        public ValueTask<IMultiplexedConnectionListener> BindAsync(EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default)
        {
            Options = features?.Get<TlsConnectionCallbackOptions>();
            throw new NotSupportedException();
        }
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
