using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Tells each part of the fate of the frames that it sent.</summary>
internal static class Feedback
{
    public static void OnAcked(ConnectionParts c)
    {
        foreach (ref readonly SentFrame frame in c.Acked.Frames)
        {
            switch (frame.Kind)
            {
                case SentFrameKind.Crypto:
                    c.CryptoAt(frame.Level)?.OnAcked(frame);
                    break;
                case SentFrameKind.RetireConnectionId:
                    c.PeerIds.OnAcked(frame.Id);
                    break;
                case SentFrameKind.NewToken:
                    c.Announcements.OnTokenAcked();
                    break;
                case SentFrameKind.Datagram:
                    c.Datagrams.OnAcked();
                    break;
                case SentFrameKind.MtuProbe:
                    c.Mtu.OnAcked(frame);
                    c.OnDatagramSizeChanged();
                    break;
                case SentFrameKind.Stream or SentFrameKind.ResetStream or SentFrameKind.StopSending or SentFrameKind.MaxData
                    or SentFrameKind.MaxStreamData or SentFrameKind.MaxStreams or SentFrameKind.DataBlocked
                    or SentFrameKind.StreamDataBlocked or SentFrameKind.StreamsBlocked:
                    c.Streams.OnAcked(frame);
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Sealed datagrams were thrown away.</summary>
    public static void OnNotSent(ConnectionParts c, in Transmit transmit)
    {
        if (transmit.FirstPacketNumber is ulong first)
        {
            c.Lost.Clear();
            ulong next = c.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next;
            for (ulong number = first; number < next; number++)
            {
                c.Recovery.OnNotSent(PacketNumberSpace.ApplicationData, number, c.Lost);
            }

            OnLost(c);
        }
    }

    public static void OnLost(ConnectionParts c)
    {
        c.Traffic.OnLost(c.Recovery.TakeLostPackets());
        foreach (ref readonly SentFrame frame in c.Lost.Frames)
        {
            switch (frame.Kind)
            {
                case SentFrameKind.Crypto:
                    c.CryptoAt(frame.Level)?.OnLost(frame);
                    break;
                case SentFrameKind.NewConnectionId:
                    c.LocalIds.OnLost(frame.Id);
                    break;
                case SentFrameKind.RetireConnectionId:
                    c.PeerIds.OnLost(frame.Id);
                    break;
                case SentFrameKind.HandshakeDone or SentFrameKind.NewToken:
                    c.Announcements.OnLost(frame.Kind);
                    break;
                case SentFrameKind.Datagram:
                    // Told to nobody but the counts: it is not repeated (RFC 9221, section 5.2).
                    c.Datagrams.OnLost();
                    break;
                case SentFrameKind.MtuProbe:
                    c.Mtu.OnLost(frame);
                    break;
                case SentFrameKind.Stream or SentFrameKind.ResetStream or SentFrameKind.StopSending or SentFrameKind.MaxData
                    or SentFrameKind.MaxStreamData or SentFrameKind.MaxStreams or SentFrameKind.DataBlocked
                    or SentFrameKind.StreamDataBlocked or SentFrameKind.StreamsBlocked:
                    c.Streams.OnLost(frame);
                    break;
                default:
                    // ACK, PING and PATH_RESPONSE are not repeated; PATH_CHALLENGE has a clock of its own (RFC 9000, section 13.3).
                    break;
            }
        }
    }
}
