using CsCheck;
using Net.Core.Wire;
using Net.Http3.Tethers;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Tests.Migration.Link;

[TestClass]
public sealed class LinkCodecTests
{
    private static readonly Member A = new("a", 0xA1A2A3A4A5A6A7A8);
    private static readonly Member B = new("b-2", 2);
    private static readonly SnapshotHash Hash = new(Enumerable.Range(1, 32).Select(static i => (byte)i).ToArray());
    private static readonly OwnershipRecord Record = new("web", A, B, ulong.MaxValue - 1, 77, Hash);
    private static readonly byte[] Share = Enumerable.Repeat((byte)6, 32).ToArray();

    private static NodeInfo Node => new(
        A, Address("[fe80::1]:1"), [new("web", Address("10.0.0.1:4433"), []), new("shop", Address("10.0.0.1:4434"), ["cart", "orders"])]);

    private static FederationKeys Keys => FederationKeys.Create(Enumerable.Range(0, 128).Select(static i => (byte)i).ToArray()) with
    {
        Tag = new KeyRing(new FederationKey(6, Share)).Rotate(new(0, new byte[32])),
    };

    internal static IReadOnlyList<LinkMessage> Messages =>
    [
        new HelloMessage(1, 9),
        new PrepareMessage(ulong.MaxValue, "web", 5, 6, A, B, 1, 10_000, 1UL << 40, TimeSpan.FromSeconds(10), Share),
        new TraceContextMessage(1, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b"),
        new AcceptMessage(1, Share),
        new RefuseMessage(1, RefuseCode.NoCapacity),
        new PartMessage(1, false, false, new byte[16]),
        new AheadEndMessage(1),
        new AheadDecodedMessage(1),
        new PartMessage(1, true, true, new byte[SealedPart.MaxLength]),
        new FinalEndMessage(1, Hash),
        new ReadyMessage(1, Hash),
        new CommittedMessage(1, 6),
        new AbortMessage(1, RefuseCode.Timeout),
        new ResumedMessage(1, TimeSpan.FromMilliseconds(3)),
        new TetherOpenMessage("web", 5, A, B),
        new TetherOpenedMessage(5),
        new TetherFrameMessage(new TetherAttach(1, 2, 3)),
        new TetherFrameMessage(new TetherData(1, 1UL << 40, new byte[] { 7, 8 }, IsLast: true)),
        new TetherFrameMessage(new TetherAck(4, 5, 6)),
        new TetherFrameMessage(new TetherReset(7, 0x102)),
        new JoinMessage(Node),
        new WelcomeMessage(Keys, 3, Address("10.0.0.9:5001")),
        new JoinRefusedMessage("the name a is in use by a live member"),
        new MemberUpdateMessage(Node, true),
        new DirectoryUpdateMessage(Record),
        new OwnershipAskMessage(new ReadOwnership(1, "web")),
        new OwnershipAskMessage(new CreateOwnership(2, "web", A)),
        new OwnershipAskMessage(new MoveOwnership(3, "web", A, 4, B, Hash)),
        new OwnershipAskMessage(new AbortOwnership(4, "web", A, 4)),
        new OwnershipReplyMessage(new OwnershipAnswer(5, OwnershipOutcome.Conflict, Record)),
        new OwnershipReplyMessage(new OwnershipAnswer(6, OwnershipOutcome.Unknown, null)),
        new HeartbeatMessage(7, [new("web", 3, 4, ulong.MaxValue), new("api", 4, 5, 6, 7, 1UL << 62)]),
        new HeartbeatReplyMessage(7),
        new MigrateMessage(8, "web", "Node B", TimeSpan.FromSeconds(10)),
        new MigrateReplyMessage(8, new("web", "a", "b", 2, true, 3, 4, TimeSpan.FromMicroseconds(850), 123_456, MigrateCode.Conflict, "somebody else")),
        new StatusAskMessage(9),
        new StatusReplyMessage(9, Address("[::1]:4433"), [new(Record, new("web", 5, 6, 7), 8, TimeSpan.FromMilliseconds(9), 10, "b")], [new(Node, false, true)]),
        new FenceAskMessage(7, 3),
        new FenceConfirmMessage(7, 3),
        new TakeOverMessage(Record, TimeSpan.FromSeconds(1)),
        new HoldInitialsMessage("web", 4, true),
        new InitialsHeldMessage("web", 4),
        new KeysUpdateMessage(Keys),
        new DrainMessage(10, "Node A", "b", TimeSpan.FromSeconds(10), IsCancelled: true),
        new DrainReplyMessage(10, new(
            "a", [new("web", "a", "b", 2, true, 3, 4, TimeSpan.FromMicroseconds(850), 123_456, MigrateCode.None, "")], ["shop"], MigrateCode.Timeout, "late")),
        new CheckpointMessage(13, "No such", CheckpointAction.RollBack, ulong.MaxValue, TimeSpan.FromSeconds(3)),
        new CheckpointReplyMessage(13, new("web", "a", 2, 7, 8, 9, 10, 11, [5, ulong.MaxValue], MigrateCode.UnknownCheckpoint, "there is none")),
        new LeaveMessage(),
        new SuccessorMessage(11),
        new SuccessorNotedMessage(12),
        new TrustUpdateMessage("continuum-trust 1\n"),
        new IngressUpdateMessage(2, Address("10.0.0.2:4434"), true),
    ];

    /// <summary>Goal: every message comes back equal, whatever follows it, and no message was forgotten here.</summary>
    [TestMethod]
    public void Every_message_comes_back()
    {
        foreach (LinkMessage message in Messages)
        {
            byte[] bytes = LinkCodec.Write(message);
            Assert.AreEqual(LinkRead.Message, LinkCodec.TryRead([.. bytes, 1, 2, 3], out int consumed, out LinkMessage? back), message.ToString());
            Assert.HasCount(consumed, bytes);
            Assert.AreEqual(message, back);
            Assert.AreEqual(message.GetHashCode(), back!.GetHashCode());
        }

        Type[] all = [.. typeof(LinkMessage).Assembly.GetTypes().Where(static t => t.IsSubclassOf(typeof(LinkMessage)) && !t.IsAbstract)];
        CollectionAssert.AreEquivalent(all, Messages.Select(static m => m.GetType()).Distinct().ToArray());
        CollectionAssert.AreEquivalent(Enum.GetValues<MessageType>(), Messages.Select(static m => m.Type).Distinct().ToArray());
    }

    /// <summary>Goal: a record that has not arrived in full needs more; one whose body is cut or too long is malformed.</summary>
    [TestMethod]
    public void A_cut_record_needs_more_and_a_cut_body_is_malformed()
    {
        foreach (LinkMessage message in Messages.Where(static m => m is not PartMessage { IsFinal: true }))
        {
            byte[] bytes = LinkCodec.Write(message);
            for (int length = 0; length < bytes.Length; length++)
            {
                Assert.AreEqual(LinkRead.NeedsMore, LinkCodec.TryRead(bytes.AsSpan(0, length), out int consumed, out _));
                Assert.AreEqual(0, consumed);
            }

            ByteReader reader = new(bytes);
            Assert.IsTrue(reader.TryReadVarBytes(out ReadOnlySpan<byte> record));
            for (int length = 0; length < record.Length; length++)
            {
                Assert.AreEqual(LinkRead.Malformed, Read(record[..length]), $"{message} cut to {length}");
            }

            Assert.AreEqual(LinkRead.Malformed, Read([.. record, 0]), $"{message} and a byte");
        }
    }

    /// <summary>Goal: an unknown odd type is skipped whole, an unknown even one closes the link, a giant length as well.</summary>
    [TestMethod]
    public void Unknown_types_follow_their_parity()
    {
        Assert.AreEqual(LinkRead.Skipped, LinkCodec.TryRead([3, 0x3F, 1, 2], out int consumed, out LinkMessage? message));
        Assert.AreEqual(4, consumed);
        Assert.IsNull(message);
        Assert.AreEqual(LinkRead.Malformed, LinkCodec.TryRead([3, 0x3E, 1, 2], out _, out _));
        Assert.AreEqual(LinkRead.Malformed, LinkCodec.TryRead([0], out _, out _));
        Assert.AreEqual(LinkRead.Malformed, LinkCodec.TryRead([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], out _, out _));
    }

    /// <summary>Goal: random bytes, and known records with bytes changed, never throw.</summary>
    [TestMethod]
    public void Hostile_bytes_never_throw()
    {
        Gen.Select(Gen.Int[0, 92], Gen.Byte.Array[0, 200]).Sample(static (type, body) => Read([(byte)type, .. body]) is not LinkRead.NeedsMore, iter: 20_000);
        byte[][] records = [.. Messages.Where(static m => m is not PartMessage).Select(LinkCodec.Write)];
        Gen.Select(Gen.Int[0, records.Length - 1], Gen.Int[0, 10_000], Gen.Byte).Sample((which, at, value) =>
        {
            byte[] bytes = [.. records[which]];
            bytes[at % bytes.Length] = value;
            _ = LinkCodec.TryRead(bytes, out _, out _);
        }, iter: 20_000);
    }

    /// <summary>Goal: texts with control characters, and names that are none, do not get in.</summary>
    [TestMethod]
    public void Texts_are_clean()
    {
        Assert.AreEqual(LinkRead.Malformed, LinkCodec.TryRead(LinkCodec.Write(new JoinRefusedMessage("a\u001b[2J")), out _, out _));
        Assert.AreEqual(LinkRead.Malformed, LinkCodec.TryRead(LinkCodec.Write(new JoinRefusedMessage(new('x', JoinRefusedMessage.MaxReason + 1))), out _, out _));
        foreach (string name in new[] { "", "A", "-a", "a-", "a.b", "a b", new('a', 64) })
        {
            Assert.AreEqual(LinkRead.Malformed, LinkCodec.TryRead(LinkCodec.Write(new JoinMessage(Node with { Member = new(name, 1) })), out _, out _), name);
        }
    }

    /// <summary>Goal: the highest version that both speak is spoken; none when the ranges do not meet.</summary>
    [TestMethod]
    public void Versions_are_agreed_on()
    {
        Assert.AreEqual(2, HelloMessage.Ours.Agree());
        Assert.AreEqual(2, new HelloMessage(1, 9).Agree());
        Assert.AreEqual(0, new HelloMessage(3, 9).Agree());
    }

    /// <summary>Goal: keys rotate through their numbers, old ones are honoured until they retire, and none shows itself in a text.</summary>
    [TestMethod]
    public void Keys_rotate()
    {
        KeyRing ring = new(new FederationKey(5, Share));
        for (int i = 0; i < 5; i++)
        {
            ring = ring.Rotate(new(FederationKey.NumberAfter(ring.Current.Number), new byte[32]));
        }

        Assert.AreEqual(3, ring.Current.Number);
        Assert.HasCount(KeyRing.MaxKeys, ring.All);
        Assert.IsTrue(ring.TryGet(0, out _));
        Assert.IsFalse(ring.TryGet(5, out _));
        Assert.HasCount(1, ring.Retire().All);
        CollectionAssert.AreEqual(new[] { 2, 3, 1 }, ring.Rotate(new(2, Share)).All.Select(key => (int)key.Number).ToArray(), "a number that comes back is the new key's");
        Assert.ThrowsExactly<ArgumentException>(() => new KeyRing(new FederationKey(1, Share), new FederationKey(1, Share)));
        Assert.ThrowsExactly<ArgumentException>(() => new KeyRing(new FederationKey(1, new byte[31])));
        Assert.DoesNotContain("06", Convert.ToHexString(System.Text.Encoding.UTF8.GetBytes(new FederationKey(5, Share).ToString())));
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new ArgumentException(text);

    private static LinkRead Read(ReadOnlySpan<byte> record)
    {
        FieldWriter writer = new();
        writer.WriteVarBytes(record);
        return LinkCodec.TryRead(writer.Written.Span, out _, out _);
    }
}
