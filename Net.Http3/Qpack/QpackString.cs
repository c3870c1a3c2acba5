using System.Text;
using Net.Core.Wire;

namespace Net.Http3.Qpack;

/// <summary>String literals (RFC 9204, section 4.1.2): a Huffman flag, a length with a prefix, and the bytes.</summary>
internal static class QpackString
{
    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    public static int Length(string text, int prefixBits)
    {
        int length = int.Min(text.Length, Huffman.EncodedLength(text));
        return PrefixedInteger.Length((ulong)length, prefixBits) + length;
    }

    /// <summary>Writes whichever form is shorter.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="flags">The bits above the Huffman flag.</param>
    /// <param name="prefixBits">Bits of the length, below the Huffman flag.</param>
    /// <param name="text">One byte per character.</param>
    public static void Write(ref ByteWriter writer, byte flags, int prefixBits, string text)
    {
        int huffman = Huffman.EncodedLength(text);
        if (huffman < text.Length)
        {
            PrefixedInteger.Write(ref writer, (byte)(flags | (1 << prefixBits)), prefixBits, (ulong)huffman);
            writer.Advance(Huffman.Encode(text, writer.Rest));
        }
        else
        {
            PrefixedInteger.Write(ref writer, flags, prefixBits, (ulong)text.Length);
            writer.Advance(Encoding.Latin1.GetBytes(text, writer.Rest));
        }
    }

    /// <summary>Decodes the bytes of a string whose length was read.</summary>
    /// <param name="bytes">As they were sent.</param>
    /// <param name="isHuffman">Whether they are a Huffman code.</param>
    /// <param name="scratch">At least <see cref="Huffman.MaxDecodedLength"/> bytes.</param>
    /// <param name="text">One character per byte.</param>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, bool isHuffman, Span<byte> scratch, out string text)
    {
        text = "";
        if (isHuffman)
        {
            if (!Huffman.TryDecode(bytes, scratch, out int written))
            {
                return false;
            }

            bytes = scratch[..written];
        }

        text = Encoding.Latin1.GetString(bytes);
        return true;
    }
}
