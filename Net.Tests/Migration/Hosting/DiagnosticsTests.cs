using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Net.Http3.Server;
using Net.Migration.Diagnostics;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>What an operator sees of moves: metrics, activities and health, of a real ingress with real nodes in one process.</summary>
[TestClass]
public sealed class DiagnosticsTests : IDisposable
{
    private const string Component = "observed";

    private readonly string _state = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromMinutes(2));
    private readonly ConcurrentQueue<(string Name, double Value, string? Error)> _measured = [];
    private readonly BlockingCollection<Activity> _activities = [];

    private CancellationToken Stop => _stop.Token;

    public void Dispose()
    {
        _stop.Dispose();
        _activities.Dispose();
        if (System.IO.Directory.Exists(_state))
        {
            System.IO.Directory.Delete(_state, recursive: true);
        }
    }

    /// <summary>
    /// Goal: a move and a refusal are counted by how they ended, with freeze, bytes and connections; the destination's activity is the child of the
    /// source's; a node's health tells where the component is, and that a stopped node is none.
    /// </summary>
    [TestMethod]
    public async Task A_move_is_seen_by_who_listens()
    {
        using MeterListener meters = ListenToMeters();
        using ActivityListener activities = ListenToActivities();
        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = _state,
                MemberCertificate = TestFederation.Instance.Member("ingress"),
                FederationRoots = TestFederation.Instance.Roots,
                FailureTimeout = TimeSpan.FromMinutes(1),
            },
            Stop);
        await using NodeHost a = await NodeAsync(ingress, "seen-a", new Silent());
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        while ((await command.StatusAsync(Stop)).Components.Count == 0)
        {
            await Task.Yield();
        }

        NodeHost b = await NodeAsync(ingress, "seen-b", new Silent());
        await using NodeHost c = await NodeAsync(ingress, "seen-c", new Unreadable());
        Assert.IsTrue((await command.MigrateAsync(Component, "seen-b", TimeSpan.FromSeconds(20), Stop)).Moved);
        Assert.AreEqual("refused", (await command.MigrateAsync(Component, "seen-c", TimeSpan.FromSeconds(20), Stop)).CodeName);

        // Each is counted before its activity ends.
        Dictionary<(string, string?), Activity> ended = Enumerable.Range(0, 4).Select(_ => _activities.Take(Stop)).ToDictionary(a => (a.OperationName, (string?)a.GetTagItem("error.type")));
        Activity received = ended[("quic.migration.receive", null)], sent = ended[("quic.migration.send", null)], failed = ended[("quic.migration.send", "refused")];
        Assert.AreEqual(failed.SpanId, ended[("quic.migration.receive", "aborted")].ParentSpanId);
        Assert.AreEqual(sent.TraceId, received.TraceId);
        Assert.AreEqual(sent.SpanId, received.ParentSpanId);
        Assert.AreEqual(("seen-b", "seen-a"), ((string?)sent.GetTagItem("continuum.peer"), (string?)received.GetTagItem("continuum.peer")));
        CollectionAssert.IsSubsetOf((string[])["freezing", "exported", "sent", "asked"], sent.Events.Select(e => e.Name).ToArray());
        CollectionAssert.IsSubsetOf((string[])["decoded", "restored", "committed", "serving"], received.Events.Select(e => e.Name).ToArray());
        Assert.AreEqual(ActivityStatusCode.Error, failed.Status);

        Assert.AreEqual(1, Sum("quic.migration.moves", null));
        Assert.AreEqual(1, Sum("quic.migration.moves", "refused"));
        Assert.AreEqual(1, Sum("quic.migration.arrivals", null));
        Assert.AreEqual(1, Sum("quic.migration.arrivals", "aborted"));
        Assert.AreEqual(1, _measured.Count(m => m.Name == "quic.migration.freeze.duration" && m.Value > 0));
        Assert.IsGreaterThan(0, Sum("quic.migration.state.size", null));
        Assert.AreEqual(0, Sum("quic.migration.connections", null));

        // What was refused has cost an epoch: the attempt was ended by a write of its source.
        NodeHealth health = await b.GetHealthAsync(Stop);
        Assert.IsTrue(health.IsHealthy && health.Ingresses == 1);
        Assert.AreEqual(new ComponentHealth(Component, 3, 0, IsMoving: false), health.Components.Single());
        Assert.IsFalse((await a.GetHealthAsync(Stop)).Components.Single().IsServed);
        Assert.AreEqual(HealthStatus.Healthy, await CheckAsync(() => b));
        await b.DisposeAsync();
        Assert.IsFalse((await b.GetHealthAsync(Stop)).IsHealthy);
        Assert.AreEqual(HealthStatus.Unhealthy, await CheckAsync(() => b));
        Assert.AreEqual(HealthStatus.Unhealthy, await CheckAsync(() => null));

        meters.RecordObservableInstruments();
        Assert.IsTrue(_measured.Any(m => m.Name == "quic.migration.datagrams.buffered"));
    }

    /// <summary>Goal: a trace that cannot be read is no reason to refuse anything.</summary>
    [TestMethod]
    [DataRow("", "")]
    [DataRow("00-zz-01", "a=b")]
    [DataRow("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b")]
    public void A_trace_context_is_taken_or_left(string parent, string state)
    {
        TraceContextMessage message = new(7, parent, state);
        Assert.AreEqual(LinkRead.Message, LinkCodec.TryRead(LinkCodec.Write(message), out _, out LinkMessage? read));
        Assert.AreEqual(message, read);
        Assert.AreEqual(parent.Length == 55, message.Context != default);
    }

    private async Task<HealthStatus> CheckAsync(Func<NodeHost?> node)
    {
        ServiceCollection services = new();
        services.AddLogging();
        services.AddHealthChecks().AddContinuumNode(node);
        await using ServiceProvider provider = services.BuildServiceProvider();
        return (await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(Stop)).Status;
    }

    private double Sum(string name, string? error) => _measured.Where(m => m.Name == name && m.Error == error).Sum(m => m.Value);

    private MeterListener ListenToMeters()
    {
        MeterListener listener = new()
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == MigrationDiagnostics.MeterName)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
        return listener;
    }

    /// <summary>Other tests of this process move components too, of other names.</summary>
    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string? component = null, error = null;
        foreach ((string key, object? tag) in tags)
        {
            component = key == "continuum.component" ? (string?)tag : component;
            error = key == "error.type" ? (string?)tag : error;
        }

        if (component is null or Component)
        {
            _measured.Enqueue((instrument.Name, value, error));
        }
    }

    private ActivityListener ListenToActivities()
    {
        ActivityListener listener = new()
        {
            ShouldListenTo = static source => source.Name == MigrationDiagnostics.ActivitySourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if ((string?)activity.GetTagItem("continuum.component") == Component)
                {
                    _activities.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private Task<NodeHost> NodeAsync(IngressHost ingress, string name, IComponent component) => NodeHost.StartAsync(
        new()
        {
            Name = name,
            Join = ingress.ControlEndPoint,
            Components = [new(Component, component)],
            ServerCertificate = TestPki.Instance.Server,
            MemberCertificate = TestFederation.Instance.Member(name),
            FederationRoots = TestFederation.Instance.Roots,
        },
        Stop);

    private class Silent : IComponent, IStatefulComponent
    {
        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => exchange.RespondAsync(204);

        public void Save(IBufferWriter<byte> writer) => writer.Write("state"u8);

        public virtual void Restore(ReadOnlyMemory<byte> state)
        {
        }
    }

    private sealed class Unreadable : Silent
    {
        public override void Restore(ReadOnlyMemory<byte> state) => throw new FormatException("of another release");
    }
}
