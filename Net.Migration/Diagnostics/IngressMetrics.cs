using System.Diagnostics.Metrics;
using Net.Migration.Ingress;

namespace Net.Migration.Diagnostics;

/// <summary>What one ingress counts: asked of its forwarder when somebody collects.</summary>
internal sealed class IngressMetrics : IDisposable
{
    private readonly Meter _meter = new(MigrationDiagnostics.MeterName);

    /// <param name="counters">Of the router.</param>
    /// <param name="unsent">Datagrams that the sockets did not take.</param>
    public IngressMetrics(Func<RouterCounters> counters, Func<long> unsent)
    {
        _ = _meter.CreateObservableCounter("quic.migration.datagrams.buffered", () => counters().Held, "{datagram}", "Datagrams that were kept for an owner that was not known yet.");
        _ = _meter.CreateObservableCounter("quic.migration.datagrams.forwarded", () => counters().Rerouted, "{datagram}", "Datagrams that reached a former owner, and went on to the present one.");
        _ = _meter.CreateObservableCounter(
            "quic.migration.datagrams.dropped",
            () =>
            {
                RouterCounters now = counters();
                return (Measurement<long>[])[Dropped(now.Fenced, "fenced"), Dropped(now.Overflowed, "overflow"), Dropped(now.Unroutable, "unroutable"), Dropped(unsent(), "unsent")];
            },
            "{datagram}", "Datagrams of a former owner (fenced), beyond a limit (overflow), of nobody (unroutable), and those that a full socket did not take (unsent).");
    }

    public void Dispose() => _meter.Dispose();

    private static Measurement<long> Dropped(long count, string reason) => new(count, new KeyValuePair<string, object?>("continuum.reason", reason));
}
