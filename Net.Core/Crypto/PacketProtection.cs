using System.Buffers.Binary;

namespace Net.Core.Crypto;

/// <summary>One direction's keys of one generation: seals and opens packets in place, header protection included (RFC 9001, section 5).</summary>
/// <remarks>
/// Receiving: <see cref="TryUnmask"/> first, which shows the packet number and the key phase, then <see cref="TryOpen"/> with the decoded
/// number. Nothing is allocated per packet. Not thread-safe: a shard owns it. Whoever drops one disposes of it, which wipes the keys.
/// A failed open leaves the payload unspecified but its last 16 bytes as they came, so a stateless reset can still be recognised.
/// </remarks>
internal abstract class PacketProtection : IDisposable
{
    public const int TagLength = 16;
    public const int SampleLength = 16;
    public const int NonceLength = 12;

    /// <summary>The sample is taken as if the packet number had 4 bytes (RFC 9001, section 5.4.2).</summary>
    public const int SampleOffset = 4;

    /// <summary>Bytes of packet number and payload together below which a packet cannot be sampled: the sender pads up to this.</summary>
    public const int MinNumberAndPayload = SampleOffset;

    /// <summary>Encrypts the payload, appends the tag, and masks the header last.</summary>
    /// <param name="packet">The whole packet: header, payload, and 16 bytes of room for the tag.</param>
    /// <param name="packetNumberOffset">Where the packet number begins.</param>
    /// <param name="packetNumberLength">1 to 4, already written in the first byte's lowest two bits.</param>
    /// <param name="packetNumber">The full number, never used before with these keys.</param>
    /// <exception cref="ArgumentException">Too short for the sample, or a packet number length that is not 1 to 4.</exception>
    public void Seal(Span<byte> packet, int packetNumberOffset, int packetNumberLength, ulong packetNumber)
    {
        if ((uint)(packetNumberLength - 1) > 3 || packet.Length < packetNumberOffset + SampleOffset + SampleLength)
        {
            throw new ArgumentException("the packet is too short to be sealed, or its number has no valid length");
        }

        ulong mask = SealAndMask(packet, packetNumberOffset + packetNumberLength, packetNumber, packetNumberOffset + SampleOffset);
        packet[0] ^= (byte)((byte)mask & FirstByteMask(packet[0]));
        for (int i = 0; i < packetNumberLength; i++)
        {
            mask >>= 8;
            packet[packetNumberOffset + i] ^= (byte)mask;
        }
    }

    /// <summary>Takes header protection off.</summary>
    /// <param name="packet">The whole packet, without what may be coalesced behind it.</param>
    /// <param name="packetNumberOffset">Where the packet number begins.</param>
    /// <param name="packetNumberLength">1 to 4.</param>
    /// <param name="truncated">The packet number's low bytes.</param>
    /// <returns>False if the packet is too short to hold a sample; nothing was changed then.</returns>
    public bool TryUnmask(Span<byte> packet, int packetNumberOffset, out int packetNumberLength, out uint truncated)
    {
        if (packetNumberOffset < 1 || packet.Length - packetNumberOffset < SampleOffset + SampleLength)
        {
            packetNumberLength = 0;
            truncated = 0;
            return false;
        }

        ulong mask = Mask(packet.Slice(packetNumberOffset + SampleOffset, SampleLength));
        packet[0] ^= (byte)((byte)mask & FirstByteMask(packet[0]));
        packetNumberLength = (packet[0] & 0x03) + 1;

        // All four bytes are computed whatever the length is, so that the time says nothing about it (RFC 9001, section 9.5).
        int unused = 32 - (8 * packetNumberLength);
        Span<byte> field = packet.Slice(packetNumberOffset, 4);
        uint keep = uint.MaxValue << unused;
        uint bytes = BinaryPrimitives.ReadUInt32BigEndian(field) ^ (BinaryPrimitives.ReverseEndianness((uint)(mask >> 8)) & keep);
        BinaryPrimitives.WriteUInt32BigEndian(field, bytes);
        truncated = bytes >> unused;
        return true;
    }

    /// <summary>Checks the tag and decrypts in place, in a time that depends on the length alone.</summary>
    /// <param name="packet">The whole packet, unmasked; the tag is its last 16 bytes.</param>
    /// <param name="headerLength">Bytes up to the end of the packet number: they are authenticated, the rest is encrypted.</param>
    /// <param name="packetNumber">The decoded number.</param>
    /// <returns>False if the packet was not sealed with these keys: the payload must not be looked at.</returns>
    public bool TryOpen(Span<byte> packet, int headerLength, ulong packetNumber) =>
        headerLength >= 0 && packet.Length - headerLength >= TagLength && Open(packet, headerLength, packetNumber);

    public void Dispose()
    {
        Wipe();
        GC.SuppressFinalize(this);
    }

    /// <summary>Writes ciphertext and tag behind the header and returns the header mask of the sample, one call for both.</summary>
    protected abstract ulong SealAndMask(Span<byte> packet, int headerLength, ulong packetNumber, int sampleOffset);

    protected abstract bool Open(Span<byte> packet, int headerLength, ulong packetNumber);

    /// <summary>The five bytes of mask for a 16-byte sample, first byte lowest.</summary>
    protected abstract ulong Mask(ReadOnlySpan<byte> sample);

    protected abstract void Wipe();

    /// <summary>The AEAD's nonce: the IV with the packet number XORed into its last 8 bytes (RFC 9001, section 5.3).</summary>
    protected static void WriteNonce(ReadOnlySpan<byte> iv, ulong packetNumber, Span<byte> nonce)
    {
        iv.CopyTo(nonce);
        Span<byte> low = nonce[(NonceLength - sizeof(ulong))..];
        BinaryPrimitives.WriteUInt64BigEndian(low, BinaryPrimitives.ReadUInt64BigEndian(low) ^ packetNumber);
    }

    // Long headers hide 4 bits of the first byte, short ones 5; the bit that tells them apart is not hidden.
    private static byte FirstByteMask(byte first) => (byte)(0x1F ^ ((first & 0x80) >> 3));
}
