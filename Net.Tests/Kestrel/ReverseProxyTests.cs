using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Net.Http3.Client;
using Net.Tests.Core.Io;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace Net.Tests.Kestrel;

/// <summary>YARP between a client and an application, with HTTP/3 on both sides: our transport takes the requests, our handler passes them on.</summary>
[TestClass]
public sealed class ReverseProxyTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: bodies of 1 MB, headers and trailers pass through the proxy in both directions; the application sees HTTP/3.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_proxy_speaks_http3_on_both_sides()
    {
        await using AppServer application = await AppServer.StartAsync(
            app => app.MapPost("/echo", async (HttpContext context) =>
            {
                context.Response.Headers["x-seen"] = $"{context.Request.Protocol} {context.Request.Headers["x-there"]}";
                await context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter);
                context.Response.AppendTrailer("x-last", "done");
            }),
            cancellationToken: Stop);
        await using AppServer proxy = await AppServer.StartAsync(
            app => app.MapReverseProxy(),
            services: services =>
            {
                services.AddReverseProxy().LoadFromMemory(
                    [new RouteConfig { RouteId = "all", ClusterId = "application", Match = new() { Path = "{**path}" } }],
                    [
                        new ClusterConfig
                        {
                            ClusterId = "application",
                            Destinations = new Dictionary<string, DestinationConfig> { ["one"] = new() { Address = $"https://localhost:{application.Address.Port}" } },
                            HttpRequest = new() { Version = HttpVersion.Version30, VersionPolicy = HttpVersionPolicy.RequestVersionExact },
                        },
                    ]);
                services.AddSingleton<IForwarderHttpClientFactory, Http3Forwarder>();
            },
            cancellationToken: Stop);
        using HttpClient client = new(Http3Forwarder.NewHandler()) { DefaultRequestVersion = HttpVersion.Version30 };
        byte[] upload = RandomNumberGenerator.GetBytes(1_000_000);
        using HttpRequestMessage request = new(HttpMethod.Post, $"https://localhost:{proxy.Address.Port}/echo")
        {
            Version = HttpVersion.Version30,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(upload),
        };
        request.Headers.Add("x-there", "value");
        using HttpResponseMessage response = await client.SendAsync(request, Stop);
        Assert.AreEqual("HTTP/3 value", response.Headers.GetValues("x-seen").Single());
        byte[] echo = await response.Content.ReadAsByteArrayAsync(Stop);
        Assert.IsTrue(upload.AsSpan().SequenceEqual(echo), $"{echo.Length} bytes");
        Assert.AreEqual("done", response.TrailingHeaders.GetValues("x-last").Single());
        Assert.IsEmpty(proxy.Faults, string.Join('\n', proxy.Faults));
    }

    private sealed class Http3Forwarder : IForwarderHttpClientFactory
    {
        /// <summary>A proxy passes on what it gets: redirects and cookies are its client's business.</summary>
        public static Http3Handler NewHandler() => new()
        {
            SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() },
            AllowAutoRedirect = false,
            UseCookies = false,
        };

        public HttpMessageInvoker CreateClient(ForwarderHttpClientContext context) => new(NewHandler());
    }
}
