using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: each byte comes back plus 1 modulo 256, once, wherever a move cuts.</summary>
[TestClass]
public sealed class EchoRuleTests
{
    [TestMethod]
    public void Every_byte_gains_one_at_every_length()
    {
        for (int length = 0; length < 300; length++)
        {
            byte[] bytes = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];
            byte[] expected = [.. bytes.Select(value => (byte)((value + 1) % 256))];
            EchoRule.Apply(bytes);
            CollectionAssert.AreEqual(expected, bytes);
        }
    }

    [TestMethod]
    public void What_is_owed_is_the_end_of_the_last_piece()
    {
        byte[] saved = [1, 2, 3, 4];
        Assert.IsTrue(EchoRule.TryOwed(saved, 100, 98, out ReadOnlyMemory<byte> owed));
        CollectionAssert.AreEqual((byte[])[3, 4], owed.ToArray());
        Assert.IsTrue(EchoRule.TryOwed(saved, 100, 100, out owed));
        Assert.AreEqual(0, owed.Length);
        Assert.IsFalse(EchoRule.TryOwed(saved, 100, 95, out _));
        Assert.IsFalse(EchoRule.TryOwed(saved, 100, 101, out _));
    }
}
