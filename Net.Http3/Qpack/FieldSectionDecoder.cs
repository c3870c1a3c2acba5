using System.Buffers;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Qpack;

/// <summary>The prefix of a field section (RFC 9204, section 4.5.1).</summary>
/// <param name="Required">Required Insert Count: insertions that the section needs; 0 = it refers to the static table alone.</param>
/// <param name="Base">What its indices count from.</param>
internal readonly record struct SectionPrefix(ulong Required, ulong Base)
{
    /// <summary>Reads a prefix.</summary>
    /// <param name="reader">At the section's first byte.</param>
    /// <param name="inserted">Insertions that the decoder has seen.</param>
    /// <param name="maxEntries">Entries that fit into the largest table that it permits.</param>
    /// <param name="prefix">The prefix, without its compression.</param>
    public static bool TryRead(ref ByteReader reader, ulong inserted, ulong maxEntries, out SectionPrefix prefix)
    {
        prefix = default;
        if (!PrefixedInteger.TryRead(ref reader, 8, out ulong encoded) || !TryExpand(encoded, inserted, maxEntries, out ulong required) || reader.IsEmpty)
        {
            return false;
        }

        bool isNegative = (reader.Rest[0] & 0x80) != 0;
        // A base below 0 is an error (section 4.5.1.2).
        if (!PrefixedInteger.TryRead(ref reader, 7, out ulong delta) || (isNegative && delta >= required))
        {
            return false;
        }

        prefix = new(required, isNegative ? required - delta - 1 : required + delta);
        return true;
    }

    /// <summary>The count is sent modulo twice the number of entries: section 4.5.1.1 word by word.</summary>
    private static bool TryExpand(ulong encoded, ulong inserted, ulong maxEntries, out ulong required)
    {
        required = 0;
        if (encoded == 0)
        {
            return true;
        }

        ulong fullRange = 2 * maxEntries;
        if (encoded > fullRange)
        {
            return false;
        }

        ulong maxValue = inserted + maxEntries;
        required = (maxValue / fullRange * fullRange) + encoded - 1;
        if (required > maxValue)
        {
            if (required <= fullRange)
            {
                return false;
            }

            required -= fullRange;
        }

        return required != 0;
    }
}

/// <summary>Decodes the lines of a field section (RFC 9204, section 4.5).</summary>
internal static class FieldSectionDecoder
{
    /// <summary>Decodes all lines behind the prefix.</summary>
    /// <param name="payload">A whole HEADERS payload, at most <see cref="Http3Limits.MaxHeadersPayload"/> bytes.</param>
    /// <param name="start">Length of the prefix.</param>
    /// <param name="prefix">The prefix; all the insertions that it needs have arrived.</param>
    /// <param name="table">The dynamic table.</param>
    /// <param name="fields">What was decoded; incomplete when <paramref name="tooLarge"/>.</param>
    /// <param name="tooLarge">The section exceeds <see cref="Http3Limits.MaxFieldSectionSize"/>: decoding stopped there, with no error.</param>
    public static Http3Error TryDecode(
        ReadOnlySpan<byte> payload, int start, SectionPrefix prefix, DynamicTable table, FieldSection fields, out bool tooLarge)
    {
        tooLarge = false;
        byte[] scratch = ArrayPool<byte>.Shared.Rent(Huffman.MaxDecodedLength(payload.Length) + 1);
        try
        {
            ByteReader reader = new(payload[start..]);
            while (!reader.IsEmpty)
            {
                if (!TryReadLine(ref reader, prefix, table, scratch, out string name, out string value))
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

    public static Http3Error Fault(string reason) => Http3Error.Connection(Http3ErrorCode.QpackDecompressionFailed, reason);

    private static bool TryReadLine(
        ref ByteReader reader, SectionPrefix prefix, DynamicTable table, Span<byte> scratch, out string name, out string value)
    {
        (name, value) = ("", "");
        byte first = reader.Rest[0];
        // 1Tiiiiii: indexed field line; T = static (section 4.5.2).
        if ((first & 0x80) != 0)
        {
            return PrefixedInteger.TryRead(ref reader, 6, out ulong index) && ((first & 0x40) != 0
                ? StaticTable.TryGet(index, out name, out value)
                : TryBefore(prefix, table, index, out name, out value));
        }

        // 01NTiiii: literal with name reference; N = never index, which matters to intermediaries only (section 4.5.4).
        if ((first & 0x40) != 0)
        {
            bool named = PrefixedInteger.TryRead(ref reader, 4, out ulong index) && ((first & 0x10) != 0
                ? StaticTable.TryGet(index, out name, out _)
                : TryBefore(prefix, table, index, out name, out _));
            return named && TryReadString(ref reader, 7, scratch, out value);
        }

        // 001NHiii: literal with literal name (section 4.5.6).
        if ((first & 0x20) != 0)
        {
            return TryReadString(ref reader, 3, scratch, out name) && TryReadString(ref reader, 7, scratch, out value);
        }

        // 0001iiii: indexed behind the base (section 4.5.3); 0000Niii: a literal with such a name (section 4.5.5).
        bool isIndexed = (first & 0x10) != 0;
        return PrefixedInteger.TryRead(ref reader, isIndexed ? 4 : 3, out ulong behind) && TryGet(prefix, table, prefix.Base + behind, out name, out value)
            && (isIndexed || TryReadString(ref reader, 7, scratch, out value));
    }

    /// <summary>An index that counts down from the base.</summary>
    private static bool TryBefore(SectionPrefix prefix, DynamicTable table, ulong relative, out string name, out string value)
    {
        (name, value) = ("", "");
        return relative < prefix.Base && TryGet(prefix, table, prefix.Base - 1 - relative, out name, out value);
    }

    /// <summary>A reference at or above the Required Insert Count, or to what was evicted, is an error (section 2.2.3).</summary>
    private static bool TryGet(SectionPrefix prefix, DynamicTable table, ulong index, out string name, out string value)
    {
        bool known = index < prefix.Required && table.Contains(index);
        (name, value) = known ? (table[index].Name, table[index].Value) : ("", "");
        return known;
    }

    /// <summary>A string whose length has <paramref name="prefixBits"/> bits below the Huffman flag (section 4.1.2).</summary>
    private static bool TryReadString(ref ByteReader reader, int prefixBits, Span<byte> scratch, out string text)
    {
        text = "";
        bool isHuffman = !reader.IsEmpty && (reader.Rest[0] & (1 << prefixBits)) != 0;
        return PrefixedInteger.TryRead(ref reader, prefixBits, out ulong length) && reader.TryReadBytes(length, out ReadOnlySpan<byte> bytes)
            && QpackString.TryDecode(bytes, isHuffman, scratch, out text);
    }
}
