using System.Security.Cryptography;

namespace Net.Core.Crypto;

/// <summary>The TLS 1.3 cipher suites that protect QUIC packets (RFC 8446, appendix B.4; RFC 9001, section 5.3), by their number on the wire.</summary>
internal enum CipherSuite : ushort
{
    Aes128GcmSha256 = 0x1301,
    Aes256GcmSha384 = 0x1302,
    ChaCha20Poly1305Sha256 = 0x1303,
}

internal static class CipherSuiteExtensions
{
    extension(CipherSuite suite)
    {
        public bool IsKnown => suite is CipherSuite.Aes128GcmSha256 or CipherSuite.Aes256GcmSha384 or CipherSuite.ChaCha20Poly1305Sha256;

        public HashAlgorithmName Hash => suite == CipherSuite.Aes256GcmSha384 ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256;

        /// <summary>Bytes of a hash, and so of every secret of the key schedule.</summary>
        public int HashLength => suite == CipherSuite.Aes256GcmSha384 ? 48 : 32;

        /// <summary>Bytes of the AEAD's key, and of the header-protection key.</summary>
        public int KeyLength => suite == CipherSuite.Aes128GcmSha256 ? 16 : 32;

        /// <summary>Packets that one key may seal before its confidentiality margin is spent (RFC 9001, section 6.6 and appendix B.1).</summary>
        public ulong ConfidentialityLimit => suite == CipherSuite.ChaCha20Poly1305Sha256 ? 1UL << 62 : 1UL << 23;

        /// <summary>Packets that may fail to open, over all keys of a connection (RFC 9001, section 6.6 and appendix B.2).</summary>
        public ulong IntegrityLimit => suite == CipherSuite.ChaCha20Poly1305Sha256 ? 1UL << 36 : 1UL << 52;
    }
}
