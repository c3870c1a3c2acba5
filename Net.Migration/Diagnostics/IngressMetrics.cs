using System.Diagnostics.Metrics;
using Net.Migration.Ingress;

namespace Net.Migration.Diagnostics;

/// <summary>What one ingress counts: asked of its router when somebody collects.</summary>
internal sealed class IngressMetrics : IDisposable
{
    private readonly Meter _meter = new(MigrationDiagnostics.MeterName);

    public IngressMetrics(Func<RouterCounters> counters)
    {
        _ = _meter.CreateObservableCounter("quic.migration.datagrams.buffered", () => counters().Held, "{datagram}", "Datagrams that were kept for an owner that was not known yet.");
        _ = _meter.CreateObservableCounter("quic.migration.datagrams.forwarded", () => counters().Rerouted, "{datagram}", "Datagrams that reached a former owner, and went on to the present one.");
        _ = _meter.CreateObservableCounter(
            "quic.migration.datagrams.dropped",
            () =>
            {
                RouterCounters now = counters();
                return (Measurement<long>[])[Dropped(now.Fenced, "fenced"), Dropped(now.Overflowed, "overflow"), Dropped(now.Unroutable, "unroutable")];
            },
            "{datagram}", "Datagrams of a former owner (fenced), beyond a limit (overflow), and of nobody (unroutable).");
    }

    public void Dispose() => _meter.Dispose();

    private static Measurement<long> Dropped(long count, string reason) => new(count, new KeyValuePair<string, object?>("continuum.reason", reason));
}
