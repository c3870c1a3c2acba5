using Net.Core.Recovery;
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
}
