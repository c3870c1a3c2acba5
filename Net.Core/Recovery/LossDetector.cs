using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>Which packets are lost, and whether that means persistent congestion: arithmetic over the parts, without state.</summary>
internal static class LossDetector
{
    /// <summary>A packet so many numbers below one that was acknowledged is lost (kPacketThreshold).</summary>
    public const ulong PacketThreshold = 3;

    /// <summary>Finds what is lost, oldest first, and sets the space's loss time (DetectAndRemoveLostPackets of RFC 9002, appendix A.10).</summary>
    public static void Detect(RecoverySpace space, RttEstimator rtt, Instant now, List<SentPacket> lost)
    {
        lost.Clear();
        Instant nextLoss = Instant.Never;
        ulong? from = space.Numbers.LargestAcked;
        TimeSpan delay = rtt.LossDelay;

        // From the newest to the oldest: what is open and not lost is within three numbers of the largest acknowledged.
        while (from is ulong number && space.Sent.TryFindAtOrBelow(number, out SentPacket packet))
        {
            if (space.Numbers.LargestAcked >= packet.Number + PacketThreshold || packet.SentAt + delay <= now)
            {
                lost.Add(packet);
            }
            else
            {
                nextLoss = Instant.Min(nextLoss, packet.SentAt + delay);
            }

            from = packet.Number == 0 ? null : packet.Number - 1;
        }

        space.Sent.LossTime = nextLoss;
        lost.Reverse();
    }

    /// <summary>Everything sent for three PTOs was lost, and two ack-eliciting packets show it (RFC 9002, section 7.6.2).</summary>
    /// <remarks>Asked while the lost packets are still open. Looks at one space, as section 7.6.2 permits.</remarks>
    public static bool IsPersistentCongestion(SentPackets sent, RttEstimator rtt, List<SentPacket> lost)
    {
        TimeSpan period = rtt.Pto(withMaxAckDelay: true) * CongestionController.PersistentCongestionThreshold;
        if (lost.Count < 2 || !rtt.HasSample || lost[^1].SentAt - lost[0].SentAt <= period)
        {
            return false;
        }

        Instant? start = null;
        ulong previous = lost[0].Number;
        foreach (SentPacket packet in lost)
        {
            if (sent.HasAckedBetween(previous, packet.Number))
            {
                start = null;
            }

            previous = packet.Number;
            // What was sent before the first sample proves nothing: the period was a guess then.
            if (!packet.AckEliciting || packet.SentAt <= rtt.FirstSampleAt)
            {
                continue;
            }

            start ??= packet.SentAt;
            if (packet.SentAt - start.Value > period)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>While the lost packets are still open.</summary>
    public static void Tell(ILossObserver? observer, PacketNumberSpace number, RecoverySpace space, List<SentPacket> lost, Instant now)
    {
        if (observer is not null)
        {
            foreach (SentPacket packet in lost)
            {
                observer.OnPacketLost(number, packet, byNumber: space.Numbers.LargestAcked >= packet.Number + PacketThreshold, now);
            }
        }
    }

    /// <summary>GetLossTimeAndSpace of RFC 9002, appendix A.8.</summary>
    /// <param name="spaces">All three, in the order of <see cref="PacketNumberSpace"/>.</param>
    /// <param name="space">Whose time it is.</param>
    public static Instant EarliestLossTime(ReadOnlySpan<RecoverySpace> spaces, out PacketNumberSpace space)
    {
        Instant earliest = Instant.Never;
        space = PacketNumberSpace.Initial;
        for (int i = 0; i < spaces.Length; i++)
        {
            if (spaces[i].LossTime < earliest)
            {
                earliest = spaces[i].LossTime;
                space = (PacketNumberSpace)i;
            }
        }

        return earliest;
    }
}
