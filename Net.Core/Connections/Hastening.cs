using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Sends handshake bytes again before their probe timeout, where a peer's packets show that it waits for them (RFC 9002, section 6.2.3).</summary>
/// <remarks>Round-trip times are guesses while a handshake runs, and the timeouts that follow from them are long: one lost packet costs seconds.</remarks>
internal sealed class Hastening
{
    /// <summary>Times in one handshake: a peer that repeats itself for other reasons, or an attacker, gets no more than that.</summary>
    public const int MaxRepeats = 3;

    private int _repeats;

    /// <summary>The peer has sent handshake bytes again that were read long ago: it did not get what they were answered with.</summary>
    public void OnRepeated(ConnectionParts c)
    {
        if (_repeats < MaxRepeats && (Repeat(c, PacketNumberSpace.Initial) | Repeat(c, PacketNumberSpace.Handshake)))
        {
            _repeats++;
        }
    }

    /// <summary>A client's 1-RTT packet is there before its Finished: that was lost, and what acknowledged the server's flight with it.</summary>
    public void OnOvertaken(ConnectionParts c)
    {
        if (c.IsServer)
        {
            OnRepeated(c);
        }
    }

    /// <summary>
    /// A server waits for handshake bytes that were plainly sent: there is a gap in the numbers, or a probe, or the rest of a ClientHello does not come. The
    /// client has to hear what arrived, however often that takes: so an ACK elicits an answer, and its probe timeout repeats it until one comes.
    /// </summary>
    /// <remarks>
    /// Not every client sends lost bytes again with its probes (RFC 9002, section 6.2.4, only advises it): OpenSSL's are PINGs, each after twice the time of
    /// the one before. When the ACKs of a few of them are lost, its idle timeout is near.
    /// </remarks>
    public static void OnReceived(ConnectionParts c, PacketNumberSpace space, ReceivedPackets received, in PayloadTraits traits, Instant now)
    {
        if (!c.IsServer || c.Identity.Session is not null)
        {
            return;
        }

        // The datagrams of one ClientHello come close together, and the last of them is answered anyway.
        c.Timers.AskDeadline = c.Peer is null ? Instant.Min(c.Timers.AskDeadline, now + RttEstimator.Initial) : Instant.Never;
        if (space == PacketNumberSpace.Handshake && (traits.IsAckEliciting || received.TellsOfGaps))
        {
            Ask(c, space);
        }
    }

    /// <summary>The rest of the ClientHello has not come.</summary>
    public static void OnTime(ConnectionParts c)
    {
        c.Timers.AskDeadline = Instant.Never;
        Ask(c, PacketNumberSpace.Initial);
    }

    /// <summary>A probe carries what waits for its acknowledgement rather than a PING: either of two packets then completes what was lost.</summary>
    /// <remarks>Either may be the first packet that a server ever sees: it has no use for a PING from nobody, and some drop the connection for it (ngtcp2's).</remarks>
    /// <returns>Whether there was anything.</returns>
    public static bool Repeat(ConnectionParts c, PacketNumberSpace space)
    {
        c.Lost.Clear();
        c.Recovery.RepeatOldest(space, c.Lost);
        Feedback.OnLost(c);
        return c.Lost.Count > 0;
    }

    private static void Ask(ConnectionParts c, PacketNumberSpace space)
    {
        // One in flight is repeated by its own timeout.
        if (c.Recovery[space].Sent.AckElicitingInFlight == 0)
        {
            c.Probes[(int)space] = 1;
        }
    }
}
