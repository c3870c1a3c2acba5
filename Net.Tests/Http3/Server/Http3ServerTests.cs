using System.Net;
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

    private static Http3Server Start(IComponent component, int port) => Http3Server.Start(new()
    {
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
