using System.Security.Cryptography;
using System.Text.Json;
using Net.Core.Crypto;
using Net.Tests.Vectors;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;
using ChaCha20Poly1305 = System.Security.Cryptography.ChaCha20Poly1305;

namespace Net.Tests.Core.Crypto;

/// <summary>Goal: known attacks on primitives do not work on ours, in each implementation.</summary>
[TestClass]
public sealed class WycheproofTests
{
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Vector_instructions_pass_aes_gcm(bool wide)
    {
        if (!VectorGcm.IsSupported)
        {
            Assert.Inconclusive("no AES instructions here");
        }

        int tried = 0;
        foreach ((JsonElement group, JsonElement test) in Wycheproof.Read("aes_gcm_test.json"))
        {
            byte[] key = Wycheproof.Bytes(test, "key");
            if (key.Length == 24 || group.GetProperty("ivSize").GetInt32() != 96 || group.GetProperty("tagSize").GetInt32() != 128)
            {
                continue;
            }

            byte[] data = Wycheproof.Bytes(test, "ct");
            using VectorGcm gcm = new(key, wide);
            bool opened = gcm.TryOpen(Wycheproof.Bytes(test, "iv"), Wycheproof.Bytes(test, "aad"), data, Wycheproof.Bytes(test, "tag"));
            bool isValid = Wycheproof.Text(test, "result") == "valid";
            Assert.AreEqual(isValid, opened, Wycheproof.Name(test));
            byte[] expected = Wycheproof.Bytes(test, "msg");
            CollectionAssert.AreEqual(isValid ? expected : new byte[data.Length], data, Wycheproof.Name(test));
            tried++;
            if (isValid)
            {
                byte[] tag = new byte[16];
                gcm.Seal(Wycheproof.Bytes(test, "iv"), Wycheproof.Bytes(test, "aad"), data, tag);
                CollectionAssert.AreEqual(Wycheproof.Bytes(test, "ct"), data, Wycheproof.Name(test));
                CollectionAssert.AreEqual(Wycheproof.Bytes(test, "tag"), tag, Wycheproof.Name(test));
            }
        }

        Assert.IsGreaterThan(50, tried);
    }

    [TestMethod]
    [DataRow("aes_gcm_test.json", false)]
    [DataRow("chacha20_poly1305_test.json", true)]
    public void The_managed_aeads_pass(string file, bool isChaCha)
    {
        foreach ((JsonElement group, JsonElement test) in Wycheproof.Read(file))
        {
            if (group.GetProperty("ivSize").GetInt32() != 96 || group.GetProperty("tagSize").GetInt32() != 128)
            {
                continue;
            }

            IAeadCipher cipher = ManagedSuite.CreateCipher(isChaCha);
            cipher.Init(false, new AeadParameters(new KeyParameter(Wycheproof.Bytes(test, "key")), 128, Wycheproof.Bytes(test, "iv")));
            byte[] aad = Wycheproof.Bytes(test, "aad");
            cipher.ProcessAadBytes(aad, 0, aad.Length);
            byte[] input = [.. Wycheproof.Bytes(test, "ct"), .. Wycheproof.Bytes(test, "tag")];
            byte[] output = new byte[cipher.GetOutputSize(input.Length)];
            bool opened = true;
            try
            {
                int written = cipher.ProcessBytes(input, 0, input.Length, output, 0);
                cipher.DoFinal(output, written);
            }
            catch (InvalidCipherTextException)
            {
                opened = false;
            }

            Assert.AreEqual(Wycheproof.Text(test, "result") == "valid", opened, Wycheproof.Name(test));
        }
    }

    [TestMethod]
    public void The_base_library_passes_chacha20_poly1305()
    {
        if (!ChaCha20Poly1305.IsSupported)
        {
            Assert.Inconclusive("not in this operating system's library");
        }

        foreach ((JsonElement group, JsonElement test) in Wycheproof.Read("chacha20_poly1305_test.json"))
        {
            if (group.GetProperty("ivSize").GetInt32() != 96)
            {
                continue;
            }

            using ChaCha20Poly1305 aead = new(Wycheproof.Bytes(test, "key"));
            byte[] data = Wycheproof.Bytes(test, "ct");
            bool opened = true;
            try
            {
                aead.Decrypt(Wycheproof.Bytes(test, "iv"), data, Wycheproof.Bytes(test, "tag"), data, Wycheproof.Bytes(test, "aad"));
            }
            catch (AuthenticationTagMismatchException)
            {
                opened = false;
            }

            Assert.AreEqual(Wycheproof.Text(test, "result") == "valid", opened, Wycheproof.Name(test));
        }
    }

    [TestMethod]
    public void X25519_passes_and_refuses_points_of_small_order()
    {
        foreach ((_, JsonElement test) in Wycheproof.Read("x25519_test.json"))
        {
            byte[] expected = Wycheproof.Bytes(test, "shared");
            bool agreed = KeyExchange.TryAgree(NamedGroup.X25519, Wycheproof.Bytes(test, "private"), Wycheproof.Bytes(test, "public"), out byte[] shared);
            bool isZero = !expected.AsSpan().ContainsAnyExcept((byte)0);
            Assert.AreEqual(!isZero, agreed, Wycheproof.Name(test));
            CollectionAssert.AreEqual(isZero ? [] : expected, shared, Wycheproof.Name(test));
        }
    }

