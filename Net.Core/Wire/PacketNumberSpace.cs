namespace Net.Core.Wire;

/// <summary>Packet number spaces (RFC 9000, section 12.3). 0-RTT and 1-RTT share one.</summary>
internal enum PacketNumberSpace
{
    Initial,
    Handshake,
    ApplicationData,
}
