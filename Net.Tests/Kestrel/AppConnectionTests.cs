using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Client.Hosting;
using Net.Http3.Server;
using Net.Kestrel.Hosting;

namespace Net.Tests.Kestrel;

/// <summary>What becomes of the requests on a connection of pipes that Kestrel ends.</summary>
[TestClass]
public sealed class AppConnectionTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: a request whose stream Kestrel has not taken was not processed, and may be sent again; one that it has taken may have been.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_Kestrel_has_not_taken_is_refused()
    {
        await using AppConnection connection = new(null, null);
        ClientExchange taken = connection.Client.NewExchange(), untaken = connection.Client.NewExchange();
        await SendAsync(taken);
        ConnectionContext? stream;
        do
        {
            stream = await connection.AcceptAsync(Stop);
        }
        while (!stream!.Features.Get<IStreamDirectionFeature>()!.CanWrite);
        await SendAsync(untaken);

        connection.Abort();
        await FailsAsync(taken.ReadHeadAsync(), taken, FailureKind.Lost);
        await FailsAsync(untaken.ReadHeadAsync(), untaken, FailureKind.Refused);
        await Assert.ThrowsExactlyAsync<ConnectionAbortedException>(async () => await connection.AcceptAsync(Stop));
    }

    /// <summary>Goal: the same for a request that comes when the connection has ended, and its session has not heard of that.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_cannot_be_offered_is_refused()
    {
        await using AppConnection connection = new(null, null);
        using Barrier barrier = new();
        ClientExchange late = connection.Client.NewExchange();
        connection.Client.Queue.Post(barrier);
        Task sending = SendAsync(late).AsTask();
        connection.Abort();
        Assert.IsTrue(connection.HasEnded);
        Assert.IsFalse(connection.Client.IsLeaving);
        barrier.Open();
        await FailsAsync(new(sending), late, FailureKind.Refused);
    }

    private static ValueTask SendAsync(ClientExchange exchange) => exchange.SendAsync(new("GET", "https", "web.test", "/", new()), hasBody: false);

    private static async Task FailsAsync(ValueTask operation, ClientExchange exchange, FailureKind kind)
    {
        await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(async () => await operation);
        Assert.AreEqual(kind, exchange.Failure!.Kind);
    }

    /// <summary>Holds a queue up.</summary>
    private sealed class Barrier : IShardWork, IDisposable
    {
        private readonly ManualResetEventSlim _isOpen = new();

        public void Open() => _isOpen.Set();

        public void Run(Instant now) => _isOpen.Wait();

        public void Dispose() => _isOpen.Dispose();
    }
}
