using System.Buffers.Binary;

namespace Net.Node.Web;

/// <summary>What a download has to keep for another node: which part it sends, and which bytes they are a part of.</summary>
/// <param name="Range">Decided once, at the beginning.</param>
/// <param name="ContentLength">Of the whole content.</param>
/// <param name="Digest">SHA-256 of the whole content; empty where the content cannot differ.</param>
internal readonly record struct ContentState(ByteRange Range, long ContentLength, byte[] Digest)
{
    private const int FixedLength = 26;

    public byte[] Write()
    {
        byte[] bytes = new byte[FixedLength + Digest.Length];
        BinaryPrimitives.WriteInt16BigEndian(bytes, (short)Range.Status);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(2), Range.Start);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(10), Range.Length);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(18), ContentLength);
        Digest.CopyTo(bytes, FixedLength);
        return bytes;
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out ContentState state)
    {
        state = default;
        if (bytes.Length is not (FixedLength or FixedLength + Sha256.DigestLength))
        {
            return false;
        }

        int status = BinaryPrimitives.ReadInt16BigEndian(bytes);
        long start = BinaryPrimitives.ReadInt64BigEndian(bytes[2..]), length = BinaryPrimitives.ReadInt64BigEndian(bytes[10..]);
        long whole = BinaryPrimitives.ReadInt64BigEndian(bytes[18..]);
        state = new(new(status, start, length), whole, bytes[FixedLength..].ToArray());
        return status is 200 or 206 && start >= 0 && length >= 0 && whole >= 0 && length <= whole && start <= whole - length;
    }
}
