using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Wire;
using Net.Tests.Simulation;
using static Net.Tests.Core.Connections.ConnectionPair;

namespace Net.Tests.Core.Connections;

/// <summary>Unreliable datagrams between two connections (RFC 9221).</summary>
[TestClass]
public sealed class DatagramTests
{
    private static readonly ConnectionOptions s_open = ConnectionOptions.Default with { Datagrams = new() { MaxFrameSize = 65_535 } };

    /// <summary>Goal: the longest datagram fits exactly, arrives whole, is told, and its acknowledgement is counted.</summary>
    [TestMethod]
    public void The_longest_datagram_arrives()
    {
        ConnectionPair pair = Confirmed(s_open, s_open);
        pair.ServerEvents.Clear();
        byte[] data = new byte[pair.Client.MaxDatagram];
        pair.World.Random.Fill(data);
        Assert.IsTrue(pair.Client.SendDatagram(data));
        Assert.IsFalse(pair.Client.SendDatagram(new byte[data.Length + 1]));
        Assert.IsTrue(pair.Client.SendDatagram([]));
        List<Datagram> sent = pair.Take(pair.Client);
        // Only the packet number may be shorter than was reckoned with.
        int mtu = pair.Client.Parts.Mtu.Current;
        Assert.IsTrue(sent[0].Bytes.Length > mtu - PacketNumber.MaxLength && sent[0].Bytes.Length <= mtu, $"{sent[0].Bytes.Length} of {mtu}");
        foreach (Datagram datagram in sent)
        {
            pair.ToServer(datagram);
        }

        Assert.AreEqual(ConnectionEventKind.Datagram, pair.ServerEvents[0].Kind);
        CollectionAssert.AreEqual(data, Read(pair.Server));
        CollectionAssert.AreEqual(Array.Empty<byte>(), Read(pair.Server));
        Assert.IsFalse(pair.Server.TryPeekDatagram(out _));
        pair.Settle();
        Assert.AreEqual((2UL, 2UL, 0UL), (pair.Client.Parts.Datagrams.Sent, pair.Client.Parts.Datagrams.Acknowledged, pair.Client.Parts.Datagrams.Lost));
    }

