using System.Buffers;
using System.Text;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Qpack;

/// <summary>Decodes a field section (RFC 9204, section 4.5) of a peer that may not use a dynamic table.</summary>
internal static class FieldSectionDecoder
{
    /// <summary>Decodes all of <paramref name="payload"/>.</summary>
    /// <param name="payload">A whole HEADERS payload, at most <see cref="Http3Limits.MaxHeadersPayload"/> bytes.</param>
    /// <param name="fields">What was decoded; incomplete when <paramref name="tooLarge"/>.</param>
    /// <param name="tooLarge">The section exceeds <see cref="Http3Limits.MaxFieldSectionSize"/>: decoding stopped there, with no error.</param>
    public static Http3Error TryDecode(ReadOnlySpan<byte> payload, FieldSection fields, out bool tooLarge)
    {
        tooLarge = false;
        byte[] scratch = ArrayPool<byte>.Shared.Rent(Huffman.MaxDecodedLength(payload.Length) + 1);
        try
        {
            ByteReader reader = new(payload);
            // A Required Insert Count of 0 means no references to the dynamic table; any other would refer to a table of no capacity.
            if (!PrefixedInteger.TryRead(ref reader, 8, out ulong requiredInserts) || requiredInserts != 0)
            {
                return Fault("a field section refers to a table that does not exist");
            }

            // A negative base (sign bit set) would lie below 0 inserts (section 4.5.1.2).
            if (reader.IsEmpty || (reader.Rest[0] & 0x80) != 0 || !PrefixedInteger.TryRead(ref reader, 7, out _))
            {
                return Fault("a field section's base is invalid");
            }

            while (!reader.IsEmpty)
            {
                if (!TryReadLine(ref reader, scratch, out string name, out string value))
                {
                    return Fault("a field line does not decode");
                }

                if (fields.Size + FieldSection.SizeOf(name, value) > Http3Limits.MaxFieldSectionSize)
                {
                    tooLarge = true;
                    return Http3Error.None;
                }

                fields.Add(name, value);
            }

            return Http3Error.None;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch, clearArray: true);
        }
    }

    private static bool TryReadLine(ref ByteReader reader, Span<byte> scratch, out string name, out string value)
    {
        (name, value) = ("", "");
        byte first = reader.Rest[0];
        // 1Tiiiiii: indexed field line; T = static (section 4.5.2).
        if ((first & 0x80) != 0)
        {
            return (first & 0x40) != 0 && PrefixedInteger.TryRead(ref reader, 6, out ulong field) && StaticTable.TryGet(field, out name, out value);
        }

        // 01NTiiii: literal with name reference; N = never index, which matters to intermediaries only (section 4.5.4).
        if ((first & 0x40) != 0)
        {
            return (first & 0x10) != 0 && PrefixedInteger.TryRead(ref reader, 4, out ulong index)
                && StaticTable.TryGet(index, out name, out _) && TryReadString(ref reader, 7, scratch, out value);
        }

        // 001NHiii: literal with literal name (section 4.5.6). 0001 and 0000 refer to the dynamic table behind the base.
        return (first & 0x20) != 0 && TryReadString(ref reader, 3, scratch, out name) && TryReadString(ref reader, 7, scratch, out value);
    }

    /// <summary>A string whose length has <paramref name="prefixBits"/> bits below the Huffman flag (section 4.1.2).</summary>
    private static bool TryReadString(ref ByteReader reader, int prefixBits, Span<byte> scratch, out string text)
    {
        text = "";
        if (reader.IsEmpty)
        {
            return false;
        }

        bool huffman = (reader.Rest[0] & (1 << prefixBits)) != 0;
        if (!PrefixedInteger.TryRead(ref reader, prefixBits, out ulong length) || !reader.TryReadBytes(length, out ReadOnlySpan<byte> bytes))
        {
            return false;
        }

        if (huffman)
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

    private static Http3Error Fault(string reason) => Http3Error.Connection(Http3ErrorCode.QpackDecompressionFailed, reason);
}
