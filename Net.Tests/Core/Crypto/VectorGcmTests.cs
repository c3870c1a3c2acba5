using System.Security.Cryptography;
using Net.Core.Crypto;

namespace Net.Tests.Core.Crypto;

[TestClass]
public sealed class VectorGcmTests
{
    /// <summary>Goal: our own AES-GCM and the operating system's agree for every length around the block and stride borders.</summary>
    [TestMethod]
    [DataRow(16, true)]
    [DataRow(16, false)]
    [DataRow(32, true)]
    [DataRow(32, false)]
    public void Agrees_with_the_base_library_for_all_lengths(int keyLength, bool wide)
    {
        if (!VectorGcm.IsSupported || !AesGcm.IsSupported)
        {
            Assert.Inconclusive("no AES instructions here");
        }

        Random random = new(7);
        byte[] key = new byte[keyLength];
        byte[] nonce = new byte[12];
        for (int length = 0; length <= 2048; length++)
        {
            random.NextBytes(key);
            random.NextBytes(nonce);
            byte[] associated = new byte[length % 67];
            byte[] plain = new byte[length];
            random.NextBytes(associated);
            random.NextBytes(plain);
            byte[] expected = new byte[length];
            byte[] expectedTag = new byte[16];
            using AesGcm reference = new(key, 16);
            reference.Encrypt(nonce, plain, expected, expectedTag, associated);

            using VectorGcm gcm = new(key, wide);
            byte[] data = [.. plain];
            byte[] tag = new byte[16];
            gcm.Seal(nonce, associated, data, tag);
            Assert.IsTrue(data.AsSpan().SequenceEqual(expected), $"ciphertext of {length} bytes");
            Assert.IsTrue(tag.AsSpan().SequenceEqual(expectedTag), $"tag of {length} bytes");
            Assert.IsTrue(gcm.TryOpen(nonce, associated, data, tag), $"{length} bytes");
            Assert.IsTrue(data.AsSpan().SequenceEqual(plain), $"plaintext of {length} bytes");

            tag[length % 16] ^= (byte)(1 << (length % 8));
            Assert.IsFalse(gcm.TryOpen(nonce, associated, data, tag));
            Assert.IsFalse(data.AsSpan().ContainsAnyExcept((byte)0), "what does not open is zeroed");
        }
    }
}
