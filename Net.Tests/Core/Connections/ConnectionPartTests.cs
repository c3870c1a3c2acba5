using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;
using Net.Tests.Core.Recovery;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>Each part of a connection and its paths goes to another clock and back with every field off its default.</summary>
[TestClass]
public sealed class ConnectionPartTests
{
    private static readonly Instant s_then = new(TimeSpan.TicksPerDay);
    private static readonly Instant s_now = new(TimeSpan.TicksPerDay * 3);

    /// <summary>Goal: role, version, key number, IDs, epoch and session travel.</summary>
    [TestMethod]
    public void Identity_travels()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Identity identity = pair.Server.Parts.Identity;
        identity.OnEpoch(9);
        Identity copy = RoundTrip(identity);

        Assert.AreEqual((true, QuicVersion.V1, 1U, 9UL, true), (copy.IsServer, copy.Version, copy.KeyNumber, copy.Epoch, copy.IsConfirmed));
        Assert.AreEqual(identity.OriginalDestination, copy.OriginalDestination);
        Assert.AreEqual(identity.Session!.Suite, copy.Session!.Suite);
    }

    /// <summary>Goal: an idle timer goes on with the time that has passed, and with what it has seen since.</summary>
    [TestMethod]
    public void IdleTimer_travels()
    {
        IdleTimer timer = new(TimeSpan.FromSeconds(30), s_then - TimeSpan.FromSeconds(9));
        timer.OnPeerTimeout(TimeSpan.FromSeconds(20));
        timer.OnSentAckEliciting(s_then - TimeSpan.FromSeconds(5));
        IdleTimer copy = RoundTrip(timer);

        Assert.AreEqual(s_now + TimeSpan.FromSeconds(15), copy.Deadline(TimeSpan.Zero));
        copy.OnSentAckEliciting(s_now);
        Assert.AreEqual(s_now + TimeSpan.FromSeconds(15), copy.Deadline(TimeSpan.Zero), "the first since something was received was sent before");
    }

    /// <summary>Goal: what is still to be announced travels.</summary>
    [TestMethod]
    public void Announcements_travel()
    {
        Announcements announcements = new();
        announcements.AnnounceHandshakeDone();
        announcements.RequestPing();
        CollectionAssert.AreEqual(new byte[] { (byte)FrameType.HandshakeDone }, Written(RoundTrip(announcements).WriteFrames));

        Announcements token = new();
        token.AnnounceToken(new byte[] { 7, 8, 9 });
        byte[] frame = [(byte)FrameType.NewToken, 3, 7, 8, 9];
        Announcements pending = RoundTrip(token);
        CollectionAssert.AreEqual(frame, Written(pending.WriteFrames));
        Announcements sent = RoundTrip(pending);
        Assert.IsFalse(sent.HasFrames, "it is on its way");
        sent.OnLost(SentFrameKind.NewToken);
        CollectionAssert.AreEqual(frame, Written(sent.WriteFrames));
        sent.OnTokenAcked();
        sent.OnLost(SentFrameKind.NewToken);
        Assert.IsFalse(RoundTrip(sent).HasFrames, "it has arrived");
        Assert.ThrowsExactly<SnapshotException>(() => Announcements.Import(new(new byte[] { 0, 0, 0, 1 }, s_now)));

        Announcements ping = new();
        ping.RequestPing();
        CollectionAssert.AreEqual(new byte[] { (byte)FrameType.Ping }, Written(RoundTrip(ping).WriteFrames));
    }

    /// <summary>Goal: shard, secret, numbers issued and told, the peer's limit travel: the same IDs come out, and the same faults are found.</summary>
    [TestMethod]
    public void LocalConnectionIds_travel()
    {
        LocalConnectionIds ids = new(77, "0123456789abcdef"u8);
        ids.OnPeerLimit(3);
        ids.Issue();
        Written((ref PacketBuilder b) => ids.WriteFrames(ref b, Peer.Keys));
        Assert.IsFalse(ids.On(new RetireConnectionIdFrame(1), arrivedWith: 0).IsError);
        LocalConnectionIds copy = RoundTrip(ids);

        Assert.AreEqual(77U, copy.Shard);
        CollectionAssert.AreEqual(new ulong[] { 0, 2, 3 }, copy.Active.ToArray());
        Assert.AreEqual(ids.Derive(Peer.Keys, 3), copy.Derive(Peer.Keys, 3));
        Assert.IsTrue(copy.HasFrames, "number 3 is not told yet");
        Assert.IsTrue(copy.On(new RetireConnectionIdFrame(3), arrivedWith: 0).IsError, "number 3 is not told yet");
        Assert.IsFalse(copy.On(new RetireConnectionIdFrame(2), arrivedWith: 0).IsError);
        CollectionAssert.AreEqual(new ulong[] { 0, 3, 4 }, copy.Active.ToArray(), "the peer's limit of three holds");
    }

    /// <summary>Goal: the ID in use, spare ones with their tokens, and retirements on their way travel.</summary>
    [TestMethod]
    public void PeerConnectionIds_travel()
    {
        PeerConnectionIds ids = new(new ConnectionId([1, 1, 1, 1]));
        ids.OnFirstToken(Token(1));
        // Out of order, and retiring what comes before.
        Assert.IsFalse(ids.On(new NewConnectionIdFrame(5, 2, new([5, 5, 5, 5]), Token(5))).IsError);
        Assert.IsFalse(ids.On(new NewConnectionIdFrame(3, 2, new([3, 3, 3, 3]), Token(3))).IsError);
        Assert.IsFalse(ids.On(new NewConnectionIdFrame(1, 0, new([2, 2, 2, 2]), Token(2))).IsError);
        PeerConnectionIds copy = RoundTrip(ids);

        Assert.AreEqual(new ConnectionId([5, 5, 5, 5]), copy.Current, "there was no other when the first was retired");
        Assert.IsTrue(copy.IsReset([.. new byte[10], .. Bytes(5)]));
        Assert.IsFalse(copy.IsReset([.. new byte[10], .. Bytes(1)]), "the first ID was retired");
        CollectionAssert.AreEqual(
            (byte[])[.. ConnectionPair.Frame(new RetireConnectionIdFrame(0)), .. ConnectionPair.Frame(new RetireConnectionIdFrame(1))],
            Written(copy.WriteFrames));
        copy.OnLost(1);
        Assert.IsTrue(copy.HasFrames);

        // Another path has another ID; the one of the path that is left goes back, and a late copy of what issued it does not bring it back.
        ulong? lent = null;
        Assert.IsTrue(copy.TryLend(ref lent));
        Assert.AreEqual(3UL, lent);
        copy = RoundTrip(copy);
        Assert.IsFalse(copy.HasSpare, "both are used");
        Assert.AreEqual(5UL, copy.CurrentNumber);
        copy.Use(3);
        copy.ReturnUnused([]);
        copy = RoundTrip(copy);
        Assert.IsFalse(copy.On(new NewConnectionIdFrame(5, 2, new([5, 5, 5, 5]), Token(5))).IsError);
        Assert.AreEqual(new ConnectionId([3, 3, 3, 3]), RoundTrip(copy).Current);
        ulong? none = null;
        Assert.IsFalse(copy.TryLend(ref none));
        Assert.AreEqual(new ConnectionId([3, 3, 3, 3]), copy[5], "taken back: the one in use");
    }

    /// <summary>
    /// Goal: a peer that keeps moving and acknowledges no retirement cannot make its connection immovable; and the reset token of an ID that
    /// was never sent to is nobody's word (RFC 9000, section 10.3.1).
    /// </summary>
    [TestMethod]
    public void PeerConnectionIds_travel_with_as_many_retirements_as_can_be()
    {
        PeerConnectionIds ids = new(new ConnectionId([0, 0, 0, 0]));
        for (byte number = 1; number <= PeerConnectionIds.MaxRetiring; number++)
        {
            Issue(number);
            ids.Use(Lend());
            ids.ReturnUnused([]);
        }

        Issue(17);
        Issue(18);
        Issue(19);
        Assert.IsFalse(ids.IsReset([.. new byte[10], .. Bytes(17)]), "never sent to");
        Assert.AreEqual((17UL, 18UL, 19UL), (Lend(), Lend(), Lend()));
        Assert.IsTrue(ids.IsReset([.. new byte[10], .. Bytes(17)]));
        ids.ReturnUnused([]);
        PeerConnectionIds copy = RoundTrip(ids);

        Assert.AreEqual(16UL, copy.CurrentNumber);
        Assert.IsTrue(copy.On(new NewConnectionIdFrame(20, 0, new([20, 20, 20, 20]), Token(20))).IsError, "now it is too much");

        void Issue(byte number) => Assert.IsFalse(ids.On(new NewConnectionIdFrame(number, 0, new([number, number, number, number]), Token(number))).IsError);

        ulong Lend()
        {
            ulong? number = null;
            Assert.IsTrue(ids.TryLend(ref number));
            return number!.Value;
        }
    }

    /// <summary>Goal: one ID in two ways, or one number for two IDs, is a violation (checklist S13).</summary>
    [TestMethod]
    public void S13_an_id_issued_in_two_ways_is_a_violation()
    {
        PeerConnectionIds ids = new(new ConnectionId([1, 1, 1, 1]));
        NewConnectionIdFrame second = new(1, 0, new([2, 2, 2, 2]), Token(2));
        Assert.IsFalse(ids.On(second).IsError);
        Assert.IsFalse(ids.On(second).IsError, "a retransmission");
        Assert.IsTrue(ids.On(second with { Token = Token(9) }).IsError);
        Assert.IsTrue(ids.On(second with { ConnectionId = new([7, 7, 7, 7]) }).IsError);
        Assert.IsTrue(ids.On(second with { SequenceNumber = 2 }).IsError);
    }

    /// <summary>Goal: a ticket cut by a move is put together by the new owner, whatever the cut; what follows it is judged (checklist S39).</summary>
    [TestMethod]
    public void S39_post_handshake_messages_travel()
    {
        byte[] tickets =
        [
            .. MessageWriter.Frame(new NewSessionTicket { Lifetime = 1, AgeAdd = 2, Nonce = [3], Ticket = [4, 5] }),
            .. MessageWriter.Frame(new NewSessionTicket { Lifetime = 6, Nonce = [], Ticket = new byte[300], AllowsEarlyData = true }),
        ];
        for (int cut = 0; cut <= tickets.Length; cut++)
        {
            PostHandshakeMessages messages = new();
            List<NewSessionTicket> read = [];
            Assert.IsFalse(messages.Read(isServer: false, tickets.AsSpan(0, cut), read).IsError);
            PostHandshakeMessages copy = RoundTrip(messages);
            Assert.IsFalse(copy.Read(isServer: false, tickets.AsSpan(cut), read).IsError, $"cut at {cut}");
            Assert.HasCount(2, read);
            CollectionAssert.AreEqual(new byte[] { 4, 5 }, read[0].Ticket);
            Assert.AreEqual((6u, true), (read[1].Lifetime, read[1].AllowsEarlyData));
            Assert.AreEqual(0x100UL + 10, (ulong)copy.Read(isServer: false, [24, 0, 0, 1, 0], read).Code, "KeyUpdate is forbidden");
        }

        Assert.IsTrue(new PostHandshakeMessages().Read(isServer: true, tickets, []).IsError, "a client has no tickets to give");
        Assert.IsTrue(new PostHandshakeMessages().Read(isServer: false, [4, 0xFF, 0xFF, 0xFF], []).IsError, "longer than any that is waited for");
        Assert.AreEqual(0x100UL + 50, (ulong)new PostHandshakeMessages().Read(isServer: false, [4, 0, 0, 1, 0], []).Code, "it does not parse");
    }

    /// <summary>Goal: the longest message, byte by byte, costs about what it costs in one piece; a server cannot make us copy it again and again.</summary>
    [TestMethod]
    public void A_ticket_in_single_bytes_is_not_copied_for_each()
    {
        byte[] message = MessageWriter.Frame(new NewSessionTicket { Lifetime = 1, Nonce = [3], Ticket = new byte[PostHandshakeMessages.MaxMessage - 100] });
        PostHandshakeMessages messages = new();
        List<NewSessionTicket> read = [];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < message.Length; i++)
        {
            Assert.IsFalse(messages.Read(isServer: false, message.AsSpan(i, 1), read).IsError);
        }

        Assert.HasCount(1, read);
        Assert.IsLessThan(10L * PostHandshakeMessages.MaxMessage, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Goal: what a connection knows of its tickets travels, of a server and of a client; a new owner's next ticket has another nonce.</summary>
    [TestMethod]
    public void SessionTickets_travel()
    {
        SessionTickets given = new();
        TlsSession session = new() { Suite = CipherSuite.Aes128GcmSha256, Alpn = "h3"u8.ToArray(), ExporterSecret = new byte[32], ResumptionSecret = new byte[32], TakesTickets = true };
        byte[] Issue(SessionTickets by) => by.Issue(
            session, new() { AlpnProtocols = ["h3"u8.ToArray()] }, QuicVersion.V1, default, new(9, new byte[32]), 1_000, new byte[20]).Nonce;
        byte[] first = Issue(given);
        SessionTickets copy = RoundTrip(given);
        Assert.AreEqual((1UL, (uint?)9), (copy.Issued, copy.IssuedUnder));
        CollectionAssert.AreNotEqual(first, Issue(copy));

        SessionTickets taken = new();
        taken.Keep([1, 2, 3]);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, RoundTrip(taken).ApplicationState);
        Assert.IsNull(RoundTrip(new SessionTickets()).ApplicationState);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => taken.Keep(new byte[257]));
    }

    /// <summary>Goal: a delta completes an earlier export: what changed is there, what did not is not, what is gone is named once.</summary>
    [TestMethod]
    public void ExportLog_tells_what_changed()
    {
        ExportLog log = new();
        log.Begin();
        Assert.IsTrue(log.HasChanged(new(2, 0, 5, _ => { }), since: 0));
        Assert.IsTrue(log.HasChanged(new(4, 1, 1, _ => { }), since: 0));
        Assert.IsEmpty(log.RemovedSince(0));
        log.Begin();
        Assert.IsFalse(log.HasChanged(new(2, 0, 5, _ => { }), since: 1));
        Assert.IsTrue(log.HasChanged(new(6, 0, 0, _ => { }), since: 1), "new");
        CollectionAssert.AreEqual(new (ulong, ulong)[] { (4, 1) }, log.RemovedSince(1));
        log.Begin();
        Assert.IsTrue(log.HasChanged(new(2, 0, 6, _ => { }), since: 1), "changed");
        CollectionAssert.AreEqual(new (ulong, ulong)[] { (4, 1) }, log.RemovedSince(1), "what came and went since 1 was never told");
        log.Begin();
        Assert.IsTrue(log.HasChanged(new(4, 1, 1, _ => { }), since: 3), "it came back");
    }

    /// <summary>Goal: a snapshot that is cut anywhere, or has any byte changed, is refused or restored, and nothing else is thrown.</summary>
    [TestMethod]
    public void A_damaged_snapshot_is_refused_with_its_exception()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        pair.Client.Write(id, new byte[3000], fin: true);
        pair.Exchange();
        pair.Server.Freeze(pair.Now);
        SnapshotWriter writer = new(pair.Now);
        pair.Server.Export(0, writer);
        byte[] whole = writer.Written.ToArray();
        _ = Restore(whole, pair.Now);

        SimulatedRandom random = new(3);
        int refused = 0;
        for (int i = 0; i < 1500; i++)
        {
            byte[] damaged = whole.ToArray();
            if (i % 3 == 0)
            {
                damaged = damaged[..random.Below(whole.Length)];
            }
            else
            {
                damaged[random.Below(whole.Length)] = (byte)random.Next();
            }

            try
            {
                _ = Restore(damaged, pair.Now);
            }
            catch (SnapshotException)
            {
                refused++;
            }
        }

        Assert.IsTrue(refused >= 500, $"{refused}");
    }

    private static Connection Restore(byte[] export, Instant now)
    {
        ConnectionImage image = new();
        image.Apply(export);
        return Connection.Import(image, ConnectionOptions.Default, Peer.Keys, now);
    }

    internal delegate void Writing(ref PacketBuilder builder);

    internal static byte[] Written(Writing write)
    {
        PacketBuilder builder = new(new byte[1200], new SentFrameBuffer());
        write(ref builder);
        return builder.Writer.Written.ToArray();
    }

    internal static TPart RoundTrip<TPart>(TPart part) where TPart : IPart<TPart> => PartAssert.RoundTrip(part, s_then, s_now);

    private static byte[] Bytes(byte value) => [.. Enumerable.Repeat(value, 16)];

    private static ResetToken Token(byte value) => new(Bytes(value));
}
