using CsCheck;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class PacketNumberTests
{
    /// <summary>Goal: the examples of RFC 9000, appendix A.2.</summary>
    [TestMethod]
    public void Lengths_of_appendix_A2()
    {
        Assert.AreEqual(2, PacketNumber.EncodedLength(0xac5c02, 0xabe8b3));
        Assert.AreEqual(3, PacketNumber.EncodedLength(0xace8fe, 0xabe8b3));
        Assert.AreEqual(1, PacketNumber.EncodedLength(0, null));
        Assert.AreEqual(1, PacketNumber.EncodedLength(126, null));
        Assert.AreEqual(2, PacketNumber.EncodedLength(127, null));
        Assert.AreEqual(4, PacketNumber.EncodedLength(1UL << 40, 0));
    }

    /// <summary>Goal: the example of RFC 9000, appendix A.3.</summary>
    [TestMethod]
    public void Example_of_appendix_A3() => Assert.AreEqual(0xa82f9b32UL, PacketNumber.Decode(0xa82f30ea, 0x9b32, 2));

    /// <summary>Goal: what one end cuts the other end completes, as long as it has received anything from the largest acknowledged on.</summary>
    [TestMethod]
    public void A_number_survives_the_cut() =>
        Gen.Select(Gen.ULong[0, VarInt.MaxValue - (1UL << 31)], Gen.ULong[1, (1UL << 31) - 1], Gen.ULong, Gen.Bool).Sample((acked, ahead, any, isFirst) =>
        {
            ulong? largestAcked = isFirst ? null : acked;
            ulong pn = isFirst ? ahead - 1 : acked + ahead;
            ulong? largestReceived = isFirst ? (any % 2 == 0 || pn == 0 ? null : any % pn) : acked + (any % ahead);
            int length = PacketNumber.EncodedLength(pn, largestAcked);

            ByteWriter writer = new(new byte[4]);
            PacketNumber.Write(ref writer, pn, length);
            uint truncated = 0;
            foreach (byte b in writer.Written)
            {
                truncated = (truncated << 8) | b;
            }

            Assert.AreEqual(length, writer.Position);
            Assert.AreEqual(pn, PacketNumber.Decode(largestReceived, truncated, length));
        });

    /// <summary>Goal: numbers that were overtaken are found too, half a window back.</summary>
    [TestMethod]
    public void An_old_number_is_found_behind_the_largest()
    {
        Assert.AreEqual(1000UL - 100, PacketNumber.Decode(1000, (1000 - 100) & 0xFF, 1));
        Assert.AreEqual(0UL, PacketNumber.Decode(20, 0, 1));
    }

    /// <summary>Goal: whatever a peer sends, the result fits a varint, else an ACK of it would throw.</summary>
    [TestMethod]
    public void The_result_is_never_beyond_the_last_number() =>
        Gen.Select(Gen.ULong[VarInt.MaxValue - 100_000, VarInt.MaxValue], Gen.UInt, Gen.Int[1, 4]).Sample((largest, bits, length) =>
        {
            uint truncated = length == 4 ? bits : bits & ((1u << (8 * length)) - 1);
            Assert.IsLessThanOrEqualTo(VarInt.MaxValue, PacketNumber.Decode(largest, truncated, length));
        });

    /// <summary>Goal: the two bits of the first byte hold the length less one.</summary>
    [TestMethod]
    public void Length_bits() => CollectionAssert.AreEqual(new byte[] { 0, 1, 2, 3 }, Enumerable.Range(1, 4).Select(PacketNumber.LengthBits).ToArray());
}
