using Net.Core.Time;

namespace Net.Migration.Directory;

/// <summary>How long an owner may send without having heard that the directory still counts it among the living.</summary>
/// <remarks>
/// It runs from the moment at which the heartbeat that was answered had been *sent*, on this node's monotonic clock, and ends before the
/// failure detector's time, which runs from the moment that heartbeat *arrived*: so, clocks drifting by less than <see cref="Margin"/> in
/// three seconds, an owner that is cut off falls silent before anybody takes over.
/// </remarks>
internal sealed class SendLease
{
    public static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(250);

    public static readonly TimeSpan Duration = FailureDetector.Timeout - Margin;

    private readonly Dictionary<ulong, Instant> _sent = [];
    private Instant _end = new(long.MinValue);

    /// <summary>Heartbeats without an answer that are remembered.</summary>
    public const int MaxUnanswered = 16;

    public Instant End => _end;

    public bool IsHeld(Instant now) => now < _end;

    /// <summary>Whether a heartbeat over the present link has waited for its answer that long.</summary>
    public bool IsUnanswered(Instant now, TimeSpan silence)
    {
        foreach (Instant sent in _sent.Values)
        {
            if (now - sent >= silence)
            {
                return true;
            }
        }

        return false;
    }

    public void OnHeartbeatSent(ulong number, Instant now)
    {
        if (_sent.Count >= MaxUnanswered)
        {
            _ = _sent.Remove(_sent.Keys.Min());
        }

        _sent[number] = now;
    }

    public void OnHeartbeatAnswered(ulong number)
    {
        if (_sent.Remove(number, out Instant sent))
        {
            _end = Instant.Max(_end, sent + Duration);
        }
    }
}
