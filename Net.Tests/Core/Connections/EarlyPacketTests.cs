using Net.Core.Connections;
using Net.Core.Recovery;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>Packets that come before their keys: what their datagrams were marked with, and when they came, counts when they are read.</summary>
[TestClass]
public sealed class EarlyPacketTests
{
    private const int Exponent = 3;

    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(40);

    /// <summary>Goal: 1-RTT packets that overtake the client's Finished keep their mark and their time (RFC 9000, sections 13.2.5, 13.4.1 and 13.4.2.1).</summary>
    [TestMethod]
    public void What_overtakes_the_Finished_keeps_its_mark_and_its_time()
    {
        ConnectionPair pair = new();
        pair.Take(pair.Client).ForEach(pair.ToServer);
        pair.Take(pair.Server).ForEach(pair.ToClient);
        Assert.IsTrue(pair.Client.IsHandshakeComplete);
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        Assert.AreEqual(3000, pair.Client.Write(id, new byte[3000], fin: true));
        List<Datagram> flight = pair.Take(pair.Client);
        List<Datagram> early = flight.FindAll(datagram => (datagram.Bytes[0] & 0x80) == 0);
        List<Datagram> late = flight.FindAll(datagram => (datagram.Bytes[0] & 0x80) != 0);
        Assert.IsTrue(early.Count > 1 && late.Count > 0 && flight.TrueForAll(datagram => datagram.Ecn == Ecn.Ect0), $"{early.Count} and {late.Count}");

        early.ForEach(pair.ToServer);
        Assert.AreEqual(early.Count, pair.Server.Parts.Handshake!.EarlyPackets);
        pair.Advance(s_wait);
        late.ForEach(pair.ToServer);

        Assert.IsTrue(pair.Server.IsHandshakeComplete);
        (ulong count, TimeSpan delay) = Told(pair, pair.Server, PacketNumberSpace.ApplicationData);
        Assert.IsGreaterThanOrEqualTo((ulong)early.Count, count);
        Assert.AreEqual(s_wait, delay);
        // The client hears of its marks what it has to hear to go on marking.
        pair.Exchange();
        Assert.IsTrue(pair.Client.Parts.Recovery.IsEcnUsable);
    }

    /// <summary>Goal: the same for Handshake packets behind a ServerHello that comes late.</summary>
    [TestMethod]
    public void What_overtakes_the_ServerHello_keeps_its_mark_and_its_time()
    {
        ConnectionPair pair = new();
        pair.Take(pair.Client).ForEach(pair.ToServer);
        List<Datagram> flight = pair.Take(pair.Server);
        Assert.IsTrue(LongHeader.TryRead(flight[0].Bytes, out LongHeader hello));
        Assert.AreEqual(LongPacketType.Initial, hello.Type);
        // The rest of the first datagram is Handshake: it comes in one of its own, ahead of what it stood behind.
        Datagram ahead = flight[0] with { Bytes = flight[0].Bytes[hello.PacketLength..] };
        Assert.IsTrue(LongHeader.TryRead(ahead.Bytes, out LongHeader handshake));
        Assert.AreEqual(LongPacketType.Handshake, handshake.Type);

        pair.ToClient(ahead);
        Assert.AreEqual(1, pair.Client.Parts.Handshake!.EarlyPackets);
        pair.Advance(s_wait);
        pair.ToClient(flight[0] with { Bytes = flight[0].Bytes[..hello.PacketLength] });

        Assert.AreEqual(0, pair.Client.Parts.Handshake!.EarlyPackets);
        (ulong count, TimeSpan delay) = Told(pair, pair.Client, PacketNumberSpace.Handshake);
        Assert.AreEqual((1UL, s_wait), (count, delay));
    }

    /// <summary>What an end would tell in an ACK now.</summary>
    private static (ulong Ect0, TimeSpan Delay) Told(ConnectionPair pair, Connection end, PacketNumberSpace space)
    {
        PacketBuilder ack = new(new byte[200], new());
        Assert.IsTrue(end.Parts.Received(space).TryWriteAck(ref ack, pair.Now, Exponent));
        ByteReader reader = new(ack.Writer.Written[1..]);
        Assert.AreEqual((byte)FrameType.AckEcn, ack.Writer.Written[0]);
        Assert.IsTrue(AckFrame.TryRead(FrameType.AckEcn, ref reader, out AckFrame frame));
        return (frame.Ect0, RttEstimator.DecodeAckDelay(frame.Delay, Exponent));
    }
}
