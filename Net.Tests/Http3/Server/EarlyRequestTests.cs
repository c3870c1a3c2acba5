using System.Net;
using System.Net.Security;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;
using Net.Tests.Core.Io;
using Net.Tests.Http3.Client;

namespace Net.Tests.Http3.Server;

/// <summary>Requests in 0-RTT, at both ends (RFC 8470).</summary>
[TestClass]
public sealed class EarlyRequestTests
{
    public required TestContext TestContext { get; set; }

    /// <summary>
    /// Goal: before the handshake is complete, a request of a safe method is handled and told so, any other waits (checklist S43); afterwards
    /// both are as always.
    /// </summary>
    [TestMethod]
    public void Only_safe_requests_are_handled_before_the_handshake()
    {
        List<(string Method, bool IsEarly)> handled = [];
        HostWorld world = new(new Handler((exchange, _) =>
        {
            handled.Add((exchange.Method, exchange.IsEarlyData));
            return exchange.RespondAsync(exchange.IsEarlyData && exchange.Path == "/costly" ? 425 : 200);
        }), early: true);
        StreamId get = world.Request(), post = world.Request("POST"), delete = world.Request("DELETE"), costly = world.Request("GET", "/costly");
        world.Run();
        CollectionAssert.AreEqual(new[] { ("GET", true), ("GET", true) }, handled);
        Assert.AreEqual((200, 425), (world.Responses[get].Status, world.Responses[costly].Status));
        Assert.IsFalse(world.Responses.ContainsKey(post));

        world.Host.Hold();
        world.Host.Release(world.Now);
        world.Run();
        Assert.HasCount(2, handled, "a hold that ends meanwhile lets none of them through");

        world.Connection.Start();
        world.Run();
        CollectionAssert.AreEqual(new[] { ("POST", false), ("DELETE", false) }, handled.Skip(2).ToList());
        Assert.AreEqual((200, 200), (world.Responses[post].Status, world.Responses[delete].Status));
        world.Request("PUT");
        world.Run();
        Assert.AreEqual(("PUT", false), handled[^1]);
        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>Goal: a server that accepts 0-RTT data may raise its SETTINGS and not reduce them (RFC 9114, section 7.2.4.2; checklist S44).</summary>
    [TestMethod]
    public void S44_remembered_settings_bind_the_server()
    {
        Http3Settings before = new(1000, 0, 0, true, false);
        Assert.AreEqual(before, Http3Settings.OfKept(before.ToKept()));
        Assert.AreEqual(Http3Settings.Default, Http3Settings.OfKept(null));
        Assert.IsTrue(before.HoldUnder(before));
        Assert.IsTrue(before.HoldUnder(new(2000, 4096, 16, true, true)));
        Assert.IsFalse(before.HoldUnder(before with { MaxFieldSectionSize = 999 }));
        Assert.IsFalse(before.HoldUnder(before with { EnableConnect = false }));
        Http3Settings table = before with { QpackMaxTableCapacity = 100, QpackBlockedStreams = 3, Datagrams = true };
        Assert.IsFalse(table.HoldUnder(table with { QpackMaxTableCapacity = 200 }), "a table's capacity must be the same (RFC 9204, section 3.2.3)");
        Assert.IsFalse(table.HoldUnder(table with { QpackBlockedStreams = 2 }));
        Assert.IsFalse(table.HoldUnder(table with { Datagrams = false }));
        Assert.AreEqual((0UL, 0UL), (table.ForEarlyData.QpackMaxTableCapacity, table.ForEarlyData.QpackBlockedStreams));
    }

    /// <summary>Goal: tickets are given out under the SETTINGS that options make, so that after a change of these 0-RTT is not accepted (section 7.2.4.2).</summary>
    [TestMethod]
    public void S44_options_of_header_compression_are_part_of_the_ticket()
    {
        QpackOptions options = new() { DecoderTableCapacity = 8192, BlockedStreams = 100 };
        ReadOnlySpan<byte> usual = Http3Server.Tls(true).EarlyDataState.Span, other = Http3Server.Tls(true, qpack: options).EarlyDataState.Span;
        Assert.IsFalse(usual.SequenceEqual(other));
        Assert.IsTrue(usual.SequenceEqual(Http3Server.Tls(true, qpack: new() { EncoderTableCapacity = 0 }).EarlyDataState.Span), "nothing that a client was told");
        Assert.IsFalse(Http3Settings.TryRead(other[2..], out Http3Settings told).IsError);
        Assert.AreEqual(options.Settings, told);
        Assert.AreEqual((8192UL, 100UL), (told.QpackMaxTableCapacity, told.QpackBlockedStreams));
    }

    /// <summary>
    /// Goal: who begins with a ticket that came before its connection's SETTINGS holds the server to none: defaults were never a promise of the server's
    /// (RFC 9114, section 7.2.4.2), and every server says less than their "no limit".
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task S44_a_ticket_without_settings_promises_nothing()
    {
        CancellationToken stop = TestContext.CancellationToken;
        await using Http3Server server = Http3Server.Start(new()
        {
            ListenEndPoint = new(IPAddress.Loopback, 0),
            ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
            AllowEarlyData = true,
            Component = new Handler((exchange, _) => exchange.RespondAsync(200)),
        });
        SslClientAuthenticationOptions tls = new() { CertificateChainPolicy = TestPki.Instance.Policy() };
        UdpAddress address = UdpAddress.FromEndPoint(server.LocalEndPoint);
        TicketOrigin origin = new("localhost", address.Port);
        SharedTickets tickets = SharedTickets.Of(tls);
        ResumptionTicket? ticket = null;
        await using (Http3Client first = await Http3Client.ConnectAsync(address, "localhost", tls, stop))
        {
            while (ticket is null)
            {
                await GetAsync(first, stop);
                ticket = tickets.Take(origin, ["h3"u8.ToArray()], ConnectionOptions.Default.Version, MonotonicClock.Now);
            }
        }

        ticket.ApplicationState = null;
        tickets.Add(origin, ticket, MonotonicClock.Now);
        await using Http3Client early = await Http3Client.ConnectAsync(address, "localhost", tls, earlyData: true, session: null, stop);
        for (int i = 0; i < 2; i++)
        {
            await GetAsync(early, stop);
            Assert.IsNull(early.CloseReason);
        }

        Assert.AreEqual(EarlyDataState.Accepted, early.Connection!.EarlyData);
    }

    private static async Task GetAsync(Http3Client client, CancellationToken stop)
    {
        ClientExchange exchange = client.NewExchange();
        await exchange.SendAsync(new("GET", "https", "localhost", "/", new()), hasBody: false).AsTask().WaitAsync(stop);
        await exchange.ReadHeadAsync().AsTask().WaitAsync(stop);
        Assert.AreEqual(200, exchange.Response!.Status);
        Assert.AreEqual(0, await exchange.ReadAsync(new byte[1]).AsTask().WaitAsync(stop));
    }

    /// <summary>
    /// Goal: over real sockets, a handler's second connection sends GET in 0-RTT and POST behind the handshake, and a GET that gets 425 is sent
    /// once more; the caller sees one good response each.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_handler_sends_early_what_it_may()
    {
        CancellationToken stop = TestContext.CancellationToken;
        int costly = 0;
        await using Http3Server server = Http3Server.Start(new()
        {
            ListenEndPoint = new(IPAddress.Loopback, 0),
            ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
            AllowEarlyData = true,
            Component = new Handler((exchange, _) => exchange.RespondAsync(exchange.Path == "/costly" && Interlocked.Increment(ref costly) == 2 ? 425 : 200)),
        });
        using Http3Handler handler = ClientSite.NewHandler();
        handler.AllowEarlyData = true;
        ManualTime time = new();
        handler.TimeProvider = time;
        using HttpClient client = ClientSite.NewClient(handler);
        Uri At(string path) => new($"https://127.0.0.1:{server.LocalEndPoint.Port}{path}");

        // Each connection is closed when it has been idle: the next request has a new one, with a ticket of the one before.
        Assert.AreEqual(HttpStatusCode.OK, (await client.GetAsync(At("/costly"), stop)).StatusCode);
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.AreEqual(HttpStatusCode.OK, (await client.PostAsync(At("/"), new ByteArrayContent([1]), stop)).StatusCode);
        time.Advance(TimeSpan.FromMinutes(2));
        HttpResponseMessage response = await client.GetAsync(At("/costly"), stop);
        // When the handshake was faster than the request, that was no early one, and 425 is the caller's to deal with.
        Assert.IsTrue(response.StatusCode == HttpStatusCode.OK ? costly == 3 : response.StatusCode == (HttpStatusCode)425 && costly == 2, $"{response.StatusCode} {costly}");
    }
}
