namespace Net.Migration.Diagnostics;

/// <summary>Names under which metrics and activities of moves are found: <c>AddMeter</c> and <c>AddSource</c> of OpenTelemetry take them.</summary>
/// <remarks>docs/operating.md lists the instruments. Nothing is measured while nobody listens.</remarks>
/// <remarks>
/// Whoever listens to the end of an activity is told on the thread pool. Listeners to instruments, and to the beginnings of activities, are called where things happen, in the node's
/// decisions among others: they must not wait.
/// </remarks>
public static class MigrationDiagnostics
{
    /// <summary>Of the meter with the instruments <c>quic.migration.*</c>.</summary>
    public const string MeterName = "Continuum.Net.Migration";

    /// <summary>Of the source of the activities <c>quic.migration.send</c> and <c>quic.migration.receive</c>: one of a move's source, and its child at the destination.</summary>
    public const string ActivitySourceName = "Continuum.Net.Migration";
}
