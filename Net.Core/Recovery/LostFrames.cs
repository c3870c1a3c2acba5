using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>Collects the frames of packets whose content is to be sent again.</summary>
internal static class LostFrames
{
    public static void CopyOldest(SentPackets sent, int count, SentFrameBuffer target)
    {
        for (ulong from = 0; count > 0 && sent.TryFindAtOrAbove(from, out SentPacket packet); from = packet.Number + 1)
        {
            if (packet.AckEliciting)
            {
                int start = target.Count;
                Append(sent, packet.Number, target);
                // These are not repeated (RFC 9221, section 5.2), and not lost yet.
                target.Remove(SentFrameKind.Datagram, start);
                if (IsPathProbe(target.Frames[start..]))
                {
                    // A probe of a path may still arrive, and is not worth a probe of the connection.
                    target.RemoveFrom(start);
                    continue;
                }

                // A PING says nothing that could be said again.
                count -= target.Count > start ? 1 : 0;
            }
        }
    }

    /// <summary>A packet that only tries a size or an address: its loss tells nothing of congestion (RFC 9000, sections 9.4 and 14.4).</summary>
    public static bool IsPathProbe(ReadOnlySpan<SentFrame> frames)
    {
        foreach (SentFrame frame in frames)
        {
            if (frame.Kind is not (SentFrameKind.MtuProbe or SentFrameKind.PathChallenge or SentFrameKind.PathResponse))
            {
                return false;
            }
        }

        return !frames.IsEmpty;
    }

    public static void Append(SentPackets sent, ulong number, SentFrameBuffer target)
    {
        int start = target.Count;
        sent.CopyFrames(number, target);
        target.RemoveSilent(start);
    }
}
