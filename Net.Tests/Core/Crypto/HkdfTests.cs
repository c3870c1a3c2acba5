using System.Security.Cryptography;
using Net.Core.Crypto;

namespace Net.Tests.Core.Crypto;

[TestClass]
public sealed class HkdfTests
{
    /// <summary>Goal: RFC 5869, appendix A.1.</summary>
    [TestMethod]
    public void Extract_and_expand_of_RFC_5869()
    {
        byte[] secret = new byte[32];
        Hkdf.Extract(HashAlgorithmName.SHA256, Convert.FromHexString(string.Concat(Enumerable.Repeat("0b", 22))), Convert.FromHexString("000102030405060708090a0b0c"), secret);
        Assert.AreEqual("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", Convert.ToHexStringLower(secret));
        byte[] output = new byte[42];
        Hkdf.Expand(HashAlgorithmName.SHA256, secret, Convert.FromHexString("f0f1f2f3f4f5f6f7f8f9"), output);
        Assert.AreEqual("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", Convert.ToHexStringLower(output));
    }

    /// <summary>Goal: the beginning of TLS 1.3's key schedule, RFC 8448, section 3.</summary>
    [TestMethod]
    public void Expand_label_of_RFC_8448()
    {
        byte[] early = new byte[32];
        Hkdf.Extract(HashAlgorithmName.SHA256, new byte[32], [], early);
        Assert.AreEqual("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a", Convert.ToHexStringLower(early));
        byte[] derived = new byte[32];
        Hkdf.ExpandLabel(HashAlgorithmName.SHA256, early, "derived"u8, SHA256.HashData([]), derived);
        Assert.AreEqual("6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba", Convert.ToHexStringLower(derived));
    }
}
