using System.Diagnostics;
using Net.Migration.HandOver;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Migration.Diagnostics;

/// <summary>One side of a move as an activity of a distributed trace; the destination's is the child of the source's.</summary>
/// <remarks>
/// It begins and ends on the node's actor, and is never the current activity there: a turn of the actor serves many moves. Events may come
/// from any thread. Who listens for ends is told on the thread pool: many an exporter writes then, and a turn waits for nobody.
/// </remarks>
internal sealed class MoveActivity
{
    private static readonly ActivitySource s_source = new(MigrationDiagnostics.ActivitySourceName);

    private readonly Activity _activity;

    private MoveActivity(Activity activity) => _activity = activity;

    /// <summary>At the source. Null: nobody listens.</summary>
    public static MoveActivity? Send(HandOverPlan plan)
    {
        MoveActivity? begun = Start("quic.migration.send", ActivityKind.Producer, default);
        begun?.Describe(plan.Record.Component, plan.Epoch, plan.Destination.Name);
        return begun;
    }

    /// <summary>At the destination. Null: nobody listens.</summary>
    /// <param name="cause">What the source has told of its own, if it did.</param>
    public static MoveActivity? Receive(PrepareMessage prepare, TraceContextMessage? cause)
    {
        MoveActivity? begun = Start("quic.migration.receive", ActivityKind.Consumer, cause?.Attempt == prepare.Attempt ? cause.Context : default);
        begun?.Describe(prepare.Component, prepare.Epoch, prepare.Source.Name);
        return begun;
    }

    /// <summary>What the other side makes its own a child of.</summary>
    public TraceContextMessage Context(ulong attempt) => new(attempt, _activity.Id ?? "", _activity.TraceStateString ?? "");

    /// <summary>From any thread.</summary>
    public void OnPhase(MovePhase phase) => _activity.AddEvent(new(NameOf(phase)));

    /// <summary>It is over at the source.</summary>
    public void End(MigrateReport report)
    {
        _ = _activity.SetTag("quic.migration.connections", report.Connections).SetTag("quic.migration.state_size", (long)report.StateBytes);
        if (report.Moved)
        {
            _ = _activity.SetTag("quic.migration.freeze", report.Freeze.TotalSeconds);
        }

        End(report.CodeName, report.Message);
    }

    /// <summary>It is over.</summary>
    /// <param name="error">Why it came to nothing; null: it did not.</param>
    /// <param name="description">For people.</param>
    public void End(string? error, string? description = null)
    {
        if (error is not null)
        {
            _ = _activity.SetTag("error.type", error).SetStatus(ActivityStatusCode.Error, description);
        }

        // It ends when the pool comes to it, by the clock by which it began: what it lasted in exact terms is in its tags and events.
        ThreadPool.UnsafeQueueUserWorkItem(Stop, _activity, preferLocal: false);
    }

    private static void Stop(Activity activity)
    {
        try
        {
            activity.Dispose();
        }
#pragma warning disable CA1031 // A listener's own fault.
        catch
#pragma warning restore CA1031
        {
        }
    }

    private static MoveActivity? Start(string name, ActivityKind kind, ActivityContext parent)
    {
        if (!s_source.HasListeners())
        {
            return null;
        }

        Activity? current = Activity.Current;
        Activity.Current = null;
        Activity? activity = s_source.StartActivity(name, kind, parent);
        Activity.Current = current;
        return activity is null ? null : new(activity);
    }

    private static string NameOf(MovePhase phase) => phase switch
    {
        MovePhase.Freezing => "freezing",
        MovePhase.Exported => "exported",
        MovePhase.Sent => "sent",
        MovePhase.Decoded => "decoded",
        MovePhase.Restored => "restored",
        MovePhase.Asked => "asked",
        MovePhase.Committed => "committed",
        MovePhase.Serving => "serving",
        _ => "first datagram",
    };

    private void Describe(string component, ulong epoch, string peer) =>
        _activity.SetTag("continuum.component", component).SetTag("continuum.epoch", (long)epoch).SetTag("continuum.peer", peer);
}
