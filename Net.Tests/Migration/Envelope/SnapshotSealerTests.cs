using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Tests.Migration.Envelope;

[TestClass]
public sealed class SnapshotSealerTests
{
    private static readonly SnapshotBinding Binding = new("web", 3, 7, new("a", 1), new("b", 2), 99);
    private static readonly byte[] Key = Enumerable.Repeat((byte)5, 32).ToArray();

    /// <summary>Goal: parts open once, in order, to the same bytes and the same hash.</summary>
    [TestMethod]
    public void Parts_open_in_order()
    {
        using SnapshotSealer sealer = new(Binding, Key);
        using SnapshotOpener opener = new(Binding, Key);
        byte[] one = sealer.Seal("one"u8, isLast: false);
        byte[] two = sealer.Seal("two!"u8, isLast: true);
        byte[] plain = new byte[16];

        Assert.IsTrue(opener.TryOpen(one, false, plain, out int length));
        Assert.IsTrue(plain.AsSpan(0, length).SequenceEqual("one"u8));
        Assert.ThrowsExactly<InvalidOperationException>(() => opener.Hash);
        Assert.IsTrue(opener.TryOpen(two, true, plain, out length));
        Assert.IsTrue(plain.AsSpan(0, length).SequenceEqual("two!"u8));
        Assert.AreEqual(sealer.Hash, opener.Hash);
        Assert.AreEqual(one.Length + two.Length, sealer.SealedBytes);
        Assert.IsFalse(opener.TryOpen(two, true, plain, out _), "after the last");
        Assert.ThrowsExactly<InvalidOperationException>(() => sealer.Seal([], false));
    }

    /// <summary>Goal: no part opens for another component, epoch, shard, source, destination, attempt or key, nor out of order, nor with a false "last".</summary>
    [TestMethod]
    public void A_part_fits_one_place_only()
    {
        SnapshotBinding[] others =
        [
            Binding with { Component = "api" }, Binding with { Epoch = 4 }, Binding with { Shard = 8 }, Binding with { Source = new("a", 9) },
            Binding with { Destination = new("c", 2) }, Binding with { Attempt = 98 },
        ];
        using SnapshotSealer sealer = new(Binding, Key);
        byte[] first = sealer.Seal("secret"u8, isLast: false);
        byte[] second = sealer.Seal("more"u8, isLast: true);
        byte[] plain = new byte[64];
        foreach (SnapshotBinding other in others)
        {
            using SnapshotOpener opener = new(other, Key);
            Assert.IsFalse(opener.TryOpen(first, false, plain, out _), other.ToString());
        }

        using SnapshotOpener otherKey = new(Binding, new byte[32]);
        Assert.IsFalse(otherKey.TryOpen(first, false, plain, out _));
        using SnapshotOpener outOfOrder = new(Binding, Key);
        Assert.IsFalse(outOfOrder.TryOpen(second, true, plain, out _));
        Assert.IsFalse(outOfOrder.TryOpen(first, false, plain, out _), "the first that does not fit ends it");
        using SnapshotOpener falseEnd = new(Binding, Key);
        Assert.IsFalse(falseEnd.TryOpen(first, true, plain, out _));
        for (int length = 0; length < first.Length; length++)
        {
            using SnapshotOpener cut = new(Binding, Key);
            Assert.IsFalse(cut.TryOpen(first.AsSpan(0, length), false, plain, out _));
        }

        for (int i = 0; i < first.Length; i++)
        {
            byte[] flipped = [.. first];
            flipped[i] ^= 1;
            using SnapshotOpener opener = new(Binding, Key);
            Assert.IsFalse(opener.TryOpen(flipped, false, plain, out _));
        }
    }

    /// <summary>Goal: each side's share, and each field of the binding, changes the key.</summary>
    [TestMethod]
    public void The_key_depends_on_both_shares_and_the_binding()
    {
        byte[] zero = new byte[32], one = [1, .. new byte[31]];
        HashSet<string> keys = [Derive(Binding, zero, zero), Derive(Binding, one, zero), Derive(Binding, zero, one), Derive(Binding with { Attempt = 1 }, zero, zero)];
        Assert.HasCount(4, keys);

        static string Derive(SnapshotBinding binding, byte[] source, byte[] destination)
        {
            byte[] key = new byte[32];
            binding.DeriveKey(source, destination, key);
            return Convert.ToHexString(key);
        }
    }
}
