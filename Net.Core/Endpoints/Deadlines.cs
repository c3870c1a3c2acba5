using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;

namespace Net.Core.Endpoints;

/// <summary>Which connection wants to be called next. Deadlines mostly move later: such a move costs nothing until the old time has come.</summary>
internal sealed class Deadlines
{
    private readonly PriorityQueue<ConnectionEntry, long> _queue = new();

    /// <summary>Never later than the true one; perhaps earlier, then nothing is due when it comes.</summary>
    public Instant Next => _queue.TryPeek(out _, out long at) ? new(at) : Instant.Never;

    public void Set(ConnectionEntry entry, Instant deadline)
    {
        if (deadline < entry.Scheduled)
        {
            entry.Scheduled = deadline;
            _queue.Enqueue(entry, deadline.Ticks);
        }
    }

    public bool TryTakeDue(Instant now, [NotNullWhen(true)] out ConnectionEntry? entry)
    {
        while (_queue.TryPeek(out entry, out long at) && at <= now.Ticks)
        {
            _queue.Dequeue();
            if (entry.Scheduled.Ticks != at)
            {
                // An earlier time was set after this one: that has been or will be taken instead.
                continue;
            }

            entry.Scheduled = Instant.Never;
            return true;
        }

        entry = null;
        return false;
    }
}
