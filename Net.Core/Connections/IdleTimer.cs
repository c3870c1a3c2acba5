using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>Closes a connection in silence when nothing was heard for too long (RFC 9000, section 10.1).</summary>
internal sealed class IdleTimer : IPart<IdleTimer>
{
    private TimeSpan _timeout;
    private Instant _since;
    private bool _sentSinceReceived;

    /// <param name="timeout">Our own max_idle_timeout; zero for none.</param>
    public IdleTimer(TimeSpan timeout, Instant now)
    {
        _timeout = timeout;
        _since = now;
    }

    public static ulong Section => SectionNumber.IdleTimer;

    public ulong Changes { get; private set; }

    /// <summary>Zero for none.</summary>
    public TimeSpan Timeout => _timeout;

    /// <param name="pto">Three probe timeouts are the least that an idle timeout may be (section 10.1).</param>
    public Instant Deadline(TimeSpan pto) => _timeout == TimeSpan.Zero ? Instant.Never : _since + (_timeout > 3 * pto ? _timeout : 3 * pto);

    /// <summary>The smaller of both ends' announcements rules.</summary>
    public void OnPeerTimeout(TimeSpan timeout)
    {
        if (timeout > TimeSpan.Zero && (_timeout == TimeSpan.Zero || timeout < _timeout))
        {
            _timeout = timeout;
            Changes++;
        }
    }

    public void OnReceived(Instant now)
    {
        _since = now;
        _sentSinceReceived = false;
        Changes++;
    }

    /// <summary>Only the first ack-eliciting packet after one was received counts: else sending to nobody would never end.</summary>
    public void OnSentAckEliciting(Instant now)
    {
        if (!_sentSinceReceived)
        {
            _since = now;
            _sentSinceReceived = true;
            Changes++;
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteDuration(_timeout);
        writer.WriteInstant(_since);
        writer.WriteBool(_sentSinceReceived);
    }

    public static IdleTimer Import(SnapshotReader reader)
    {
        TimeSpan timeout = reader.ReadDuration();
        return timeout >= TimeSpan.Zero
            ? new(timeout, reader.ReadInstant()) { _sentSinceReceived = reader.ReadBool() }
            : throw new SnapshotException("an idle timeout is negative");
    }
}
