using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

[TestClass]
public sealed class ConnectionTests
{
    /// <summary>Goal: while frozen every call throws but those of a hand-over; a destroyed connection is gone.</summary>
    [TestMethod]
    public void A_frozen_connection_neither_sends_nor_processes()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Connection server = pair.Server;
        Assert.ThrowsExactly<InvalidOperationException>(server.Destroy);
        server.Freeze(pair.Now);
        Assert.ThrowsExactly<InvalidOperationException>(() => server.OnDatagram([], pair.ServerPath, Ecn.NotEct, null, pair.Now));
        Assert.ThrowsExactly<InvalidOperationException>(() => server.Tick(pair.Now));
        Assert.ThrowsExactly<InvalidOperationException>(() => server.TryTransmit(new byte[1500], 0, pair.Now, out _));
        Assert.ThrowsExactly<InvalidOperationException>(() => server.TryTakeEvent(out _));
        Assert.ThrowsExactly<InvalidOperationException>(() => server.TryOpen(false, out _));
        Assert.ThrowsExactly<InvalidOperationException>(() => server.Close(0, "", pair.Now));
        Assert.ThrowsExactly<InvalidOperationException>(server.Ping);
        Assert.ThrowsExactly<InvalidOperationException>(() => server.Freeze(pair.Now));
        Assert.IsTrue(server.Deadline.IsNever);
        server.Thaw(2, pair.Now);
        Assert.AreEqual(2UL, server.Epoch);
        Assert.ThrowsExactly<InvalidOperationException>(() => server.Export(0, new SnapshotWriter(pair.Now)));
        server.Freeze(pair.Now);
        Assert.ThrowsExactly<InvalidOperationException>(() => server.Thaw(1, pair.Now));
        server.Destroy();
        Assert.ThrowsExactly<InvalidOperationException>(() => server.Thaw(3, pair.Now));
        Assert.ThrowsExactly<InvalidOperationException>(() => server.Export(0, new SnapshotWriter(pair.Now)));
    }

    /// <summary>Goal: a handshake that is not confirmed cannot be frozen.</summary>
    [TestMethod]
    public void A_handshake_cannot_be_frozen()
    {
        ConnectionPair pair = new();
        Assert.ThrowsExactly<InvalidOperationException>(() => pair.Client.Freeze(pair.Now));
    }

    /// <summary>
    /// Goal: the first packet of a client carries its ClientHello, however long its key share takes (RFC 9000, section 17.2.2): aioquic closes
    /// a connection that begins with the PING of a probe timeout.
    /// </summary>
    [TestMethod]
    public void A_client_without_its_key_share_has_nothing_to_say()
    {
        ConnectionPair pair = new();
        TlsClientOptions tls = new() { AlpnProtocols = ["test"u8.ToArray()], ServerName = "web.test" };
        Connection client = ConnectionFactory.Connect(ConnectionOptions.Default, tls, Peer.Keys, 1, pair.ClientPath, pair.Entropy(), pair.Now);
        for (int seconds = 0; seconds < 5; seconds++)
        {
            client.Tick(pair.Now);
            Assert.IsFalse(client.TryTransmit(new byte[1500], 0, pair.Now, out _), $"after {seconds} s");
            pair.Advance(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Goal: until its address is proven a client gets no more than three times its bytes, probes included, and no timer spins meanwhile (checklist S24).</summary>
    [TestMethod]
    public void S24_an_unproven_client_gets_three_times_its_bytes()
    {
        ConnectionPair pair = new();
        int got = 0, sent = 0;
        foreach (Datagram datagram in pair.Take(pair.Client))
        {
            got += datagram.Bytes.Length;
            pair.ToServer(datagram);
        }

        for (int i = 0; i < 200; i++)
        {
            sent += pair.Take(pair.Server).Sum(d => d.Bytes.Length);
            pair.Advance(TimeSpan.FromMilliseconds(40));
            pair.Tick();
            Assert.IsTrue(pair.Server.Deadline > pair.Now || pair.Server.Path.Remote != pair.ServerPath.Remote, "a deadline in the past would spin");
        }

        Assert.IsTrue(sent > 0 && sent <= 3 * got, $"{sent} for {got}");
    }

    /// <summary>Goal: half a ClientHello is acknowledged, its rest is asked for a little later, and it wakes nobody up again and again.</summary>
    [TestMethod]
    public void Half_a_client_hello_is_acknowledged_and_asked_for()
    {
        ConnectionPair pair = new();
        Datagram forged = pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Crypto, 0, 4, 1, 0, 1, 0], size: 1200);
        pair.ToServer(forged);
        Assert.IsLessThan(100, pair.Take(pair.Server).Single().Bytes.Length);
        pair.Advance(TimeSpan.FromMilliseconds(100));
        pair.Tick();
        Assert.IsEmpty(pair.Take(pair.Server));
        pair.Advance(TimeSpan.FromMilliseconds(300));
        pair.Tick();
        Assert.HasCount(1200, pair.Take(pair.Server).Single().Bytes);
        Assert.IsTrue(pair.Server.Deadline > pair.Now + TimeSpan.FromMilliseconds(900));
    }

    /// <summary>Goal: each probe of a client that has heard nothing can begin the connection by itself.</summary>
    [TestMethod]
    public void Every_probe_of_a_first_flight_has_the_ClientHello()
    {
        ConnectionPair pair = new();
        Assert.HasCount(1, pair.Take(pair.Client));
        for (int timeout = 0; timeout < 3; timeout++)
        {
            pair.Advance(pair.Client.Deadline - pair.Now);
            pair.Tick();
            List<Datagram> probes = pair.Take(pair.Client);
            Assert.HasCount(2, probes);
            foreach (Datagram probe in probes)
            {
                Assert.IsTrue(LongHeader.TryRead(probe.Bytes, out LongHeader header));
                Connection server = pair.Accept(header, pair.ServerPath);
                server.OnDatagram([.. probe.Bytes], pair.ServerPath, Ecn.NotEct, null, pair.Now);
                _ = pair.ServeOther(server);
                Assert.IsNotNull(server.PeerParameters, "the ClientHello was whole");
            }
        }
    }

    /// <summary>Goal: every loss of one datagram of the handshake heals.</summary>
    [TestMethod]
    public void A_handshake_survives_the_loss_of_any_datagram()
    {
        for (int lost = 0; lost < 10; lost++)
        {
            ConnectionPair pair = new();
            int index = 0;
            for (int i = 0; i < 600 && !(pair.Client.IsConfirmed && pair.ServerOrNull is { IsConfirmed: true }); i++)
            {
                pair.Exchange((_, _) => index++ == lost);
                pair.Advance(TimeSpan.FromMilliseconds(10));
                pair.Tick();
            }

            Assert.IsTrue(pair.Client.IsConfirmed, $"datagram {lost} was lost");
        }
    }

    /// <summary>Goal: a coalesced packet for another connection is passed over (RFC 9000, section 12.2).</summary>
    [TestMethod]
    public void A_coalesced_packet_for_another_connection_is_ignored()
    {
        ConnectionPair pair = new(), other = new(seed: 9);
        byte[] mine = pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Ping], size: 700).Bytes;
        byte[] theirs = other.Forge(other.Client, EncryptionLevel.Initial, [(byte)FrameType.HandshakeDone], size: 700).Bytes;
        pair.ToServer(new(default, default, [.. mine, .. theirs], Ecn.NotEct));
        Assert.IsTrue(pair.Server.IsOpen);
        Assert.AreEqual(0UL, pair.Server.Parts.Received(PacketNumberSpace.Initial).Largest);
    }

    /// <summary>Goal: an Initial in a datagram that is too small is dropped (RFC 9000, section 14.1).</summary>
    [TestMethod]
    public void S24_a_small_initial_is_dropped()
    {
        ConnectionPair pair = new();
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.Initial, [(byte)FrameType.Ping], size: 1199));
        Assert.IsTrue(pair.Server.IsUntouched);
    }

    /// <summary>Goal: a close is said at each level whose keys the peer may have, repeated ever more rarely, answered by draining, and over after three probe timeouts.</summary>
    [TestMethod]
    public void Closing_and_draining_end()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        pair.Client.Close(7, "done", pair.Now);
        Datagram close = pair.Take(pair.Client).Single();
        int answers = 0;
        for (int i = 0; i < 100; i++)
        {
            pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
            answers += pair.Take(pair.Client).Count;
        }

        Assert.IsTrue(answers is > 2 and < 10, $"{answers}");
        pair.ToServer(close);
        Assert.AreEqual(new CloseReason(CloseOrigin.PeerApplication, 7, "closed by the peer"), pair.Server.CloseReason);
        Assert.IsEmpty(pair.Take(pair.Server), "draining is silent");
        Assert.AreEqual(ConnectionEventKind.Closed, pair.ServerEvents[^1].Kind);
        pair.Advance(TimeSpan.FromSeconds(5));
        pair.Tick();
        Assert.IsTrue(pair.Client.IsClosed && pair.Server.IsClosed);
        Assert.IsTrue(pair.Client.Deadline.IsNever);
    }

    /// <summary>Goal: a server that fails its handshake says so where the client can read it.</summary>
    [TestMethod]
    public void A_close_in_the_handshake_is_readable()
    {
        ConnectionPair pair = new(tls: new() { AlpnProtocols = ["other"u8.ToArray()] });
        pair.Settle();
        Assert.AreEqual(new CloseReason(CloseOrigin.PeerTransport, 0x100 + 120, "closed by the peer"), pair.Client.CloseReason);
    }

    /// <summary>Goal: silence ends a connection at both ends; a keep-alive keeps it, and sends nothing while other traffic does.</summary>
    [TestMethod]
    public void Silence_ends_a_connection_and_a_keep_alive_keeps_it()
    {
        ConnectionPair silent = ConnectionPair.Confirmed();
        ConnectionPair kept = ConnectionPair.Confirmed(client: new() { KeepAlive = TimeSpan.FromSeconds(10) });
        foreach (ConnectionPair pair in (ConnectionPair[])[silent, kept])
        {
            for (int i = 0; i < 500; i++)
            {
                pair.Advance(TimeSpan.FromMilliseconds(100));
                pair.Tick();
                pair.Exchange();
            }
        }

        Assert.AreEqual(CloseOrigin.IdleTimeout, silent.Client.CloseReason?.Origin);
        Assert.IsTrue(kept.Client.IsOpen && kept.Server.IsOpen);
    }

    /// <summary>Goal: a reset token ends the connection, at once and in silence (checklist S34).</summary>
    [TestMethod]
    public void A_stateless_reset_ends_the_connection()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        byte[] reset = new byte[40];
        reset[0] = 0x40;
        pair.Client.Parts.LocalIds.Derive(Peer.Keys, 0).Span.CopyTo(reset.AsSpan(1));
        ConnectionId inUse = pair.Client.Parts.PeerIds.Current;
        ConnectionIdDeriver.DeriveToken(Peer.Keys.ResetKey.Span, inUse).CopyTo(reset.AsSpan(24));
        pair.ToClient(new(default, default, reset, Ecn.NotEct));
        Assert.AreEqual(CloseOrigin.StatelessReset, pair.Client.CloseReason?.Origin);
        Assert.IsEmpty(pair.Take(pair.Client));
    }

    /// <summary>Goal: Version Negotiation ends a first flight, unless it offers what was tried, comes late, or is for another connection (checklist S32).</summary>
    [TestMethod]
    public void Version_negotiation_counts_only_as_a_first_answer()
    {
        Assert.AreEqual(CloseOrigin.VersionNegotiation, Negotiate(new(), wrong: false, QuicVersion.Reserved(3)).CloseReason?.Origin);
        Assert.AreEqual(QuicVersion.V2, Negotiate(new(), wrong: false, QuicVersion.V2).Version);
        Assert.IsNull(Negotiate(new(), wrong: false, QuicVersion.V2, QuicVersion.V1).CloseReason);
        Assert.IsNull(Negotiate(new(), wrong: true, QuicVersion.Reserved(3)).CloseReason);
        Assert.IsNull(Negotiate(ConnectionPair.Confirmed(), wrong: false, QuicVersion.Reserved(3)).CloseReason);
    }

    /// <summary>Goal: a Retry is followed once, with its token, to the ID that it names; a forged one is not.</summary>
    [TestMethod]
    public void A_retry_is_followed_once()
    {
        ConnectionPair pair = new();
        Assert.HasCount(1, pair.Take(pair.Client));
        ConnectionId original = pair.Client.Parts.Identity.OriginalDestination;
        byte[] forged = Retry(pair, original, [9, 9, 9, 9, 9, 9, 9, 9], "tok"u8);
        forged[^1] ^= 1;
        pair.ToClient(new(default, default, forged, Ecn.NotEct));
        Assert.IsEmpty(pair.Take(pair.Client));
        pair.ToClient(new(default, default, Retry(pair, original, [9, 9, 9, 9, 9, 9, 9, 9], "token"u8), Ecn.NotEct));
        byte[] again = pair.Take(pair.Client).Single().Bytes;
        Assert.IsTrue(LongHeader.TryRead(again, out LongHeader header));
        Assert.AreEqual(new ConnectionId([9, 9, 9, 9, 9, 9, 9, 9]), header.Destination);
        CollectionAssert.AreEqual("token"u8.ToArray(), again.AsSpan(header.TokenOffset, header.TokenLength).ToArray());
        pair.ToClient(new(default, default, Retry(pair, original, [8, 8, 8, 8, 8, 8, 8, 8], "other"u8), Ecn.NotEct));
        Assert.IsEmpty(pair.Take(pair.Client));
    }

    /// <summary>Goal: a challenge from another address is answered there, in a full datagram, and moves nothing.</summary>
    [TestMethod]
    public void A_probe_from_another_address_is_answered_there()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        NetworkPath elsewhere = pair.ServerPath with { Remote = ConnectionPair.Address("10.7.7.7:7") };
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, ConnectionPair.Frame(new PathChallengeFrame(5)), size: 1200), elsewhere);
        Datagram answer = pair.Take(pair.Server).First(d => d.To == elsewhere.Remote);
        Assert.HasCount(PathMtu.Base, answer.Bytes);
        Assert.AreEqual(pair.ServerPath, pair.Server.Path);
    }

    /// <summary>Goal: a new address of the client is followed at once, asked for proof in full datagrams, and proven by the answer; the old one is asked too.</summary>
    [TestMethod]
    public void A_new_address_is_followed_and_proven()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        NetworkPath before = pair.ServerPath;
        pair.ServerPath = before with { Remote = ConnectionPair.Address("10.0.0.1:1001") };
        pair.Client.Ping();
        pair.ToServer(pair.Take(pair.Client).Single());
        Assert.AreEqual(pair.ServerPath, pair.Server.Path);
        Assert.IsFalse(pair.Server.Parts.Path.IsProven);
        List<Datagram> asked = pair.Take(pair.Server);
        Assert.IsTrue(asked.Any(d => d.To == before.Remote && d.Bytes.Length == PathMtu.Base));
        pair.Settle();
        foreach (Datagram datagram in asked.Where(d => d.To == pair.ServerPath.Remote))
        {
            pair.ToClient(datagram);
        }

        pair.Settle();
        Assert.IsTrue(pair.Server.Parts.Path.IsProven);
    }

    /// <summary>Goal: datagrams of every length, cut anywhere, with flipped bits or all random, never make anything throw, in any state (checklist S48).</summary>
    [TestMethod]
    [Seeds(20)]
    public void Hostile_datagrams_never_throw(ulong seed)
    {
        SimulatedRandom random = new(seed);
        ConnectionPair pair = new(seed: seed);
        for (int round = 0; round < 60; round++)
        {
            pair.Exchange((fromClient, bytes) =>
            {
                Damage(pair, fromClient, bytes, random);
                return random.OneIn(10);
            });
            if (round == 20 && pair.Client is { IsConfirmed: true, IsOpen: true } && pair.Client.TryOpen(unidirectional: false, out StreamId id))
            {
                pair.Client.Write(id, new byte[5000], fin: true);
            }

            pair.Advance(TimeSpan.FromMilliseconds(20));
            pair.Tick();
        }

        Assert.IsNotNull(pair.ServerOrNull);
        Assert.IsTrue(pair.Client.IsOpen && pair.Server.IsOpen, "what an attacker who has no keys sends ends nothing");
    }

    /// <summary>Goal: both ends update their keys over and over during a transfer, across moves, and every byte arrives.</summary>
    [TestMethod]
    public void Keys_are_updated_in_both_directions_during_a_transfer()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        byte[] data = new byte[300_000];
        new SimulatedRandom(1).Fill(data);
        List<byte> received = [];
        int sent = 0, updates = 0;
        for (int round = 0; received.Count < data.Length && round < 2000; round++)
        {
            sent += pair.Client.Write(id, data.AsSpan(sent, int.Min(4000, data.Length - sent)), fin: false);
            updates += (round % 2 == 0 ? pair.Client : pair.Server).Parts.Keys!.TryInitiateUpdate() ? 1 : 0;
            pair.Exchange();
            while (pair.Server.Parts.Streams.Exists(id) && pair.Server.Peek(id) is { IsEmpty: false } bytes)
            {
                received.AddRange(bytes);
                pair.Server.Consume(id, bytes.Length);
            }

            if (round % 10 == 0)
            {
                pair.MoveServer();
            }

            pair.Advance(TimeSpan.FromMilliseconds(5));
            pair.Tick();
        }

        CollectionAssert.AreEqual(data, received);
        Assert.IsTrue(updates > 10, $"{updates}");
    }

    /// <summary>Goal: packets are marked ECT(0) while the peer counts them, and CE lowers the window once.</summary>
    [TestMethod]
    public void Packets_are_marked_and_ce_is_heeded()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        pair.Client.Ping();
        Datagram marked = pair.Take(pair.Client).Single();
        Assert.AreEqual(Ecn.Ect0, marked.Ecn);
        pair.ToServer(marked with { Ecn = Ecn.Ce });
        pair.Settle();
        Assert.AreNotEqual(int.MaxValue, pair.Client.Parts.Recovery.Congestion.SlowStartThreshold);
    }

    /// <summary>Goal: the loss of the datagrams that try a larger size lowers no window, and stops the trying.</summary>
    [TestMethod]
    public void Lost_size_probes_are_no_congestion()
    {
        ConnectionPair pair = new();
        for (int i = 0; i < 200; i++)
        {
            pair.Exchange((_, bytes) => bytes.Length > PathMtu.Base);
            if (pair.Client.IsConfirmed)
            {
                pair.Client.Ping();
            }

            pair.Advance(TimeSpan.FromMilliseconds(20));
            pair.Tick();
        }

        Assert.IsTrue(pair.Client.IsConfirmed);
        Assert.AreEqual(PathMtu.Base, pair.Client.Parts.Mtu.Current);
        Assert.IsTrue(pair.Client.Parts.Mtu.IsComplete);
        Assert.AreEqual(int.MaxValue, pair.Client.Parts.Recovery.Congestion.SlowStartThreshold);
    }

    /// <summary>Goal: in steady state a transfer allocates nothing per packet, in either direction.</summary>
    [TestMethod]
    [DoNotParallelize]
    public void A_transfer_allocates_nothing_per_packet()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        byte[] data = new byte[16 * 1024];
        byte[] buffer = new byte[64 * 1500];
        long packets = 0;
        Instant now = pair.Now;
        void Round()
        {
            pair.Client.Write(id, data, fin: false);
            bool again = true;
            while (again)
            {
                again = Pass(pair.Client, pair.Server, pair.ServerPath) | Pass(pair.Server, pair.Client, pair.ClientPath);
            }

            while (pair.Server.Peek(id) is { IsEmpty: false } bytes)
            {
                pair.Server.Consume(id, bytes.Length);
            }

            while (pair.Server.TryTakeEvent(out _) || pair.Client.TryTakeEvent(out _))
            {
            }

            now += TimeSpan.FromMilliseconds(2);
            foreach (Connection c in (ReadOnlySpan<Connection>)[pair.Client, pair.Server])
            {
                if (c.Deadline <= now)
                {
                    c.Tick(now);
                }
            }
        }

        bool Pass(Connection from, Connection to, NetworkPath path)
        {
            bool any = false;
            while (from.TryTransmit(buffer, 0, now, out Transmit transmit))
            {
                any = true;
                packets += transmit.Segments;
                for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
                {
                    to.OnDatagram(buffer.AsSpan(at, int.Min(transmit.SegmentSize, transmit.Length - at)), path, transmit.Ecn, 0, now);
                }
            }

            return any;
        }

        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
        for (int i = 0; i < 500; i++)
        {
            Round();
        }

        // The buffers' pool is everybody's: a collection that another test causes may empty it, and it fills itself once more.
        long allocated = long.MaxValue;
        for (int attempt = 0; attempt < 5 && allocated >= packets; attempt++)
        {
            packets = 0;
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 200; i++)
            {
                Round();
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.IsTrue(packets > 2000, $"{packets}");
        Assert.IsTrue(allocated < packets, $"{allocated} bytes for {packets} packets");
    }

    private static Connection Negotiate(ConnectionPair pair, bool wrong, params uint[] versions)
    {
        ConnectionParts c = pair.Client.Parts;
        byte[] bytes = new byte[100];
        ByteWriter writer = new(bytes);
        ConnectionId source = wrong ? new([1, 2, 3]) : c.Identity.OriginalDestination;
        VersionNegotiationPacket.Write(ref writer, 0, c.Local.InitialSourceConnectionId!.Value, source, versions);
        pair.ToClient(new(default, default, writer.Written.ToArray(), Ecn.NotEct));
        return pair.Client;
    }

    private static byte[] Retry(ConnectionPair pair, ConnectionId original, byte[] source, ReadOnlySpan<byte> token)
    {
        byte[] bytes = new byte[200];
        ByteWriter writer = new(bytes);
        RetryPacket.Write(ref writer, QuicVersion.V1, pair.Client.Parts.Local.InitialSourceConnectionId!.Value, new(source), token);
        int length = writer.Position;
        Net.Core.Crypto.RetryIntegrity.Compute(QuicVersion.V1, bytes.AsSpan(0, length), original, bytes.AsSpan(length));
        return bytes[..(length + RetryPacket.TagLength)];
    }

    private static void Damage(ConnectionPair pair, bool fromClient, byte[] bytes, SimulatedRandom random)
    {
        foreach (byte[] hostile in (byte[][])
        [
            [],
            bytes[..random.Below(bytes.Length + 1)],
            bytes[..random.Below(int.Min(bytes.Length, 40))],
            Flip(bytes, random),
            Noise(random),
        ])
        {
            Connection? to = fromClient ? pair.ServerOrNull : pair.Client;
            to?.OnDatagram(hostile, fromClient ? pair.ServerPath : pair.ClientPath, Ecn.NotEct, null, pair.Now);
        }
    }

    private static byte[] Flip(byte[] bytes, SimulatedRandom random)
    {
        byte[] flipped = bytes.ToArray();
        flipped[random.Below(flipped.Length)] ^= (byte)(1 << random.Below(8));
        return flipped;
    }

    private static byte[] Noise(SimulatedRandom random)
    {
        byte[] noise = new byte[random.Below(1300)];
        random.Fill(noise);
        return noise;
    }
}
