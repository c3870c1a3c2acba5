using System.Globalization;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Net.Core.Crypto;

namespace Net.Tests.Core.Crypto;

[TestClass]
public sealed class CidCipherTests
{
    /// <summary>
    /// Goal: the test vectors of draft-ietf-quic-load-balancers, appendix B.2 (one of them in a single pass, one with a server ID longer than its nonce), and the example of
    /// section 5.4.2.4; in both directions, with the processor's instructions and without.
    /// </summary>
    [TestMethod]
    [DataRow(0, "ed793a", "ee080dbf", "8f95f09245765f80256934e50c66207f", "0720b1d07b359d3c")]
    [DataRow(1, "ed793a51d49b8f5fab65", "ee080dbf48", "8f95f09245765f80256934e50c66207f", "2fcc381bc74cb4fbad2823a3d1f8fed2")]
    [DataRow(2, "ed793a51d49b8f5f", "ee080dbf48c0d1e5", "8f95f09245765f80256934e50c66207f", "504dd2d05a7b0de9b2b9907afb5ecf8cc3")]
    [DataRow(0, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d", "8f95f09245765f80256934e50c66207f", "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc")]
    [DataRow(0, "31441a", "9c69c275", "fdf726a9893ec05c0632d3956680baf0", "0767947d29be054a")]
    public void The_drafts_test_vectors(int config, string serverId, string nonce, string key, string cid)
    {
        foreach (bool instructions in (bool[])[true, false])
        {
            CidCipher cipher = new(Convert.FromHexString(key), instructions);
            byte[] text = Convert.FromHexString(serverId + nonce);
            cipher.Encrypt(text);
            // The draft's first octets say the length. Its last vector is listed under configuration 3, but its first octet, 0x12, says 0.
            Assert.AreEqual(cid, $"{((config << 5) | text.Length) & 0xFF:x2}{Convert.ToHexStringLower(text)}", ignoreCase: false, CultureInfo.InvariantCulture);
            byte[] start = new byte[serverId.Length / 2], whole = new byte[text.Length];
            cipher.Decrypt(text, start);
            cipher.Decrypt(text, whole);
            Assert.AreEqual(serverId, Convert.ToHexStringLower(start));
            Assert.AreEqual(serverId + nonce, Convert.ToHexStringLower(whole));
        }
    }

    /// <summary>Goal: every length encrypts as the draft's steps, octet by octet, do, and comes back, as much of it as is asked for.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void All_lengths_there_and_back(bool instructions)
    {
        Random random = new(3);
        byte[] key = new byte[CidCipher.KeyLength];
        for (int length = CidCipher.MinLength; length <= CidCipher.MaxLength; length++)
        {
            for (int round = 0; round < 20; round++)
            {
                random.NextBytes(key);
                CidCipher cipher = new(key, instructions);
                byte[] plain = new byte[length];
                random.NextBytes(plain);
                byte[] text = [.. plain];
                cipher.Encrypt(text);
                CollectionAssert.AreEqual(BySteps(key, plain), text, $"{length} octets");
                byte[] before = [.. text];
                for (int part = 0; part <= length; part++)
                {
                    byte[] start = new byte[part];
                    cipher.Decrypt(text, start);
                    CollectionAssert.AreEqual(plain[..part], start, $"{part} of {length} octets");
                }

                CollectionAssert.AreEqual(before, text, "only read");
            }
        }
    }

    /// <summary>Goal: who changes one bit, or counts the nonce up, gets an ID that has no more in common with the other one than chance gives; so does who takes another key.</summary>
    [TestMethod]
    public void What_differs_a_little_encrypts_to_something_else()
    {
        int same = 0;
        const int Trials = 4_000, Length = 12;
        CidCipher cipher = new("0123456789abcdef"u8), other = new("0123456789abcdeg"u8);
        for (int i = 0; i < Trials; i++)
        {
            byte[] one = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, (byte)(i >> 8), (byte)i], two = [.. one], three = [.. one];
            two[i % Length] ^= (byte)(1 << (i % 8));
            cipher.Encrypt(one);
            cipher.Encrypt(two);
            other.Encrypt(three);
            same += one.Zip(two).Count(pair => pair.First == pair.Second) + one.Zip(three).Count(pair => pair.First == pair.Second);
        }

        // One octet in 256: 375 of 96,000, with a deviation of 19.
        Assert.IsTrue(same is > 250 and < 500, $"{same}");
    }

    /// <summary>Goal: lengths that no connection ID has are our own caller's mistakes, and change nothing.</summary>
    [TestMethod]
    public void Other_lengths_are_refused()
    {
        CidCipher cipher = new(new byte[CidCipher.KeyLength]);
        byte[] text = new byte[CidCipher.MaxLength + 1];
        foreach (int length in (int[])[0, CidCipher.MinLength - 1, CidCipher.MaxLength + 1])
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cipher.Encrypt(text.AsSpan(0, length)));
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cipher.Decrypt(text.AsSpan(0, length), []));
        }

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cipher.Decrypt(text.AsSpan(0, 12), new byte[13]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new CidCipher(new byte[32]));
        CollectionAssert.AreEqual(new byte[text.Length], text);
    }

    /// <summary>Goal: single blocks are those of FIPS 197, appendix B, in both directions and by both ways.</summary>
    [TestMethod]
    public void Single_blocks()
    {
        byte[] key = Convert.FromHexString("2b7e151628aed2a6abf7158809cf4f3c");
        Vector128<byte> plain = Vector128.Create(Convert.FromHexString("3243f6a8885a308d313198a2e0370734"));
        Vector128<byte> encrypted = Vector128.Create(Convert.FromHexString("3925841d02dc09fbdc118597196a0b32"));
        foreach (bool instructions in (bool[])[true, false])
        {
            AesBlock block = new(key, instructions);
            Assert.AreEqual(encrypted, block.Encrypt(plain));
            Assert.AreEqual(plain, block.Decrypt(encrypted));
            Assert.AreEqual(encrypted, block.Encrypt(plain), "nothing is kept");
        }
    }

    /// <summary>The twelve steps of section 5.4.2.3, one octet array after the other.</summary>
    private static byte[] BySteps(byte[] key, byte[] plain)
    {
        using Aes aes = Aes.Create();
        aes.SetKey(key);
        int length = plain.Length, half = (length + 1) / 2;
        bool isOdd = length % 2 != 0;
        if (length == 16)
        {
            return aes.EncryptEcb(plain, PaddingMode.None);
        }

        byte[] left = plain[..half], right = plain[^half..];
        left[^1] &= isOdd ? (byte)0xF0 : (byte)0xFF;
        right[0] &= isOdd ? (byte)0x0F : (byte)0xFF;
        for (byte pass = 1; pass <= 4; pass++)
        {
            (byte[] from, byte[] to) = pass % 2 == 1 ? (left, right) : (right, left);
            byte[] result = aes.EncryptEcb([.. from, .. new byte[14 - half], (byte)length, pass], PaddingMode.None);
            for (int i = 0; i < half; i++)
            {
                to[i] ^= result[i];
            }

            left[^1] &= isOdd ? (byte)0xF0 : (byte)0xFF;
            right[0] &= isOdd ? (byte)0x0F : (byte)0xFF;
        }

        return isOdd ? [.. left[..^1], (byte)(left[^1] | right[0]), .. right[1..]] : [.. left, .. right];
    }
}
