using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Net.Core.Crypto;

/// <summary>AES-GCM packet protection in vector instructions of x86. Arm's are left to the base library for now.</summary>
/// <param name="wide">Whether 512-bit registers may be used, where there are any.</param>
internal sealed class VectorSuite(bool wide = true) : IProtectionSuite
{
    public bool Supports(CipherSuite suite) =>
        VectorGcm.IsSupported && suite is CipherSuite.Aes128GcmSha256 or CipherSuite.Aes256GcmSha384;

    public PacketProtection Create(CipherSuite suite, ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> headerSecret, uint version = VersionConstants.V1)
    {
        if (!Supports(suite))
        {
            throw new NotSupportedException("this processor has no instructions for this cipher suite");
        }

        using PacketKeys keys = new(suite, trafficSecret, headerSecret, version);
        return new Protection(keys, wide);
    }

    private sealed class Protection : PacketProtection
    {
        private readonly VectorGcm _aead;
        private readonly byte[] _headerSchedule = GC.AllocateArray<byte>(15 * 16, pinned: true);
        private readonly int _headerRounds;
        private readonly byte[] _iv;

        public Protection(in PacketKeys keys, bool wide)
        {
            _aead = new VectorGcm(keys.Key, wide);
            _iv = keys.Iv.ToArray();
            _headerRounds = VectorAes.Rounds(keys.HeaderKey.Length);
            VectorAes.ExpandKey(keys.HeaderKey, _headerSchedule);
        }

        protected override ulong SealAndMask(Span<byte> packet, int headerLength, ulong packetNumber, int sampleOffset)
        {
            Span<byte> nonce = stackalloc byte[NonceLength];
            WriteNonce(_iv, packetNumber, nonce);
            _aead.Seal(nonce, packet[..headerLength], packet[headerLength..^TagLength], packet[^TagLength..]);
            return Mask(packet.Slice(sampleOffset, SampleLength));
        }

        protected override bool Open(Span<byte> packet, int headerLength, ulong packetNumber)
        {
            Span<byte> nonce = stackalloc byte[NonceLength];
            WriteNonce(_iv, packetNumber, nonce);
            return _aead.TryOpen(nonce, packet[..headerLength], packet[headerLength..^TagLength], packet[^TagLength..]);
        }

        protected override unsafe ulong Mask(ReadOnlySpan<byte> sample)
        {
            fixed (byte* schedule = _headerSchedule)
            {
                return VectorAes.Encrypt(schedule, _headerRounds, Vector128.Create(sample)).AsUInt64().ToScalar();
            }
        }

        protected override void Wipe()
        {
            _aead.Dispose();
            CryptographicOperations.ZeroMemory(_headerSchedule);
            CryptographicOperations.ZeroMemory(_iv);
        }
    }
}
