using Net.Core.Crypto;
using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Tests.Core.Crypto;

/// <summary>Goal: key updates and AEAD limits as RFC 9001, section 6, has them, also across a move.</summary>
[TestClass]
public sealed class OneRttKeysTests
{
    private static readonly TimeSpan Pto = TimeSpan.FromMilliseconds(100);
    private static readonly Instant Start = new(TimeSpan.TicksPerHour);

    [TestMethod]
    public void An_update_of_the_peer_is_answered_and_the_header_key_stays()
    {
        (OneRttKeys a, OneRttKeys b) = Pair();
        Assert.IsFalse(a.TryInitiateUpdate(), "nothing was acknowledged yet");
        Exchange(a, b, 0);
        a.OnAcked(0);
        Assert.IsTrue(a.TryInitiateUpdate());
        Assert.IsFalse(a.TryInitiateUpdate(), "the peer has not followed");
        Exchange(a, b, 1);
        Assert.AreEqual((1UL, 1UL), (b.ReadGeneration, b.WriteGeneration));
        Exchange(b, a, 0);
        Assert.AreEqual((1UL, 1UL), (a.ReadGeneration, a.WriteGeneration));

        // A packet of the third generation is unmasked by the keys of the first: the header key never changed.
        using PacketProtection first = ProtectionSuites.BaseLibrary.Create(CipherSuite.Aes128GcmSha256, Secret(1), Secret(1));
        a.OnAcked(1);
        Assert.IsTrue(a.TryInitiateUpdate());
        byte[] packet = Seal(a, 2);
        Assert.IsTrue(first.TryUnmask(packet, 9, out int length, out uint truncated));
        Assert.AreEqual((2, 2u), (length, truncated));
        Assert.IsFalse(first.TryOpen(packet, 11, 2));
    }

    [TestMethod]
    public void S46_two_updates_without_anything_sent_between_are_an_error()
    {
        (OneRttKeys a, OneRttKeys b) = Pair();
        Exchange(a, b, 0);
        a.OnAcked(0);
        Assert.IsTrue(a.TryInitiateUpdate());
        Exchange(a, b, 1);

        // A copy of b answers in its place, so that b itself has sent nothing since.
        Exchange(Copy(b), a, 0);
        a.OnAcked(1);
        Assert.IsTrue(a.TryInitiateUpdate());
        Assert.AreEqual(OpenResult.KeyUpdateError, Open(b, Seal(a, 2), 1, Start));
    }

    [TestMethod]
    public void Old_keys_open_late_packets_for_three_probe_timeouts()
    {
        (OneRttKeys a, OneRttKeys b) = Pair();
        byte[] late = Seal(a, 0);
        byte[] later = Seal(a, 1);
        Exchange(a, b, 2);
        a.OnAcked(2);
        Assert.IsTrue(a.TryInitiateUpdate());
        Exchange(a, b, 3);
        Assert.AreEqual(Start + (3 * Pto), b.PreviousExpiry);
        Assert.AreEqual(OpenResult.Opened, Open(b, late, 3, Start + (2 * Pto)));
        Assert.AreEqual(OpenResult.Forged, Open(b, later, 3, Start + (3 * Pto)));
        Assert.IsTrue(b.PreviousExpiry.IsNever);
    }

    [TestMethod]
    public void S46_a_new_key_for_a_number_below_one_of_the_old_key_is_an_error()
    {
        (OneRttKeys a, OneRttKeys b) = Pair();
        Exchange(a, b, 0);
        a.OnAcked(0);
        byte[] old = Seal(a, 7);
        Assert.IsTrue(a.TryInitiateUpdate());
        byte[] low = Seal(a, 6);
        Exchange(a, b, 9);
        Assert.AreEqual(OpenResult.Opened, Open(b, old, 9, Start));
        Assert.AreEqual(OpenResult.KeyUpdateError, Open(b, low, 9, Start));
    }

    [TestMethod]
    public void S47_forged_packets_are_counted_up_to_the_limit_and_derive_nothing()
    {
        OneRttKeys b = new(CipherSuite.Aes128GcmSha256, Secret(1), Secret(2), integrityLimit: 100);
        Random random = new(3);
        byte[] packet = new byte[40];
        for (int i = 1; i < 100; i++)
        {
            random.NextBytes(packet);
            Assert.AreEqual(OpenResult.Forged, Open(b, packet, null, Start));
            Assert.AreEqual((ulong)i, b.Forged);
        }

        Assert.AreEqual(OpenResult.AeadLimitReached, Open(b, packet, null, Start));
        OneRttKeys a = new(CipherSuite.Aes128GcmSha256, Secret(2), Secret(1));
        Assert.AreEqual(OpenResult.AeadLimitReached, Open(b, Seal(a, 0), null, Start), "nothing is processed any more");
        Assert.AreEqual((0UL, 0UL), (b.ReadGeneration, b.WriteGeneration));
    }

    [TestMethod]
    public void S47_an_update_comes_before_the_confidentiality_limit()
    {
        OneRttKeys a = new(CipherSuite.Aes128GcmSha256, Secret(2), Secret(1), confidentialityLimit: 100);
        OneRttKeys b = new(CipherSuite.Aes128GcmSha256, Secret(1), Secret(2));
        for (ulong i = 0; i < 1000; i++)
        {
            Exchange(a, b, i);
            Exchange(b, a, i);
            a.OnAcked(i);
            Assert.IsFalse(a.IsExhausted);
        }

        Assert.IsGreaterThanOrEqualTo(10UL, a.WriteGeneration);
        Assert.AreEqual(a.WriteGeneration, b.ReadGeneration);
    }

