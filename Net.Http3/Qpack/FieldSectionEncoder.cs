using System.Text;
using Net.Core.Wire;
using Net.Http3.Messages;

namespace Net.Http3.Qpack;

/// <summary>Encodes field sections with the static table and literals (RFC 9204, section 4.5), so that no decoder ever blocks on us.</summary>
internal static class FieldSectionEncoder
{
    /// <summary>An upper bound of what <see cref="Encode"/> writes.</summary>
    public static int MaxLength(FieldSection fields) => 2 + fields.Size;

    /// <summary>Writes the section, its prefix included, into a buffer of at least <see cref="MaxLength"/> bytes.</summary>
    public static int Encode(FieldSection fields, Span<byte> destination)
    {
        ByteWriter writer = new(destination);
        // Required Insert Count 0, base 0.
        writer.WriteUInt16(0);
        foreach (Field field in fields)
        {
            WriteLine(ref writer, field);
        }

        return writer.Position;
    }

    private static void WriteLine(ref ByteWriter writer, Field field)
    {
        // What is secret must not enter any table, at intermediaries either (section 7.1.3).
        bool sensitive = field.Name is "authorization" or "cookie" or "set-cookie" or "proxy-authorization";
        if (!sensitive && StaticTable.Find(field.Name, field.Value) is int entry and >= 0)
        {
            PrefixedInteger.Write(ref writer, 0xC0, 6, (ulong)entry);
            return;
        }

        if (StaticTable.FindName(field.Name) is int name and >= 0)
        {
            PrefixedInteger.Write(ref writer, (byte)(sensitive ? 0x70 : 0x50), 4, (ulong)name);
        }
        else
        {
            WriteString(ref writer, (byte)(sensitive ? 0x30 : 0x20), 3, field.Name);
        }

        WriteString(ref writer, 0, 7, field.Value);
    }

    private static void WriteString(ref ByteWriter writer, byte flags, int prefixBits, string text)
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
}
