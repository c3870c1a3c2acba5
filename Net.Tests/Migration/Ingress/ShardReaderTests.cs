using Net.Core.Endpoints;
using Net.Core.Wire;
using Net.Migration.Envelope;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Tests.Migration.Ingress;

[TestClass]
public sealed class ShardReaderTests
{
    private static readonly FederationKeys s_keys = FederationKeys.Create(Entropy(1));

    /// <summary>Goal: every generation's IDs are read under its own key, and by nobody who has another one; those of a generation that has left the ring are of nobody.</summary>
    [TestMethod]
    public void Every_generation_is_read_under_its_own_key()
    {
        FederationKeys keys = s_keys;
        List<byte[]> ids = [];
        for (byte generation = 0; generation <= KeyRing.MaxKeys; generation++)
        {
            ids.Add(Id(keys.Cid.Current, 100u + generation));
            ShardReader reader = keys.ForRouters().Shards;
            for (int i = 0; i < ids.Count; i++)
            {
                bool isThere = i > ids.Count - 1 - KeyRing.MaxKeys;
                Assert.AreEqual((isThere, isThere ? 100u + (uint)i : 0), (reader.TryRead(ids[i], out uint shard), shard));
            }

            keys = keys.BeginRotation(Entropy((byte)(generation + 2)));
        }

        Assert.IsTrue(FederationKeys.Create(Entropy(99)).ForRouters().Shards.TryRead(ids[0], out uint other));
        Assert.AreNotEqual(100u, other, "another federation's");
    }

    /// <summary>Goal: an ID of which any bit was changed is not read as what it was, but for bits of the nonce's own.</summary>
    [TestMethod]
    public void A_changed_ID_is_another_one()
    {
        ShardReader reader = s_keys.ForRouters().Shards;
        byte[] id = Id(s_keys.Cid.Current, 7);
        for (int bit = 0; bit < 8 * id.Length; bit++)
        {
            byte[] changed = [.. id];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.IsFalse(reader.TryRead(changed, out uint shard) && shard == 7, $"bit {bit}");
        }

        Assert.IsFalse(reader.TryRead([], out _));
        Assert.IsFalse(reader.TryRead(id.AsSpan(1), out _));
    }

    /// <summary>Goal: keys from before IDs were encrypted stay what they are, stored and told; their IDs are read, and the next rotation encrypts.</summary>
    [TestMethod]
    public void Keys_of_before_are_read_as_before()
    {
        FederationKey old = s_keys.Cid.Current with { EncryptsIds = false };
        FederationKeys keys = s_keys with { Cid = new(old) };
        FieldWriter writer = new();
        keys.Cid.Write(writer);
        CollectionAssert.AreEqual(new byte[] { 1, 0 }, writer.Written.Span[..2].ToArray(), "as it always was");
        ByteReader bytes = new(writer.Written.Span);
        Assert.IsTrue(KeyRing.TryRead(ref bytes, mayEncryptIds: true, out KeyRing? read));
        Assert.AreEqual(keys.Cid, read);
        Assert.AreNotEqual(s_keys.Cid, read, "the form is a part of the key");

        byte[] plain = new byte[CidLayout.Length];
        CidLayout.Write(plain, 0, 7, "nonce 8b"u8);
        FederationKeys next = keys.BeginRotation(Entropy(2));
        foreach (FederationKeys each in (FederationKeys[])[keys, next])
        {
            Assert.IsTrue(each.ForRouters().Shards.TryRead(plain, out uint shard));
            Assert.AreEqual(7u, shard);
        }

        Assert.IsNull(old.DeriveCipher());
        Assert.IsNotNull(next.Cid.Current.DeriveCipher());
        writer = new();
        next.Cid.Write(writer);
        Assert.AreEqual(0x81, writer.Written.Span[1]);
    }

