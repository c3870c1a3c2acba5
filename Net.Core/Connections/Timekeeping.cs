using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What happens when a deadline of a part has passed.</summary>
internal static class Timekeeping
{
    public static void Tick(ConnectionParts c, Instant now)
    {
        if (!c.Lifecycle.IsOpen)
        {
            c.Lifecycle.Tick(now);
            return;
        }

        if (now >= c.Idle.Deadline(c.Pto))
        {
            c.Lifecycle.CloseSilently(new(CloseOrigin.IdleTimeout, 0, "nothing was heard for the idle timeout"));
            return;
        }

        if (now >= c.Timers.HandshakeDeadline && c.Lifecycle.State == ConnectionState.Handshaking)
        {
            c.Lifecycle.CloseSilently(new(CloseOrigin.HandshakeTimeout, 0, "the handshake took too long"));
            return;
        }

        if (now >= c.Path.Deadline)
        {
            Migration.OnTime(c, now);
            if (!c.Lifecycle.IsOpen)
            {
                return;
            }
        }

        if (now >= c.Timers.AskDeadline)
        {
            Hastening.OnTime(c);
        }

        if (c.Timers.IsKeepAliveDue(c.Idle.Timeout, now))
        {
            c.Announcements.RequestPing();
            c.Timers.OnSignOfLife(now);
        }

        c.Lost.Clear();
        LossTimeout timeout = c.Recovery.OnTimeout(now, c.Lost);
        Feedback.OnLost(c);
        if (timeout.Kind == LossTimeoutKind.Lost)
        {
            c.Mtu.OnFeedback(largestAcked: 0, c.Recovery.NewlyLostLarge);
            c.OnDatagramSizeChanged();
        }

        if (timeout.Kind == LossTimeoutKind.SendProbes)
        {
            c.Probes[(int)timeout.Space] = timeout.Probes;
            if (timeout.Space == PacketNumberSpace.Initial && Hastening.Repeat(c, PacketNumberSpace.Handshake))
            {
                // The client may have Initial keys no more (RFC 9002, section 6.2.4).
                c.Probes[(int)PacketNumberSpace.Handshake] = 1;
            }

            c.Mtu.OnProbeTimeouts(c.Recovery.PtoCount);
            c.OnDatagramSizeChanged();
        }
    }
}
