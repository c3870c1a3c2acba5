using Net.Core.Wire;
using Net.Http3.Qpack;

namespace Net.Tests.Http3.Qpack;

[TestClass]
public sealed class PrefixedIntegerTests
{
    /// <summary>Goal: integers of every size come back for every prefix.</summary>
    [TestMethod]
    public void Integers_come_back_for_every_prefix()
    {
        for (int prefix = 1; prefix <= 8; prefix++)
        {
            for (int bits = 0; bits <= 62; bits++)
            {
                ulong value = (1UL << bits) - 1;
                byte[] bytes = new byte[16];
                ByteWriter writer = new(bytes);
                PrefixedInteger.Write(ref writer, 0, prefix, value);
                Assert.AreEqual(PrefixedInteger.Length(value, prefix), writer.Position);
                ByteReader reader = new(writer.Written);
                Assert.IsTrue(PrefixedInteger.TryRead(ref reader, prefix, out ulong read));
                Assert.AreEqual(value, read);
                Assert.IsTrue(reader.IsEmpty);
            }
        }
    }

    /// <summary>Goal: the examples of RFC 7541, appendix C.1.</summary>
    [TestMethod]
    [DataRow("0a", 5, 10UL)]
    [DataRow("1f9a0a", 5, 1337UL)]
    [DataRow("2a", 8, 42UL)]
    public void Examples_of_the_RFC_decode(string hex, int prefix, ulong value)
    {
        ByteReader reader = new(Convert.FromHexString(hex));
        Assert.IsTrue(PrefixedInteger.TryRead(ref reader, prefix, out ulong read));
        Assert.AreEqual(value, read);
    }

    /// <summary>Goal: too large, too long or cut integers are refused (S65).</summary>
    [TestMethod]
    [DataRow("ff", DisplayName = "cut behind the prefix")]
    [DataRow("ff8080", DisplayName = "cut inside")]
    [DataRow("ff8080808080808080808000", DisplayName = "ten bytes of nothing")]
    [DataRow("ffffffffffffffffff7f", DisplayName = "above 2^62-1")]
    [DataRow("ffffffffffffffffffffff", DisplayName = "endless")]
    public void Malformed_integers_are_refused(string hex)
    {
        ByteReader reader = new(Convert.FromHexString(hex));
        Assert.IsFalse(PrefixedInteger.TryRead(ref reader, 8, out _));
    }
}