    [TestMethod]
    public void P256_passes_and_refuses_points_off_the_curve()
    {
        foreach ((_, JsonElement test) in Wycheproof.Read("ecdh_secp256r1_ecpoint_test.json"))
        {
            // A private key is written as a number there, with or without leading zeros.
            byte[] number = Wycheproof.Bytes(test, "private");
            byte[] scalar = new byte[32];
            number.AsSpan(int.Max(0, number.Length - 32)).CopyTo(scalar.AsSpan(int.Max(0, 32 - number.Length)));
            byte[] point = Wycheproof.Bytes(test, "public");
            bool agreed = KeyExchange.TryAgree(NamedGroup.Secp256r1, scalar, point, out byte[] shared);

            // "Acceptable" are compressed points, which TLS 1.3 does not have.
            Assert.AreEqual(Wycheproof.Text(test, "result") == "valid" && point.Length == 65, agreed, Wycheproof.Name(test));
            CollectionAssert.AreEqual(agreed ? Wycheproof.Bytes(test, "shared") : [], shared, Wycheproof.Name(test));
        }
    }

    [TestMethod]
    [DataRow("ecdsa_secp256r1_sha256_test.json", (ushort)SignatureScheme.EcdsaSecp256r1Sha256)]
    [DataRow("ecdsa_secp384r1_sha384_test.json", (ushort)SignatureScheme.EcdsaSecp384r1Sha384)]
    [DataRow("rsa_pss_2048_sha256_mgf1_32_test.json", (ushort)SignatureScheme.RsaPssRsaeSha256)]
    [DataRow("rsa_pss_2048_sha384_mgf1_48_test.json", (ushort)SignatureScheme.RsaPssRsaeSha384)]
    public void Signatures_pass(string file, ushort scheme)
    {
        int valid = 0;
        foreach ((JsonElement group, JsonElement test) in Wycheproof.Read(file))
        {
            string result = Wycheproof.Text(test, "result");
            bool verified = Signatures.Verify(
                (SignatureScheme)scheme, Wycheproof.Bytes(group, "publicKeyDer"), Wycheproof.Bytes(test, "msg"), Wycheproof.Bytes(test, "sig"));
            Assert.IsTrue(result == "acceptable" || verified == (result == "valid"), Wycheproof.Name(test));
            valid += verified ? 1 : 0;
        }

        Assert.IsGreaterThan(10, valid);
    }

    [TestMethod]
    [DataRow("hkdf_sha256_test.json", "SHA256", 32)]
    [DataRow("hkdf_sha384_test.json", "SHA384", 48)]
    public void Hkdf_passes(string file, string hash, int length)
    {
        HashAlgorithmName name = new(hash);
        foreach ((_, JsonElement test) in Wycheproof.Read(file))
        {
            byte[] output = new byte[test.GetProperty("size").GetInt32()];
            byte[] secret = new byte[length];
            Hkdf.Extract(name, Wycheproof.Bytes(test, "ikm"), Wycheproof.Bytes(test, "salt"), secret);
            if (Wycheproof.Text(test, "result") != "valid")
            {
                Assert.Throws<ArgumentException>(() => Hkdf.Expand(name, secret, Wycheproof.Bytes(test, "info"), output));
                continue;
            }

            Hkdf.Expand(name, secret, Wycheproof.Bytes(test, "info"), output);
            CollectionAssert.AreEqual(Wycheproof.Bytes(test, "okm"), output, Wycheproof.Name(test));
        }
    }

    /// <summary>Goal: HMAC as the Finished of TLS (RFC 8446, section 4.4.4) and the tags of datagrams between ingress and node need it, cut short or not.</summary>
    [TestMethod]
    [DataRow("hmac_sha256_test.json", "SHA256")]
    [DataRow("hmac_sha384_test.json", "SHA384")]
    public void Hmac_passes(string file, string hash)
    {
        int valid = 0;
        foreach ((JsonElement group, JsonElement test) in Wycheproof.Read(file))
        {
            (byte[] key, byte[] message, int length) = (Wycheproof.Bytes(test, "key"), Wycheproof.Bytes(test, "msg"), group.GetProperty("tagSize").GetInt32() / 8);
            byte[] tag = CryptographicOperations.HmacData(new HashAlgorithmName(hash), key, message);
            bool isValid = Wycheproof.Text(test, "result") == "valid";
            valid += isValid ? 1 : 0;
            Assert.AreEqual(isValid, CryptographicOperations.FixedTimeEquals(tag.AsSpan(0, length), Wycheproof.Bytes(test, "tag")), Wycheproof.Name(test));
            if (hash == "SHA256")
            {
                CollectionAssert.AreEqual(tag, HMACSHA256.HashData(key, message), Wycheproof.Name(test));
            }
        }

        Assert.IsGreaterThan(50, valid);
    }
}
