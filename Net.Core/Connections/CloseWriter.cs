using System.Text;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Says CONNECTION_CLOSE with every key that the peer may be able to read (RFC 9000, section 10.2.3).</summary>
internal static class CloseWriter
{
    private const int Room = 256;

    public static bool TryTransmit(ConnectionParts c, Span<byte> buffer, int headroom, Instant now, out Transmit transmit)
    {
        transmit = default;
        int size = (int)long.Min(PathMtu.Base, c.Path.Allowance);
        // A close is a promise as well, and takes a packet number.
        if (!c.Lifecycle.MustSayClose || size < Room || (c.Identity.IsConfirmed && !c.Gate.IsOpen))
        {
            return false;
        }

        c.Lifecycle.OnCloseSaid();
        Span<byte> datagram = buffer.Slice(headroom, size);
        ulong? firstNumber = c.Keys is null ? null : c.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next;
        int used = 0;
        bool hasInitial = false;
        for (EncryptionLevel level = EncryptionLevel.Initial; level <= EncryptionLevel.OneRtt; level++)
        {
            bool hasKeys = level == EncryptionLevel.OneRtt ? c.Keys is not null && c.Identity.Session is not null : c.Handshake?.Write(level) is not null;
            if (hasKeys && level != EncryptionLevel.ZeroRtt && size - used >= Room)
            {
                hasInitial |= level == EncryptionLevel.Initial;
                bool isLast = level == EncryptionLevel.OneRtt || !HasKeysAbove(c, level);
                used += Write(c, level, datagram[used..], fill: hasInitial && isLast, now);
            }
        }

        if (used == 0)
        {
            return false;
        }

        c.Path.OnSent(used);
        transmit = new(c.Path.Current, used, 1, headroom + used, Ecn.NotEct, firstNumber);
        return true;
    }

    private static bool HasKeysAbove(ConnectionParts c, EncryptionLevel level) =>
        (c.Keys is not null && c.Identity.Session is not null)
        || (level == EncryptionLevel.Initial && c.Handshake?.Write(EncryptionLevel.Handshake) is not null);

    private static int Write(ConnectionParts c, EncryptionLevel level, Span<byte> datagram, bool fill, Instant now)
    {
        c.Frames.Clear();
        OpenPacket packet = Packetizer.Begin(c, level, datagram, 0);
        ByteWriter writer = new(datagram[packet.End..^PacketProtection.TagLength]);
        WriteFrame(c.Lifecycle, level, ref writer);
        packet.End += writer.Position;
        if (fill)
        {
            datagram[packet.End..^PacketProtection.TagLength].Clear();
            packet.End = datagram.Length - PacketProtection.TagLength;
        }

        Packetizer.Seal(c, datagram, packet, c.Frames.Count, isPadded: false, Ecn.NotEct, now);
        return packet.End + PacketProtection.TagLength;
    }

    private static void WriteFrame(Lifecycle lifecycle, EncryptionLevel level, ref ByteWriter writer)
    {
        if (lifecycle.IsApplicationClose && level == EncryptionLevel.OneRtt)
        {
            new ConnectionCloseFrame(isApplication: true, lifecycle.ApplicationCode, 0, default).Write(ref writer);
        }
        else if (lifecycle.IsApplicationClose)
        {
            // The application's code must not be readable by who only knows Initial keys (RFC 9000, section 10.2.3).
            new ConnectionCloseFrame(isApplication: false, (ulong)TransportErrorCode.ApplicationError, 0, default).Write(ref writer);
        }
        else
        {
            TransportError fault = lifecycle.Fault;
            new ConnectionCloseFrame(isApplication: false, (ulong)fault.Code, fault.Frame, Encoding.ASCII.GetBytes(fault.Reason)).Write(ref writer);
        }
    }
}
