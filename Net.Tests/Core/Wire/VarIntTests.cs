using CsCheck;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class VarIntTests
{
    /// <summary>Goal: the examples of RFC 9000, appendix A.1.</summary>
    [TestMethod]
    [DataRow("c2197c5eff14e88c", 151_288_809_941_952_652UL, true)]
    [DataRow("9d7f3e7d", 494_878_333UL, true)]
    [DataRow("7bbd", 15_293UL, true)]
    [DataRow("25", 37UL, true)]
    [DataRow("4025", 37UL, false)]
    public void Examples_of_appendix_A1(string hex, ulong expected, bool isShortest)
    {
        byte[] bytes = Convert.FromHexString(hex);
        ByteReader reader = new(bytes);
        Assert.IsTrue(reader.TryReadVarInt(out ulong value));
        Assert.AreEqual(expected, value);

        ByteWriter writer = new(new byte[8]);
        writer.WriteVarInt(value);
        Assert.AreEqual(isShortest, writer.Written.SequenceEqual(bytes));

        ByteWriter chosen = new(new byte[8]);
        chosen.WriteVarInt(value, bytes.Length);
        CollectionAssert.AreEqual(bytes, chosen.Written.ToArray());
    }

    /// <summary>Goal: every value comes back, from the shortest encoding; a cut one is refused and the position stays.</summary>
    [TestMethod]
    public void Every_value_survives() => Gen.Int[0, 61].SelectMany(bits => Gen.ULong[0, (2UL << bits) - 1]).Sample(value =>
    {
        ByteWriter writer = new(new byte[8]);
        writer.WriteVarInt(value);
        ByteReader reader = new(writer.Written);
        Assert.IsTrue(reader.TryReadVarInt(out ulong read));
        Assert.AreEqual(value, read);
        Assert.AreEqual(VarInt.Length(value), writer.Position);

        for (int length = 0; length < writer.Position; length++)
        {
            ByteReader cut = new(writer.Written[..length]);
            Assert.IsFalse(cut.TryReadVarInt(out _));
            Assert.AreEqual(0, cut.Position);
        }
    });

    /// <summary>Goal: the limits of each length; a number beyond 2^62-1 is our own mistake and throws.</summary>
    [TestMethod]
    public void Lengths_change_at_their_limits()
    {
        CollectionAssert.AreEqual(
            new[] { 1, 1, 2, 2, 4, 4, 8, 8 },
            new ulong[] { 0, 63, 64, 16_383, 16_384, 1_073_741_823, 1_073_741_824, VarInt.MaxValue }.Select(VarInt.Length).ToArray());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => VarInt.Length(VarInt.MaxValue + 1));
    }
}
