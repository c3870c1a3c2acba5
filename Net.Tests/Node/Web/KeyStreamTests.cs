using System.Security.Cryptography;
using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: the bytes of `/bytes` are those of `openssl enc -aes-128-ctr` with zero key and counter, from any offset.</summary>
[TestClass]
public sealed class KeyStreamTests
{
    /// <summary>The encryption of the zero block under the zero key, as every AES test suite has it, then of block 1.</summary>
    [TestMethod]
    public void The_first_blocks_are_the_known_ones()
    {
        byte[] start = new byte[32];
        new KeyStream(32).Read(0, start);
        Assert.AreEqual("66e94bd4ef8a2c3b884cfa59ca342b2e58e2fccefa7e3061367f1d57a4e7455a", Convert.ToHexStringLower(start));
    }

    /// <summary>Offsets and lengths around blocks and batches, against one block at a time by the base library.</summary>
    [TestMethod]
    public void Any_part_is_the_same_part_of_the_whole()
    {
        const int Whole = 16 * 2100;
        byte[] whole = Expected(Whole);
        KeyStream stream = new(Whole);
        foreach (int offset in (int[])[0, 1, 15, 16, 17, 16383, 16384, 16385, 20000])
        {
            foreach (int length in (int[])[0, 1, 15, 16, 17, 31, 33, 4096, 12345, Whole - 20000])
            {
                byte[] part = new byte[length];
                stream.Read(offset, part);
                Assert.IsTrue(whole.AsSpan(offset, length).SequenceEqual(part), $"{length} bytes at {offset}");
            }
        }
    }

    /// <summary>Far out the counter needs more than 32 bits: the last block of the largest content.</summary>
    [TestMethod]
    public void The_counter_has_more_than_32_bits()
    {
        byte[] last = new byte[16], counter = new byte[16], expected = new byte[16];
        new KeyStream(KeyStream.MaxLength).Read(KeyStream.MaxLength - 16, last);
        Convert.FromHexString("00000000000000000000000fffffffff").CopyTo(counter, 0);
        using Aes aes = Aes.Create();
        aes.Key = new byte[16];
        aes.EncryptEcb(counter, expected, PaddingMode.None);
        CollectionAssert.AreEqual(expected, last);
    }

    private static byte[] Expected(int length)
    {
        using Aes aes = Aes.Create();
        aes.Key = new byte[16];
        byte[] bytes = new byte[length], counter = new byte[16];
        for (int block = 0; block < length / 16; block++)
        {
            counter[15] = (byte)block;
            counter[14] = (byte)(block >> 8);
            aes.EncryptEcb(counter, bytes.AsSpan(block * 16, 16), PaddingMode.None);
        }

        return bytes;
    }
}
