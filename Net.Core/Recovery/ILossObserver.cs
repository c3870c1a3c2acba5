using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>Hears of packets that are taken for lost. It listens only: nothing that it does changes what is sent.</summary>
internal interface ILossObserver
{
    /// <param name="byNumber">Later numbers were acknowledged (RFC 9002, section 6.1.1); else it is too old (section 6.1.2).</param>
    void OnPacketLost(PacketNumberSpace space, in SentPacket packet, bool byNumber, Instant now);
}
