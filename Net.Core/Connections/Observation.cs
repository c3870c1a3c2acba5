using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Tells a connection's observer, if it has one, what would take more than a line where it happens.</summary>
internal static class Observation
{
    private const int MaxVersions = 64;

    public static void OnStep(ConnectionParts c, Instant now)
    {
        if (c.Observer is IConnectionObserver observer)
        {
            observer.OnStep(ConnectionView.Of(c), now);
        }
    }

    /// <summary>An event of the application protocol, for who observes the connection.</summary>
    public static void Tell(Connection connection, IApplicationEvent e) =>
        connection.Parts.Observer?.OnApplicationEvent(e, connection.Registration?.Now ?? default);

    /// <summary>The plaintext still stands in the datagram.</summary>
    /// <param name="endFrame">One past the index of the packet's last frame.</param>
    public static void OnSealing(ConnectionParts c, ReadOnlySpan<byte> datagram, in OpenPacket packet, int endFrame, Instant now)
    {
        if (c.Observer is not IConnectionObserver observer)
        {
            return;
        }

        bool isShort = packet.Level == EncryptionLevel.OneRtt;
        int payload = packet.Start + packet.NumberOffset + packet.NumberLength;
        ReadOnlySpan<SentFrame> frames = c.Frames.Frames[packet.FirstFrame..endFrame];
        PacketTrace trace = new(
            PacketTrace.KindOf(packet.Level),
            packet.Number,
            packet.End + Crypto.PacketProtection.TagLength - packet.Start,
            isShort ? 0 : c.Identity.Version,
            c.PeerIds.Current,
            isShort ? default : c.Local.InitialSourceConnectionId ?? default,
            isShort ? c.Keys!.WriteGeneration : 0,
            packet.Level == EncryptionLevel.Initial ? c.Handshake!.Token.Length : 0,
            IsMtuProbe: frames is [{ Kind: SentFrameKind.MtuProbe }]);
        observer.OnPacketSent(trace, datagram[payload..packet.End], now);
    }

    public static void OnNegotiation(ConnectionParts c, in VersionNegotiationPacket packet, Instant now)
    {
        if (c.Observer is IConnectionObserver observer)
        {
            Span<uint> versions = stackalloc uint[int.Min(packet.Count, MaxVersions)];
            for (int i = 0; i < versions.Length; i++)
            {
                versions[i] = packet[i];
            }

            observer.OnVersionNegotiation(versions, now);
        }
    }
}
