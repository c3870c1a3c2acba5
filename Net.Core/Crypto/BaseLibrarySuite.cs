using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Net.Core.Crypto;

/// <summary>Packet protection by System.Security.Cryptography, that is by the operating system's library.</summary>
internal sealed class BaseLibrarySuite : IProtectionSuite
{
    public bool Supports(CipherSuite suite) => suite switch
    {
        CipherSuite.Aes128GcmSha256 or CipherSuite.Aes256GcmSha384 => AesGcm.IsSupported,
        CipherSuite.ChaCha20Poly1305Sha256 => ChaCha20Poly1305.IsSupported,
        _ => false,
    };

    public PacketProtection Create(CipherSuite suite, ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> headerSecret, uint version = VersionConstants.V1)
    {
        if (!Supports(suite))
        {
            throw new NotSupportedException("the base library does not have this cipher suite here");
        }

        using PacketKeys keys = new(suite, trafficSecret, headerSecret, version);
        return suite == CipherSuite.ChaCha20Poly1305Sha256 ? new ChaChaProtection(keys) : new AesProtection(keys);
    }

    private sealed class AesProtection : PacketProtection
    {
        private readonly AesGcm _aead;
        private readonly Aes _headerCipher;
        // One-shot EncryptEcb costs ten times what a kept transform does.
        private readonly ICryptoTransform _headerTransform;
        private readonly byte[] _iv;
        private readonly byte[] _sample = new byte[SampleLength];
        private readonly byte[] _mask = new byte[SampleLength];

        public AesProtection(in PacketKeys keys)
        {
            _aead = new AesGcm(keys.Key, TagLength);
            _iv = keys.Iv.ToArray();
            _headerCipher = Aes.Create();
            _headerCipher.SetKey(keys.HeaderKey);
#pragma warning disable CA5358 // One block of a fresh sample each time: this is the construction of RFC 9001, section 5.4.3.
            _headerCipher.Mode = CipherMode.ECB;
#pragma warning restore CA5358
            _headerCipher.Padding = PaddingMode.None;
            _headerTransform = _headerCipher.CreateEncryptor();
        }

        protected override ulong SealAndMask(Span<byte> packet, int headerLength, ulong packetNumber, int sampleOffset)
        {
            Span<byte> nonce = stackalloc byte[NonceLength];
            WriteNonce(_iv, packetNumber, nonce);
            Span<byte> payload = packet[headerLength..^TagLength];
            _aead.Encrypt(nonce, payload, payload, packet[^TagLength..], packet[..headerLength]);
            return Mask(packet.Slice(sampleOffset, SampleLength));
        }

        protected override bool Open(Span<byte> packet, int headerLength, ulong packetNumber)
        {
            Span<byte> nonce = stackalloc byte[NonceLength];
            WriteNonce(_iv, packetNumber, nonce);
            Span<byte> payload = packet[headerLength..^TagLength];
            try
            {
                _aead.Decrypt(nonce, payload, packet[^TagLength..], payload, packet[..headerLength]);
                return true;
            }
            catch (AuthenticationTagMismatchException)
            {
                // The base library has no way to say it with a value.
                return false;
            }
        }

        protected override ulong Mask(ReadOnlySpan<byte> sample)
        {
            sample.CopyTo(_sample);
            _headerTransform.TransformBlock(_sample, 0, SampleLength, _mask, 0);
            return BinaryPrimitives.ReadUInt64LittleEndian(_mask);
        }

        protected override void Wipe()
        {
            _aead.Dispose();
            _headerTransform.Dispose();
            _headerCipher.Dispose();
            CryptographicOperations.ZeroMemory(_iv);
            CryptographicOperations.ZeroMemory(_mask);
        }
    }

    private sealed class ChaChaProtection : PacketProtection
    {
        private readonly ChaCha20Poly1305 _aead;
        private readonly byte[] _headerKey;
        private readonly byte[] _iv;

        public ChaChaProtection(in PacketKeys keys)
        {
            _aead = new ChaCha20Poly1305(keys.Key);
            _headerKey = keys.HeaderKey.ToArray();
            _iv = keys.Iv.ToArray();
        }

        protected override ulong SealAndMask(Span<byte> packet, int headerLength, ulong packetNumber, int sampleOffset)
        {
            Span<byte> nonce = stackalloc byte[NonceLength];
            WriteNonce(_iv, packetNumber, nonce);
            Span<byte> payload = packet[headerLength..^TagLength];
            _aead.Encrypt(nonce, payload, payload, packet[^TagLength..], packet[..headerLength]);
            return Mask(packet.Slice(sampleOffset, SampleLength));
        }

        protected override bool Open(Span<byte> packet, int headerLength, ulong packetNumber)
        {
            Span<byte> nonce = stackalloc byte[NonceLength];
            WriteNonce(_iv, packetNumber, nonce);
            Span<byte> payload = packet[headerLength..^TagLength];
            try
            {
                _aead.Decrypt(nonce, payload, packet[^TagLength..], payload, packet[..headerLength]);
                return true;
            }
            catch (AuthenticationTagMismatchException)
            {
                return false;
            }
        }

        protected override ulong Mask(ReadOnlySpan<byte> sample) => ChaChaBlock.HeaderMask(_headerKey, sample);

        protected override void Wipe()
        {
            _aead.Dispose();
            CryptographicOperations.ZeroMemory(_headerKey);
            CryptographicOperations.ZeroMemory(_iv);
        }
    }
}
