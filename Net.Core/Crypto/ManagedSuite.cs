using System.Buffers.Binary;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace Net.Core.Crypto;

/// <summary>Packet protection by BouncyCastle, for hosts whose base library has no AEAD. It allocates, and is slow.</summary>
internal sealed class ManagedSuite : IProtectionSuite
{
    public bool Supports(CipherSuite suite) => suite.IsKnown;

    public PacketProtection Create(CipherSuite suite, ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> headerSecret, uint version = VersionConstants.V1)
    {
        using PacketKeys keys = new(suite, trafficSecret, headerSecret, version);
        return new Protection(keys, suite == CipherSuite.ChaCha20Poly1305Sha256);
    }

    internal static IAeadCipher CreateCipher(bool isChaCha) =>
        isChaCha ? new Org.BouncyCastle.Crypto.Modes.ChaCha20Poly1305() : new GcmBlockCipher(AesUtilities.CreateEngine());

    private sealed class Protection : PacketProtection
    {
        private readonly IAeadCipher _cipher;
        private readonly IBlockCipher? _headerCipher;
        private readonly byte[] _key;
        private readonly byte[] _headerKey;
        private readonly byte[] _iv;

        // Neither cipher works in place: a packet's payload passes through here.
        private byte[] _output = new byte[2048];

        public Protection(in PacketKeys keys, bool isChaCha)
        {
            _cipher = CreateCipher(isChaCha);
            _key = keys.Key.ToArray();
            _headerKey = keys.HeaderKey.ToArray();
            _iv = keys.Iv.ToArray();
            if (!isChaCha)
            {
                _headerCipher = AesUtilities.CreateEngine();
                _headerCipher.Init(forEncryption: true, new KeyParameter(_headerKey));
            }
        }

        protected override ulong SealAndMask(Span<byte> packet, int headerLength, ulong packetNumber, int sampleOffset)
        {
            Run(forEncryption: true, packet[..headerLength], packet[headerLength..^TagLength], packetNumber).CopyTo(packet[headerLength..]);
            return Mask(packet.Slice(sampleOffset, SampleLength));
        }

        protected override bool Open(Span<byte> packet, int headerLength, ulong packetNumber)
        {
            try
            {
                Run(forEncryption: false, packet[..headerLength], packet[headerLength..], packetNumber).CopyTo(packet[headerLength..]);
                return true;
            }
            catch (InvalidCipherTextException)
            {
                return false;
            }
        }

        protected override ulong Mask(ReadOnlySpan<byte> sample)
        {
            if (_headerCipher is null)
            {
                return ChaChaBlock.HeaderMask(_headerKey, sample);
            }

            Span<byte> mask = stackalloc byte[SampleLength];
            _headerCipher.ProcessBlock(sample, mask);
            return BinaryPrimitives.ReadUInt64LittleEndian(mask);
        }

        protected override void Wipe()
        {
            CryptographicOperations.ZeroMemory(_key);
            CryptographicOperations.ZeroMemory(_headerKey);
            CryptographicOperations.ZeroMemory(_iv);
            CryptographicOperations.ZeroMemory(_output);
        }

        private Span<byte> Run(bool forEncryption, ReadOnlySpan<byte> header, ReadOnlySpan<byte> input, ulong packetNumber)
        {
            Span<byte> nonce = stackalloc byte[NonceLength];
            WriteNonce(_iv, packetNumber, nonce);
            _cipher.Init(forEncryption, new AeadParameters(new KeyParameter(_key), TagLength * 8, nonce.ToArray()));
            _cipher.ProcessAadBytes(header);
            int length = _cipher.GetOutputSize(input.Length);
            if (_output.Length < length)
            {
                _output = new byte[length];
            }

            int written = _cipher.ProcessBytes(input, _output);
            written += _cipher.DoFinal(_output.AsSpan(written));
            return _output.AsSpan(0, written);
        }
    }
}
