using System.Security.Cryptography;
using System.Text;
using OurSha256 = Net.Node.Web.Sha256;

namespace Net.Tests.Node.Web;

/// <summary>Goal: a digest that travels at any byte is the digest that the base library makes in one go.</summary>
[TestClass]
public sealed class Sha256Tests
{
    private static readonly byte[] s_data = [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 37 + i / 256))];

    /// <summary>FIPS 180-4's own example.</summary>
    [TestMethod]
    public void The_digest_of_abc_is_that_of_the_standard()
    {
        OurSha256 hash = new();
        hash.Append("abc"u8);
        Assert.AreEqual("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Digest(hash));
    }

    /// <summary>Every length around the block and padding boundaries, in pieces of every size up to two blocks.</summary>
    [TestMethod]
    public void Any_length_in_any_pieces_agrees_with_the_base_library()
    {
        for (int length = 0; length <= 200; length++)
        {
            string expected = Convert.ToHexStringLower(SHA256.HashData(s_data.AsSpan(0, length)));
            for (int piece = 1; piece <= 130; piece += 3)
            {
                OurSha256 hash = new();
                for (int at = 0; at < length; at += piece)
                {
                    hash.Append(s_data.AsSpan(at, Math.Min(piece, length - at)));
                }

                Assert.AreEqual(length, hash.Length);
                Assert.AreEqual(expected, Digest(hash), $"{length} bytes in pieces of {piece}");
            }
        }
    }

    [TestMethod]
    public void It_goes_on_elsewhere_from_any_byte()
    {
        string expected = Convert.ToHexStringLower(SHA256.HashData(s_data));
        byte[] state = new byte[OurSha256.MaxExport];
        for (int cut = 0; cut <= 300; cut++)
        {
            OurSha256 before = new();
            before.Append(s_data.AsSpan(0, cut));
            int length = before.Export(state);
            Assert.IsTrue(OurSha256.TryImport(state.AsSpan(0, length), out OurSha256 after));
            after.Append(s_data.AsSpan(cut));
            Assert.AreEqual(expected, Digest(after), $"moved at byte {cut}");
        }
    }

    [TestMethod]
    public void A_digest_in_between_does_not_disturb_what_follows()
    {
        OurSha256 hash = new();
        hash.Append(s_data.AsSpan(0, 100));
        _ = Digest(hash);
        hash.Append(s_data.AsSpan(100));
        Assert.AreEqual(Convert.ToHexStringLower(SHA256.HashData(s_data)), Digest(hash));
    }

    /// <summary>A state from another node is distrusted: too short, too long, a length that contradicts the block, a negative one.</summary>
    [TestMethod]
    public void What_is_no_export_is_refused()
    {
        OurSha256 hash = new();
        hash.Append(s_data.AsSpan(0, 70));
        byte[] state = new byte[OurSha256.MaxExport];
        int length = hash.Export(state);
        Assert.AreEqual(46, length);
        Assert.IsFalse(OurSha256.TryImport([], out _));
        Assert.IsFalse(OurSha256.TryImport(state.AsSpan(0, 39), out _));
        Assert.IsFalse(OurSha256.TryImport(state.AsSpan(0, length - 1), out _));
        Assert.IsFalse(OurSha256.TryImport(state.AsSpan(0, length + 1), out _));
        state[32] = 0x80;
        Assert.IsFalse(OurSha256.TryImport(state.AsSpan(0, length), out _));
    }

    /// <summary>A length of more than 2^32 bits is counted in 64 (checked by the padding of an imported long state).</summary>
    [TestMethod]
    public void Lengths_beyond_32_bits_count()
    {
        byte[] state = new byte[40];
        _ = new OurSha256().Export(state);
        byte[] longer = [.. state];
        longer[32 + 3] = 1; // 2^32 bytes, the same words.
        Assert.IsTrue(OurSha256.TryImport(state, out OurSha256 none));
        Assert.IsTrue(OurSha256.TryImport(longer, out OurSha256 many));
        Assert.AreEqual(1L << 32, many.Length);
        Assert.AreNotEqual(Digest(none), Digest(many));
        Assert.AreEqual(Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(""))), Digest(none));
    }

    private static string Digest(OurSha256 hash)
    {
        byte[] digest = new byte[OurSha256.DigestLength];
        hash.WriteDigest(digest);
        return Convert.ToHexStringLower(digest);
    }
}