    [TestMethod]
    public void Without_acknowledgements_the_limit_is_announced_and_then_held()
    {
        OneRttKeys a = new(CipherSuite.Aes128GcmSha256, Secret(2), Secret(1), confidentialityLimit: 100);
        for (ulong i = 0; i < 100; i++)
        {
            Assert.AreEqual(i >= 84, a.IsExhausted);
            Seal(a, i);
        }

        Assert.ThrowsExactly<InvalidOperationException>(() => Seal(a, 100));
    }

    /// <summary>Goal: a move in the middle of a key update forgets nothing; every field has left its default.</summary>
    [TestMethod]
    public void Keys_travel_in_the_middle_of_an_update()
    {
        OneRttKeys a = new(CipherSuite.Aes256GcmSha384, Secret(2, 48), Secret(1, 48), VersionConstants.V2);
        OneRttKeys b = new(CipherSuite.Aes256GcmSha384, Secret(1, 48), Secret(2, 48), VersionConstants.V2, 1000, 2000);
        byte[] late = Seal(a, 4);
        Exchange(a, b, 5);
        a.OnAcked(5);
        Assert.IsTrue(a.TryInitiateUpdate());
        Exchange(a, b, 8);
        Exchange(a, b, 9);
        Exchange(b, a, 3);
        b.OnAcked(3);
        Assert.AreEqual(OpenResult.Forged, Open(b, new byte[50], 9, Start));
        OneRttKeys acknowledged = Copy(b);
        CollectionAssert.AreEqual(Bytes(b), Bytes(acknowledged));
        Assert.IsTrue(acknowledged.TryInitiateUpdate(), "that it was acknowledged travels");

        // Now b starts the next update itself and moves before the peer follows.
        Assert.IsTrue(b.TryInitiateUpdate());
        Exchange(b, a, 11);
        OneRttKeys moved = Copy(b);
        byte[] exported = Bytes(b);
        CollectionAssert.AreEqual(exported, Bytes(moved));
        Assert.AreEqual((1UL, 2UL, 1UL, 1UL), (moved.ReadGeneration, moved.WriteGeneration, moved.Forged, moved.Sealed));
        b.Wipe();
        Assert.AreEqual(OpenResult.Opened, Open(moved, late, 9, Start), "the previous keys travel");
        Exchange(moved, a, 12);
        Exchange(a, moved, 10);
        Assert.AreEqual((2UL, 2UL), (moved.ReadGeneration, moved.WriteGeneration));

        for (int length = 0; length < exported.Length; length++)
        {
            SnapshotReader cut = new(exported.AsMemory(0, length), Start);
            Assert.ThrowsExactly<SnapshotException>(() => OneRttKeys.Import(cut));
        }
    }

    [TestMethod]
    public void A_contradiction_is_refused()
    {
        OneRttKeys keys = new(CipherSuite.Aes128GcmSha256, Secret(1), Secret(2));
        byte[] bytes = Bytes(keys);

        // The last fields are one byte each: ..., read, write, sealed, first, acked, opened, lowest, highest, floor, forged.
        foreach (int fromEnd in (int[])[9, 6, 2, 3, 4])
        {
            byte[] broken = [.. bytes];
            broken[^fromEnd] = fromEnd == 9 ? (byte)2 : (byte)1;
            Assert.ThrowsExactly<SnapshotException>(() => OneRttKeys.Import(new SnapshotReader(broken, Start)), $"{fromEnd} from the end");
        }
    }

    [TestMethod]
    public void Nothing_is_sealed_after_a_wipe_and_nothing_secret_is_printed()
    {
        OneRttKeys keys = new(CipherSuite.Aes128GcmSha256, Secret(1), Secret(2));
        Assert.DoesNotContain(Convert.ToHexString(Secret(1)), keys.ToString().ToUpperInvariant());
        ulong changes = keys.Changes;
        keys.Wipe();
        keys.Wipe();
        Assert.AreNotEqual(changes, keys.Changes);
        Assert.ThrowsExactly<ObjectDisposedException>(() => Seal(keys, 0));
        Assert.ThrowsExactly<ObjectDisposedException>(() => Bytes(keys));
    }

    private static byte[] Secret(byte value, int length = 32)
    {
        byte[] secret = new byte[length];
        Array.Fill(secret, value);
        return secret;
    }

    private static (OneRttKeys A, OneRttKeys B) Pair() =>
        (new(CipherSuite.Aes128GcmSha256, Secret(2), Secret(1)), new(CipherSuite.Aes128GcmSha256, Secret(1), Secret(2)));

    private static byte[] Seal(OneRttKeys keys, ulong number)
    {
        byte[] packet = new byte[60];
        packet[0] = 0x41;
        packet[9] = (byte)(number >> 8);
        packet[10] = (byte)number;
        keys.Seal(packet, 9, 2, number);
        return packet;
    }

    private static OpenResult Open(OneRttKeys keys, byte[] packet, ulong? largest, Instant now) =>
        keys.Open(packet, 9, largest, now, Pto, out _, out _);

    private static void Exchange(OneRttKeys from, OneRttKeys to, ulong number)
    {
        OpenResult result = to.Open(Seal(from, number), 9, number == 0 ? null : number - 1, Start, Pto, out ulong opened, out int headerLength);
        Assert.AreEqual((OpenResult.Opened, number, 11), (result, opened, headerLength));
    }

    private static byte[] Bytes(OneRttKeys keys)
    {
        SnapshotWriter writer = new(Start);
        keys.Export(writer);
        return writer.Written.ToArray();
    }

    private static OneRttKeys Copy(OneRttKeys keys)
    {
        SnapshotReader reader = new(Bytes(keys), Start);
        OneRttKeys copy = OneRttKeys.Import(reader);
        reader.End();
        return copy;
    }
}
