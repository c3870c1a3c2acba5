using System.Diagnostics;
using System.Diagnostics.Metrics;
using Net.Migration.Link;

namespace Net.Migration.Diagnostics;

/// <summary>What one node counts of its moves.</summary>
internal sealed class NodeMetrics : IDisposable
{
    /// <summary>From a fifth of a millisecond, which nobody notices, to ten seconds, after which clients begin to give up.</summary>
    private static readonly double[] s_freezes = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

    private static readonly long[] s_sizes = [1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28];

    private readonly Meter _meter;
    private readonly Counter<long> _moves;
    private readonly Histogram<double> _freeze;
    private readonly Histogram<long> _state;
    private readonly Counter<long> _connections;
    private readonly Counter<long> _arrivals;

    /// <param name="node">Its name, a tag of the meter.</param>
    public NodeMetrics(string node)
    {
        _meter = new(new MeterOptions(MigrationDiagnostics.MeterName) { Tags = [new("continuum.node", node)] });
        _moves = _meter.CreateCounter<long>("quic.migration.moves", "{move}", "Moves away from this node that were asked for, by how they ended.");
        _freeze = _meter.CreateHistogram<double>(
            "quic.migration.freeze.duration", "s", "From the last datagram processed at a move's source to the first at its destination: an upper bound.",
            advice: new() { HistogramBucketBoundaries = s_freezes });
        _state = _meter.CreateHistogram<long>(
            "quic.migration.state.size", "By", "Sealed bytes that a move sent.", advice: new() { HistogramBucketBoundaries = s_sizes });
        _connections = _meter.CreateCounter<long>("quic.migration.connections", "{connection}", "Connections that have moved away from this node.");
        _arrivals = _meter.CreateCounter<long>("quic.migration.arrivals", "{move}", "Moves to this node that it took part in, by how they ended.");
    }

    /// <summary>A move has ended at its source, or was refused before it began.</summary>
    public void OnMove(MigrateReport report)
    {
        if (!report.Moved && report.Code == MigrateCode.None)
        {
            // It was there already.
            return;
        }

        _moves.Add(1, Tags(report.Component, report.CodeName));
        if (report.Moved)
        {
            TagList tags = Tags(report.Component, null);
            _freeze.Record(report.Freeze.TotalSeconds, tags);
            _state.Record((long)report.StateBytes, tags);
            _connections.Add(report.Connections, tags);
        }
    }

    /// <summary>A move has ended at its destination.</summary>
    /// <param name="error">Why it came to nothing; null: it did not.</param>
    public void OnArrival(string component, string? error) => _arrivals.Add(1, Tags(component, error));

    public void Dispose() => _meter.Dispose();

    private static TagList Tags(string component, string? error)
    {
        TagList tags = new() { { "continuum.component", component } };
        if (error is not null)
        {
            tags.Add("error.type", error);
        }

        return tags;
    }
}