    /// <summary>Goal: only keys for connection IDs say that these are encrypted; of others it is refused.</summary>
    [TestMethod]
    [DataRow(0, true)]
    [DataRow(1, false)]
    [DataRow(2, false)]
    [DataRow(3, false)]
    public void The_form_of_IDs_is_told_of_their_keys_alone(int ring, bool isTaken)
    {
        FieldWriter writer = new();
        s_keys.Write(writer);
        byte[] bytes = writer.Written.ToArray();
        // Each ring here has a count, a number and a secret.
        bytes[(ring * (2 + FederationKey.Length)) + 1] |= 0x80;
        ByteReader reader = new(bytes);
        Assert.AreEqual(isTaken, FederationKeys.TryRead(ref reader, out FederationKeys? keys));
        Assert.AreEqual(isTaken, keys is not null);
    }

    /// <summary>Goal: in the first step of a rotation every ingress can read the new generation, and nobody makes IDs of it yet.</summary>
    [TestMethod]
    public void A_generation_is_read_before_it_is_made()
    {
        CollectionAssert.AreEqual(new[] { 0 }, s_keys.ForConnections().Select(key => (int)key.Number).ToArray());
        FederationKeys first = s_keys.BeginRotation(Entropy(2));
        Assert.IsTrue(first.ForRouters().Shards.TryRead(Id(first.Cid.Current, 9), out uint shard));
        Assert.AreEqual(9u, shard);
        CollectionAssert.AreEqual(new[] { 0, 1 }, first.ForConnections().Select(key => (int)key.Number).ToArray());

        FederationKeys second = first.NextStep()!;
        CollectionAssert.AreEqual(new[] { 1, 0 }, second.ForConnections().Select(key => (int)key.Number).ToArray());
        CollectionAssert.AreEqual(new[] { 1, 0 }, second.NextStep()!.ForConnections().Select(key => (int)key.Number).ToArray());
        FederationKeys again = second.BeginRotation(Entropy(3));
        CollectionAssert.AreEqual(new[] { 1, 2, 0 }, again.ForConnections().Select(key => (int)key.Number).ToArray());
    }

    /// <summary>Goal: while rotations give way to others, nobody makes IDs of a generation that ingresses may have heard of a moment ago; all that are held stay.</summary>
    [TestMethod]
    public void A_generation_that_was_given_up_is_not_made()
    {
        FederationKeys keys = s_keys;
        int[][] expected = [[0, 1], [0, 2, 1], [0, 3, 2, 1], [3, 4, 2, 1]];
        for (int round = 0; round < expected.Length; round++)
        {
            keys = keys.BeginRotation(Entropy((byte)(round + 2)));
            CollectionAssert.AreEqual(expected[round], keys.ForConnections().Select(key => (int)key.Number).ToArray());
        }
    }

    /// <summary>Goal: somebody is removed a moment after somebody else: the rotation that had begun gives way to the next one, which comes to its end.</summary>
    [TestMethod]
    public void A_rotation_follows_upon_another()
    {
        FederationKeys keys = s_keys;
        // Numbers go round, but for that of the key that tags are still written with.
        int[] numbers = [1, 2, 3, 4, 5, 6, 1, 2];
        for (int round = 0; round < numbers.Length; round++)
        {
            keys = keys.BeginRotation(Entropy((byte)(round + 2)));
            foreach (KeyRing ring in (KeyRing[])[keys.Cid, keys.Reset, keys.Token])
            {
                Assert.AreEqual(numbers[round], ring.Current.Number);
            }

            CollectionAssert.AreEqual(new[] { 0, numbers[round] }, keys.Tag.All.Select(key => (int)key.Number).ToArray());
        }

        keys = keys.NextStep()!;
        CollectionAssert.AreEqual(new[] { 2, 0 }, keys.Tag.All.Select(key => (int)key.Number).ToArray());
        keys = keys.NextStep()!;
        CollectionAssert.AreEqual(new[] { 2 }, keys.Tag.All.Select(key => (int)key.Number).ToArray());
        Assert.IsNull(keys.NextStep());
    }

    private static byte[] Id(FederationKey key, uint shard)
    {
        byte[] id = new byte[CidLayout.Length];
        CidLayout.Write(id, key.Number, shard, "nonce 8b"u8, key.DeriveCipher());
        return id;
    }

    private static byte[] Entropy(byte value) => Enumerable.Repeat(value, FederationKeys.EntropyLength).ToArray();
}
