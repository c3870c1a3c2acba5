using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Streams;
using Net.Core.Tls.Messages;
using Net.Core.Wire;
using Net.Tests.Simulation;
using static Net.Tests.Core.Connections.ConnectionPair;

namespace Net.Tests.Core.Connections;

/// <summary>What a peer can make a connection do and hold with little effort of its own (the checklist's ids are in the names).</summary>
[TestClass]
public sealed class FloodTests
{
    /// <summary>
    /// Goal: a peer that lets the window collapse and then asks for answers fills no queue: what waits for its ACKs is bounded, and too much of it ends
    /// the connection (the mechanism of CVE-2024-22189).
    /// </summary>
    [TestMethod]
    public void S6_a_collapsed_window_pins_nothing()
    {
        ConnectionPair pair = Confirmed();
        Connection client = pair.Client;
        client.Parts.Recovery.Congestion.OnPersistentCongestion();
        Assert.AreEqual(client.Parts.Recovery.Congestion.MinimumWindow, client.Parts.Recovery.Congestion.Window);
        Assert.IsTrue(client.TryOpen(unidirectional: true, out StreamId id));
        _ = client.Write(id, new byte[100_000], fin: false);
        // Never acknowledged: the window is full from here on.
        int beyond = pair.Take(client).Sum(datagram => datagram.Bytes.Length);
        Assert.IsLessThanOrEqualTo(client.Parts.Recovery.Congestion.MinimumWindow, beyond);

        for (ulong data = 0; data < 5_000; data++)
        {
            pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.OneRtt, Frame(new PathChallengeFrame(data))));
        }

        SnapshotSize(client, out int path);
        Assert.IsLessThan(200, path, "answers that wait are the newest few");
        for (ulong number = 4; client.IsOpen; number++)
        {
            Assert.IsLessThan(4UL + PeerConnectionIds.MaxRetiring + 2, number, "retirements that wait are bounded");
            pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.OneRtt, Frame(new NewConnectionIdFrame(number, number, new(BitConverter.GetBytes(number)), Token(number)))));
        }

        Assert.AreEqual((ulong)TransportErrorCode.ConnectionIdLimitError, client.CloseReason!.Value.Code);
    }

    /// <summary>
    /// Goal: a ClientHello of which a part is missing is acknowledged at once, probes for it as well (RFC 9000, section 13.2.1): else a client that waits for
    /// that, as OpenSSL's does, never sends the rest again. When it does not come, it is asked for, within three bytes for one.
    /// </summary>
    [TestMethod]
    public void Half_a_ClientHello_is_acknowledged()
    {
        ConnectionPair pair = new();
        Datagram whole = pair.Take(pair.Client).Single();
        Assert.IsTrue(LongHeader.TryRead(whole.Bytes, out LongHeader header));
        Connection server = pair.Accept(header, pair.ServerPath);
        Datagram half = pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Crypto, 0, 10, 1, 0, 1, 0, 3, 3, 0, 0, 0, 0], size: 1200);
        Datagram probe = pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Ping], size: 1200);
        foreach (Datagram datagram in (Datagram[])[half, probe])
        {
            server.OnDatagram(datagram.Bytes, pair.ServerPath, Ecn.NotEct, null, pair.Now);
            Assert.IsEmpty(pair.ServeOther(server));
            Datagram answer = pair.Take(server).Single();
            Assert.IsLessThan(100, answer.Bytes.Length, "no more than an acknowledgement");
        }

        Assert.IsNull(server.PeerParameters);
        List<int> answers = [];
        while (server.IsOpen)
        {
            Assert.IsGreaterThan(pair.Now, server.Deadline, "a deadline in the past would spin");
            pair.Advance(server.Deadline - pair.Now);
            server.Tick(pair.Now);
            answers.AddRange(pair.Take(server).Select(datagram => datagram.Bytes.Length));
        }

        Assert.AreEqual(CloseOrigin.HandshakeTimeout, server.CloseReason?.Origin);
        Assert.IsGreaterThan(2, answers.Count, "repeated");
        Assert.IsTrue(answers.TrueForAll(length => length == 1200), "such as are to be answered fill their datagrams");
        Assert.IsLessThanOrEqualTo(3 * 2 * 1200, answers.Sum());
    }

    /// <summary>Goal: one number for two IDs, one ID under two numbers, and another token for the same are each a violation; a repetition is none.</summary>
    [TestMethod]
    [DataRow(1UL, (byte)77, 1UL, DisplayName = "S13 the same number, another ID")]
    [DataRow(9UL, (byte)1, 1UL, DisplayName = "S13 another number, the same ID")]
    [DataRow(1UL, (byte)1, 9UL, DisplayName = "S13 another token")]
    public void S13_an_id_issued_in_two_ways_ends_the_connection(ulong number, byte id, ulong token)
    {
        ConnectionPair pair = Confirmed();
        ConnectionId told = pair.Server.Parts.LocalIds.Derive(Peer.Keys, 1);
        ResetToken its = ConnectionIdDeriver.DeriveToken(Peer.Keys.ResetKey.Span, told);
        pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.OneRtt, Frame(new NewConnectionIdFrame(1, 0, told, its))));
        Assert.IsTrue(pair.Client.IsOpen, "a repetition");

        NewConnectionIdFrame other = new(number, 0, id == 1 ? told : new([id, id, id, id]), token == 1 ? its : Token(token));
        pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.OneRtt, Frame(other)));
        Assert.AreEqual((ulong)TransportErrorCode.ProtocolViolation, pair.Client.CloseReason?.Code);
        Assert.HasCount(1, pair.Take(pair.Client), "it is told");
    }

    /// <summary>Goal: a ticket that is cut at any byte and followed by the connection's end leaves a client that has ended in order, without the ticket.</summary>
    [TestMethod]
    public void S39_a_ticket_cut_by_the_end_is_no_ticket()
    {
        byte[] message = Net.Core.Tls.MessageWriter.Frame(new NewSessionTicket { Lifetime = 1, AgeAdd = 2, Nonce = [3], Ticket = [4, 5, 6, 7] });
        for (int cut = 0; cut < message.Length; cut++)
        {
            ConnectionPair pair = Confirmed();
            pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.OneRtt, [(byte)FrameType.Crypto, 0, (byte)cut, .. message.AsSpan(0, cut)]));
            Assert.IsTrue(pair.Client.IsOpen, $"cut at {cut}");
            pair.Server.Close(7, "enough", pair.Now);
            pair.Take(pair.Server).ForEach(pair.ToClient);
            Assert.AreEqual((CloseOrigin.PeerApplication, 7UL), (pair.Client.CloseReason!.Value.Origin, pair.Client.CloseReason.Value.Code), $"cut at {cut}");
            Assert.IsEmpty(pair.Client.Parts.NewTickets);
        }
    }

    /// <summary>Goal: a peer that grants nothing, or acknowledges nothing, makes us hold one send buffer per stream that it may open, and the application is told to wait.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void S59_what_nobody_takes_is_bounded_and_told(bool grantsNothing)
    {
        StreamOptions options = new() { MaxBidirectional = 10, SendBuffer = 20_000 };
        ConnectionPair pair = Confirmed(
            ConnectionOptions.Default with { Streams = new() { StreamWindow = grantsNothing ? 1UL : 1_000_000 } },
            ConnectionOptions.Default with { Streams = options });
        List<StreamId> requests = [];
        for (; pair.Client.TryOpen(unidirectional: false, out StreamId id); requests.Add(id))
        {
            pair.Client.Write(id, "GET"u8, fin: true);
        }

        pair.Settle();
        Assert.HasCount(10, requests);
        byte[] answer = new byte[10_000_000];
        foreach (StreamId id in requests)
        {
            int taken = pair.Server.Write(id, answer, fin: true);
            Assert.AreEqual(options.SendBuffer, (ulong)taken);
            Assert.AreEqual(0, pair.Server.Write(id, answer, fin: true), "then it waits");
        }

        int sent = 0;
        for (int i = 0; pair.Server.IsOpen && i < 10_000; i++)
        {
            foreach (Datagram datagram in pair.Take(pair.Server))
            {
                sent += datagram.Bytes.Length;
            }

            pair.Advance(TimeSpan.FromMilliseconds(10));
            pair.Tick();
        }

        Assert.AreEqual(CloseOrigin.IdleTimeout, pair.Server.CloseReason?.Origin, "nothing is heard of it");
        Assert.IsLessThan(100_000, sent, "probes that nobody answers become rare");
    }

    /// <summary>
    /// Goal: packets of 20-odd bytes, and packets of a thousand frames, cost what their bytes cost: no memory of their own, and fewer answers than packets.
    /// </summary>
    [TestMethod]
    [DataRow(1, (byte)FrameType.Ping, 4_000)]
    [DataRow(1_000, (byte)FrameType.Ping, 400)]
    [DataRow(1_000, (byte)FrameType.Padding, 400)]
    public void S61_small_frames_cost_little(int frames, byte type, int packets)
    {
        ConnectionPair pair = Confirmed();
        byte[] payload = new byte[frames];
        payload.AsSpan().Fill(type);
        List<Datagram> flood = [];
        for (int i = 0; i < packets; i++)
        {
            flood.Add(pair.Forge(pair.Client, EncryptionLevel.OneRtt, payload));
        }

        Assert.IsLessThan(frames + 45, flood[0].Bytes.Length);
        int answers = 0;
        // The first ones let lists grow to their sizes.
        long before = 0;
        for (int i = 0; i < packets; i++)
        {
            if (i == packets / 2)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            pair.Server.OnDatagram(flood[i].Bytes, pair.ServerPath, Ecn.NotEct, 0, pair.Now);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        answers += pair.Take(pair.Server).Count;
        Assert.IsTrue(pair.Server.IsOpen);
        Assert.IsLessThan(packets / 2 * 64, allocated, "bytes");
        Assert.IsLessThanOrEqualTo(1, answers, "one acknowledgement of them all");
        // The client's own left-out numbers are the only gaps.
        Assert.IsLessThan(10, pair.Server.Parts.Received(PacketNumberSpace.ApplicationData).RangeCount);
    }

    /// <summary>Goal: a client's Initial packets in the worst of orders are taken: many gaps, and then one below them all (it once ended the whole thread).</summary>
    [TestMethod]
    public void A_late_Initial_below_many_gaps_is_taken()
    {
        ConnectionPair pair = new();
        Datagram first = pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Ping], size: 1200);
        PacketNumbers numbers = pair.Client.Parts.Recovery[PacketNumberSpace.Initial].Numbers;
        // From there on numbers are encoded in two bytes, and one far below the largest is understood.
        Leave(until: 130);
        Datagram late = pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Ping], size: 1200);
        Leave(until: 140);
        Assert.IsTrue(LongHeader.TryRead(first.Bytes, out LongHeader header));
        Connection server = pair.Accept(header, pair.ServerPath);
        Receive(first);
        for (int i = 0; i < ReceivedPackets.MaxRanges; i++)
        {
            Receive(pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Padding], size: 1200));
            numbers.Take();
        }

        Assert.AreEqual(ReceivedPackets.MaxRanges, server.Parts.Received(PacketNumberSpace.Initial).RangeCount);
        Assert.IsFalse(server.Parts.Received(PacketNumberSpace.Initial).IsDuplicate(130));
        Receive(late);
        Assert.IsTrue(server.IsOpen && server.Parts.Received(PacketNumberSpace.Initial).IsDuplicate(130));
        Assert.HasCount(1, pair.Take(server));

        void Leave(ulong until)
        {
            while (numbers.Next < until)
            {
                numbers.Take();
            }
        }

        void Receive(Datagram datagram) => server.OnDatagram(datagram.Bytes, pair.ServerPath, Ecn.NotEct, null, pair.Now);
    }

    /// <summary>
    /// Goal: a peer that has everything acknowledged and acknowledges nothing takes no more memory than one that does: neither ours of its packets, nor of
    /// our answers (checklist: 1 MB for each connection).
    /// </summary>
    [TestMethod]
    public void Acknowledgements_to_a_peer_that_gives_none_are_forgotten()
    {
        ConnectionPair pair = Confirmed();
        pair.Server.Ping();
        Assert.HasCount(1, pair.Take(pair.Server), "in flight from here on");
        int answers = 0;
        for (int i = 0; i < 3 * SentPackets.MaxSilent; i++)
        {
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
            answers += pair.Take(pair.Server).Count;
        }

        Assert.IsGreaterThanOrEqualTo(3 * SentPackets.MaxSilent, answers);
        SentPackets sent = pair.Server.Parts.Recovery[PacketNumberSpace.ApplicationData].Sent;
        Assert.IsTrue(pair.Server.IsOpen);
        Assert.IsLessThan(SentPackets.MaxSilent + 200, sent.Count, "some of them asked for an answer");
        Assert.IsLessThanOrEqualTo(4 * SentPackets.MaxSilent, sent.Capacity);

        // It may change its mind.
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
        pair.Server.Ping();
        pair.Take(pair.Server).ForEach(pair.ToClient);
        pair.Settle();
        Assert.IsTrue(pair.Server.IsOpen && pair.Client.IsOpen);
        Assert.IsLessThan(100, sent.Count);
    }

    /// <summary>Goal: who has question after question answered at another address, beyond the window, and acknowledges none of it, is told that this is a violation.</summary>
    [TestMethod]
    public void Who_acknowledges_nothing_is_not_answered_for_ever()
    {
        ConnectionPair pair = Confirmed();
        NetworkPath elsewhere = pair.ServerPath with { Remote = pair.ServerPath.Remote.WithPort(77) };
        int answers = 0;
        for (ulong data = 0; pair.Server.IsOpen; data++)
        {
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, Frame(new PathChallengeFrame(data)), size: 1200), elsewhere);
            answers += pair.Take(pair.Server).Count(datagram => datagram.To == elsewhere.Remote);
            Assert.IsLessThanOrEqualTo(LossRecovery.MaxUnheeded + 20, answers);
        }

        Assert.IsGreaterThan(LossRecovery.MaxUnheeded - 20, answers);
        Assert.AreEqual((ulong)TransportErrorCode.ProtocolViolation, pair.Server.CloseReason?.Code);
        Assert.IsLessThanOrEqualTo(2 * LossRecovery.MaxUnheeded, pair.Server.Parts.Recovery[PacketNumberSpace.ApplicationData].Sent.Capacity);
    }

    /// <summary>
    /// Goal: a client that retires all its IDs for the sake of one that the server has given back (a path that it was used on did not answer) is told that
    /// this is a violation: the last ID that the server has serves for saying so.
    /// </summary>
    [TestMethod]
    public void The_last_ID_serves_for_the_close()
    {
        ConnectionPair pair = Confirmed();
        ulong[] issued = [.. pair.Client.Parts.LocalIds.Active];
        CollectionAssert.AreEqual(new ulong[] { 0, 1, 2, 3 }, issued);
        for (ushort port = 1; port < PathState.MaxPaths; port++)
        {
            Datagram question = pair.Forge(pair.Client, EncryptionLevel.OneRtt, Frame(new PathChallengeFrame(port)), size: 1200);
            pair.ToServer(question, pair.ServerPath with { Remote = pair.ServerPath.Remote.WithPort(port) });
            _ = pair.Take(pair.Server);
        }

        Assert.IsFalse(pair.Server.Parts.PeerIds.HasSpare);
        for (int i = 0; i < 100; i++)
        {
            pair.Advance(TimeSpan.FromMilliseconds(100));
            pair.Tick();
            _ = pair.Take(pair.Server);
        }

        Assert.AreEqual(1, pair.Server.Parts.Path.Count);
        NewConnectionIdFrame last = new(3, 3, pair.Client.Parts.LocalIds.Derive(Peer.Keys, 3), Token(3));
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, Frame(last)));
        Assert.AreEqual((ulong)TransportErrorCode.ProtocolViolation, pair.Server.CloseReason?.Code);
        pair.ToClient(pair.Take(pair.Server).Single());
        Assert.AreEqual((CloseOrigin.PeerTransport, (ulong)TransportErrorCode.ProtocolViolation), (pair.Client.CloseReason!.Value.Origin, pair.Client.CloseReason.Value.Code));
    }

    /// <summary>Goal: a server that ends tells a client whose handshake is under way that it is refused.</summary>
    [TestMethod]
    public void A_handshake_under_way_can_be_refused()
    {
        ConnectionPair pair = new();
        pair.Take(pair.Client).ForEach(pair.ToServer);
        _ = pair.Take(pair.Server);
        pair.Server.Parts.Fail(TransportError.Of(TransportErrorCode.ConnectionRefused, "nobody any more"), pair.Now);
        pair.Take(pair.Server).ForEach(pair.ToClient);
        Assert.AreEqual((CloseOrigin.PeerTransport, (ulong)TransportErrorCode.ConnectionRefused), (pair.Client.CloseReason!.Value.Origin, pair.Client.CloseReason.Value.Code));
    }

    private static ResetToken Token(ulong number)
    {
        byte[] token = new byte[16];
        BitConverter.TryWriteBytes(token, number);
        return new(token);
    }

    private static void SnapshotSize(Connection connection, out int path)
    {
        Net.Core.Snapshots.SnapshotWriter writer = new(default);
        connection.Parts.Path.Export(writer);
        path = writer.Written.Length;
    }
}