    /// <summary>Goal: who offers nothing gets nothing, by our own hand, and closes with PROTOCOL_VIOLATION what comes all the same (checklist S62).</summary>
    [TestMethod]
    public void S62_without_an_offer_there_are_none()
    {
        ConnectionPair pair = Confirmed(client: s_open);
        Assert.IsTrue(pair.Client.MaxDatagram < 0 && pair.Server.MaxDatagram > 1000);
        Assert.IsFalse(pair.Client.SendDatagram([1]));
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.DatagramWithLength, 1, 7, 0]));
        Assert.AreEqual((ulong)TransportErrorCode.ProtocolViolation, pair.Server.CloseReason!.Value.Code);
    }

    /// <summary>Goal: type and length count for the limit, also a length that is encoded longer than needed; a cut frame is a FRAME_ENCODING_ERROR (checklist S62).</summary>
    [TestMethod]
    public void S62_the_limit_counts_the_whole_frame()
    {
        ConnectionOptions four = s_open with { Datagrams = new() { MaxFrameSize = 4 } };
        (byte[] Frame, TransportErrorCode? Code)[] cases =
        [
            ([(byte)FrameType.DatagramWithLength, 2, 7, 7], null),
            ([(byte)FrameType.DatagramWithLength, 3, 7, 7, 7], TransportErrorCode.ProtocolViolation),
            ([(byte)FrameType.DatagramWithLength, 0x40, 2, 7, 7], TransportErrorCode.ProtocolViolation),
            ([(byte)FrameType.Datagram, 7, 7, 7], null),
            ([(byte)FrameType.Datagram, 7, 7, 7, 7], TransportErrorCode.ProtocolViolation),
            ([(byte)FrameType.DatagramWithLength, 9, 7, 7], TransportErrorCode.FrameEncodingError),
        ];
        foreach ((byte[] frame, TransportErrorCode? code) in cases)
        {
            ConnectionPair pair = Confirmed(four, four);
            Assert.AreEqual(2, pair.Client.MaxDatagram);
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, frame));
            Assert.AreEqual((ulong?)code, pair.Server.CloseReason?.Code, Convert.ToHexString(frame));
        }
    }

    /// <summary>Goal: a lost datagram is counted and never sent again, neither after loss nor as a probe (RFC 9221, section 5.2).</summary>
    [TestMethod]
    public void A_lost_datagram_is_not_repeated()
    {
        ConnectionPair pair = Confirmed(s_open, s_open);
        Assert.IsTrue(pair.Client.SendDatagram("once"u8));
        Assert.HasCount(1, pair.Take(pair.Client));
        pair.Settle(3000);
        Assert.IsFalse(pair.Server.TryPeekDatagram(out _));
        Assert.AreEqual((1UL, 0UL, 1UL), (pair.Client.Parts.Datagrams.Sent, pair.Client.Parts.Datagrams.Acknowledged, pair.Client.Parts.Datagrams.Lost));
        Assert.IsTrue(pair.Client.Parts.Traffic.PacketsLost >= 1);
    }

    /// <summary>Goal: congestion control holds for datagrams: no more than the window is in flight, the rest waits or is displaced.</summary>
    [TestMethod]
    public void Datagrams_are_congestion_controlled()
    {
        ConnectionPair pair = Confirmed(s_open, s_open);
        for (int i = 0; i < 1000; i++)
        {
            Assert.IsTrue(pair.Client.SendDatagram(new byte[1000]));
        }

        Assert.AreEqual(256, pair.Client.Parts.Datagrams.WaitingToBeSent);
        int sent = pair.Take(pair.Client).Count;
        Assert.IsTrue(sent > 2 && pair.Client.Parts.Recovery.BytesInFlight <= pair.Client.Parts.Recovery.Congestion.Window, $"{sent}");
        Assert.AreEqual(256 - sent, pair.Client.Parts.Datagrams.WaitingToBeSent);
    }

    /// <summary>Goal: a stream and a flood of the longest datagrams share a connection: both get on, whoever was there first.</summary>
    [TestMethod]
    public void Streams_and_datagrams_take_turns()
    {
        ConnectionPair pair = Confirmed(s_open, s_open);
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: true, out StreamId id));
        for (int round = 0; round < 100; round++)
        {
            _ = pair.Client.Write(id, new byte[100_000], fin: false);
            for (int i = 0; i < 50; i++)
            {
                _ = pair.Client.SendDatagram(new byte[pair.Client.MaxDatagram]);
            }

            pair.Exchange();
            pair.Server.Consume(id, pair.Server.Peek(id).Length);
            pair.Advance(TimeSpan.FromMilliseconds(5));
            pair.Tick();
        }

        ulong datagrams = pair.Server.Parts.Datagrams.Received, bytes = pair.Server.Parts.Streams.Received;
        Assert.IsTrue(datagrams > 100 && bytes > 100_000, $"{datagrams} datagrams, {bytes} bytes");
    }

    /// <summary>Goal: datagrams that wait, both ways, move with the connection, and the new owner's application is told.</summary>
    [TestMethod]
    public void Waiting_datagrams_move()
    {
        ConnectionPair pair = Confirmed(s_open, s_open);
        Assert.IsTrue(pair.Client.SendDatagram("in"u8));
        pair.Exchange();
        Assert.IsTrue(pair.Server.SendDatagram("out"u8));
        ulong sent = pair.Server.Parts.Traffic.PacketsSent;
        pair.ServerEvents.Clear();
        pair.MoveServer();
        Assert.AreEqual(sent, pair.Server.Parts.Traffic.PacketsSent);
        pair.Exchange();
        Assert.IsTrue(pair.ServerEvents.Exists(e => e.Kind == ConnectionEventKind.Datagram));
        CollectionAssert.AreEqual("in"u8.ToArray(), Read(pair.Server));
        CollectionAssert.AreEqual("out"u8.ToArray(), Read(pair.Client));
    }

    /// <summary>Goal: what was counted travels.</summary>
    [TestMethod]
    public void TrafficCounters_travel()
    {
        TrafficCounters counters = new();
        counters.OnSent(700);
        counters.OnSent(7);
        counters.OnLost(1);
        counters.OnPacketReceived();
        counters.OnPacketReceived();
        counters.OnPacketReceived();
        counters.OnDatagramReceived(900);
        TrafficCounters copy = ConnectionPartTests.RoundTrip(counters);
        Assert.AreEqual((2UL, 1UL, 3UL, 707UL, 900UL), (copy.PacketsSent, copy.PacketsLost, copy.PacketsReceived, copy.BytesSent, copy.BytesReceived));
        Assert.ThrowsExactly<Net.Core.Snapshots.SnapshotException>(() => TrafficCounters.Import(new(new byte[] { 1, 2, 0, 0, 0 }, default)));
    }

    private static byte[] Read(Connection connection)
    {
        Assert.IsTrue(connection.TryPeekDatagram(out byte[]? data));
        connection.ConsumeDatagram();
        return data;
    }
}
