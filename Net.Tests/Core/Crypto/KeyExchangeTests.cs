using Net.Core.Crypto;

namespace Net.Tests.Core.Crypto;

[TestClass]
public sealed class KeyExchangeTests
{
    /// <summary>Goal: both sides agree, and the same entropy is the same key, so that a seed replays a handshake.</summary>
    [TestMethod]
    [DataRow((ushort)NamedGroup.X25519)]
    [DataRow((ushort)NamedGroup.Secp256r1)]
    [DataRow((ushort)NamedGroup.Secp384r1)]
    public void Both_sides_agree_and_entropy_decides(ushort number)
    {
        NamedGroup group = (NamedGroup)number;
        byte[] one = new byte[64];
        byte[] two = new byte[64];
        two[1] = 1;
        KeyShare a = KeyExchange.Generate(group, one);
        KeyShare b = KeyExchange.Generate(group, two);
        CollectionAssert.AreEqual(a.Public, KeyExchange.Generate(group, one).Public);
        CollectionAssert.AreNotEqual(a.Public, b.Public);
        Assert.HasCount(KeyExchange.PublicLength(group), a.Public);
        Assert.IsTrue(KeyExchange.TryAgree(group, a.Private, b.Public, out byte[] ours));
        Assert.IsTrue(KeyExchange.TryAgree(group, b.Private, a.Public, out byte[] theirs));
        CollectionAssert.AreEqual(ours, theirs);
        Assert.DoesNotContain(Convert.ToHexStringLower(a.Private), a.ToString());
    }

    /// <summary>Goal: keys of the wrong length or form are refused, not thrown about.</summary>
    [TestMethod]
    public void Malformed_keys_are_refused()
    {
        foreach (NamedGroup group in (NamedGroup[])[NamedGroup.X25519, NamedGroup.Secp256r1, NamedGroup.Secp384r1, (NamedGroup)0x4588])
        {
            byte[] secret = KeyExchange.Supports(group) ? KeyExchange.Generate(group, new byte[64]).Private : [];
            for (int length = 0; length < 140; length++)
            {
                Assert.IsFalse(KeyExchange.TryAgree(group, secret, new byte[length], out byte[] shared));
                Assert.IsEmpty(shared);
            }
        }

        Assert.ThrowsExactly<ArgumentException>(() => KeyExchange.Generate(NamedGroup.X25519, new byte[63]));
    }
}
