using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>What an observer sees of a handler's requests: the metrics and activities of SocketsHttpHandler, by their names and tags.</summary>
[TestClass]
public sealed class Http3HandlerDiagnosticsTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: each instrument measures, with its tags; gauges come back to zero when handler and connections are gone.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Metrics()
    {
        using Meters meters = new();
        await using ClientSite site = new(new Handler(AnswerAsync), maxRequests: 100);
        Http3Handler handler = ClientSite.NewHandler();
        handler.MeterFactory = meters;
        handler.Resolve = static (_, _) => throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.HostNotFound);
        using (HttpClient client = ClientSite.NewClient(handler))
        {
            (await client.GetAsync(site.At("/200"), Stop)).Dispose();
            (await client.GetAsync(site.At("/404"), Stop)).Dispose();
            await Assert.ThrowsExactlyAsync<HttpRequestException>(
                () => client.SendAsync(Http3HandlerTests.Request(new("BREW"), new($"https://unknown.test:{site.Port}/")), Stop));
            await meters.UntilAsync(Of("http.client.open_connections", ("http.connection.state", "idle")), 1, Stop);
        }

        await meters.UntilAsync(Of("http.client.open_connections", ("http.connection.state", "idle")), 0, Stop);
        string server = $"server.address=127.0.0.1 server.port={site.Port} url.scheme=https";
        string unknown = server.Replace("127.0.0.1", "unknown.test", StringComparison.Ordinal);
        string[] expected =
        [
            $"http.client.active_requests http.request.method=GET {server}",
            $"http.client.active_requests http.request.method=_OTHER {unknown}",
            $"http.client.connection.duration network.peer.address=127.0.0.1 network.protocol.version=3 {server}",
            $"http.client.open_connections http.connection.state=active network.peer.address=127.0.0.1 network.protocol.version=3 {server}",
            $"http.client.open_connections http.connection.state=idle network.peer.address=127.0.0.1 network.protocol.version=3 {server}",
            $"http.client.request.duration error.type=404 http.request.method=GET http.response.status_code=404 network.protocol.version=3 {server}",
            $"http.client.request.duration error.type=name_resolution_error http.request.method=_OTHER {unknown}",
            $"http.client.request.duration http.request.method=GET http.response.status_code=200 network.protocol.version=3 {server}",
            $"http.client.request.time_in_queue http.request.method=GET network.protocol.version=3 {server}",
        ];
        await meters.UntilAsync(expected[2], 1, Stop, counts: true);
        CollectionAssert.AreEqual(expected, meters.Sums.Keys.Order(StringComparer.Ordinal).ToArray(), string.Join('\n', meters.Sums.Keys.Order(StringComparer.Ordinal)));
        foreach (string gauge in expected[..2].Concat(expected[3..5]))
        {
            Assert.AreEqual(0, meters.Sums[gauge].Sum, gauge);
        }

        string Of(string name, params (string Name, string Value)[] tags) =>
            $"{name} {string.Join(' ', tags.Select(tag => $"{tag.Name}={tag.Value}"))} network.peer.address=127.0.0.1 network.protocol.version=3 server.address=127.0.0.1 server.port={site.Port} url.scheme=https";
    }

    /// <summary>Goal: an activity per request, with its tags and its error; the server is told of it, and of a redirect's own one.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Activities()
    {
        ConcurrentQueue<Activity> ended = new();
        ConcurrentQueue<string?> parents = new();
        await using ClientSite site = new(new Handler((exchange, token) =>
        {
            parents.Enqueue(exchange.Headers["traceparent"]);
            return AnswerAsync(exchange, token);
        }));
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == "System.Net.Http",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                // Other tests run beside this one.
                if ((int?)activity.GetTagItem("server.port") == site.Port)
                {
                    ended.Enqueue(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        Http3Handler handler = ClientSite.NewHandler();
        handler.Resolve = static (_, _) => throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.HostNotFound);
        using HttpClient client = ClientSite.NewClient(handler);
        (await client.GetAsync(site.At("/redirect?secret=1"), Stop)).Dispose();
        (await client.GetAsync(site.At("/404"), Stop)).Dispose();
        await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.GetAsync(site.At("/", "unknown.test"), Stop));
        Activity[] all = [.. ended];
        Assert.HasCount(4, all);
        CollectionAssert.AreEqual(all[..3].Select(activity => activity.Id).ToArray(), parents.ToArray());
        foreach (Activity activity in all)
        {
            Assert.AreEqual(("System.Net.Http.HttpRequestOut", "GET", ActivityKind.Client), (activity.OperationName, activity.DisplayName, activity.Kind));
            Assert.AreEqual(activity == all[3] ? "unknown.test" : "127.0.0.1", activity.GetTagItem("server.address"));
            Assert.AreEqual("GET", activity.GetTagItem("http.request.method"));
        }

        Assert.AreEqual(site.At("/redirect?*").AbsoluteUri, all[0].GetTagItem("url.full"));
        Assert.AreEqual((302, 200, 404, null), (all[0].GetTagItem("http.response.status_code"), all[1].GetTagItem("http.response.status_code"),
            all[2].GetTagItem("http.response.status_code"), all[3].GetTagItem("http.response.status_code")));
        Assert.AreEqual(("3", null, "404", "name_resolution_error"), (all[1].GetTagItem("network.protocol.version"), all[1].GetTagItem("error.type"),
            all[2].GetTagItem("error.type"), all[3].GetTagItem("error.type")));
        Assert.AreEqual((ActivityStatusCode.Unset, ActivityStatusCode.Error, ActivityStatusCode.Error), (all[1].Status, all[2].Status, all[3].Status));
    }

    /// <summary>Goal: without a listener the caller's own trace goes on in the server; with no propagator nothing is told.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_trace_goes_on(bool propagates)
    {
        string? seen = null;
        await using ClientSite site = new(new Handler((exchange, token) =>
        {
            seen = exchange.Headers["traceparent"];
            return AnswerAsync(exchange, token);
        }));
        Http3Handler handler = ClientSite.NewHandler();
        if (!propagates)
        {
            handler.ActivityHeadersPropagator = null;
        }

        using HttpClient client = ClientSite.NewClient(handler);
        using Activity outer = new Activity("outer").SetIdFormat(ActivityIdFormat.W3C).Start();
        (await client.GetAsync(site.At("/200"), Stop)).Dispose();
        Assert.AreEqual(propagates, seen is not null);
        Assert.AreEqual(propagates, seen?.Contains(outer.TraceId.ToHexString(), StringComparison.Ordinal) == true);
    }

    private static async ValueTask AnswerAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        if (exchange.Path.StartsWith("/redirect", StringComparison.Ordinal))
        {
            await exchange.RespondAsync(302, ("location", "/200"));
        }
        else
        {
            await exchange.RespondAsync(int.Parse(exchange.Path.AsSpan(1), CultureInfo.InvariantCulture));
        }
    }

    /// <summary>A meter factory, and what its meters were told: sums and counts per instrument and tags.</summary>
    private sealed class Meters : IMeterFactory
    {
        private readonly MeterListener _listener = new();
        private readonly List<Meter> _meters = [];
        private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Meters()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                lock (_meters)
                {
                    if (_meters.Contains(instrument.Meter) || instrument.Meter.Scope == this)
                    {
                        listener.EnableMeasurementEvents(instrument);
                    }
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public ConcurrentDictionary<string, (double Sum, int Count)> Sums { get; } = new();

        public Meter Create(MeterOptions options)
        {
            options.Scope = this;
            Meter meter = new(options);
            lock (_meters)
            {
                _meters.Add(meter);
            }

            return meter;
        }

        public async Task UntilAsync(string key, double value, CancellationToken stop, bool counts = false)
        {
            while (true)
            {
                Task next = Volatile.Read(ref _next).Task;
                if (Sums.TryGetValue(key, out (double Sum, int Count) measured) && (counts ? measured.Count : measured.Sum) == value)
                {
                    return;
                }

                await next.WaitAsync(stop);
            }
        }

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string key = $"{instrument.Name} {string.Join(' ', tags.ToArray().OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key}={tag.Value}"))}";
            Sums.AddOrUpdate(key, (value, 1), (_, old) => (old.Sum + value, old.Count + 1));
            Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        }
    }
}
