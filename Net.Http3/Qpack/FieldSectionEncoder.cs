using Net.Core.Wire;
using Net.Http3.Messages;

namespace Net.Http3.Qpack;

/// <summary>Writes the lines of a field section (RFC 9204, section 4.5).</summary>
internal static class FieldSectionEncoder
{
    /// <summary>Two integers of at most 11 bytes.</summary>
    private const int MaxPrefix = 22;

    /// <summary>An upper bound of any encoding of these fields.</summary>
    public static int MaxLength(FieldSection fields) => MaxPrefix + fields.Size;

    /// <summary>Writes a section that refers to the static table alone, so that no decoder ever blocks on it.</summary>
    /// <returns>Bytes written into a buffer of at least <see cref="MaxLength"/>.</returns>
    public static int Encode(FieldSection fields, Span<byte> destination)
    {
        ByteWriter writer = new(destination);
        // Required Insert Count 0, base 0.
        writer.WriteUInt16(0);
        foreach (Field field in fields)
        {
            bool sensitive = IsSensitive(field);
            if (!sensitive && StaticTable.Find(field.Name, field.Value) is int entry and >= 0)
            {
                WriteStatic(ref writer, entry);
            }
            else
            {
                WriteLiteral(ref writer, field, sensitive);
            }
        }

        return writer.Position;
    }

    /// <summary>
    /// Secrets that somebody who can make us send fields of his choice might guess by their compressed size: they enter no table, at
    /// intermediaries either (section 7.1.3). A long cookie cannot be guessed at once.
    /// </summary>
    public static bool IsSensitive(Field field) => field.Name switch
    {
        "authorization" or "proxy-authorization" or "set-cookie" => true,
        "cookie" => field.Value.Length < MinIndexedCookie,
        _ => false,
    };

    private const int MinIndexedCookie = 20;

    /// <summary>1Tiiiiii with T set (section 4.5.2).</summary>
    public static void WriteStatic(ref ByteWriter writer, int index) => PrefixedInteger.Write(ref writer, 0xC0, 6, (ulong)index);

    /// <summary>An entry of the dynamic table, before or behind the base (sections 4.5.2 and 4.5.3).</summary>
    public static void WriteDynamic(ref ByteWriter writer, ulong index, ulong numberBase)
    {
        if (index < numberBase)
        {
            PrefixedInteger.Write(ref writer, 0x80, 6, numberBase - 1 - index);
        }
        else
        {
            PrefixedInteger.Write(ref writer, 0x10, 4, index - numberBase);
        }
    }

    /// <summary>A literal, its name from the static table where it is there (sections 4.5.4 and 4.5.6).</summary>
    public static void WriteLiteral(ref ByteWriter writer, Field field, bool sensitive)
    {
        if (StaticTable.FindName(field.Name) is int name and >= 0)
        {
            PrefixedInteger.Write(ref writer, (byte)(sensitive ? 0x70 : 0x50), 4, (ulong)name);
        }
        else
        {
            QpackString.Write(ref writer, (byte)(sensitive ? 0x30 : 0x20), 3, field.Name);
        }

        QpackString.Write(ref writer, 0, 7, field.Value);
    }

    /// <summary>A literal with a name of the dynamic table, before or behind the base (sections 4.5.4 and 4.5.5).</summary>
    public static void WriteLiteral(ref ByteWriter writer, ulong index, ulong numberBase, string value, bool sensitive)
    {
        if (index < numberBase)
        {
            PrefixedInteger.Write(ref writer, (byte)(sensitive ? 0x60 : 0x40), 4, numberBase - 1 - index);
        }
        else
        {
            PrefixedInteger.Write(ref writer, (byte)(sensitive ? 0x08 : 0x00), 3, index - numberBase);
        }

        QpackString.Write(ref writer, 0, 7, value);
    }

    /// <summary>What a literal of this field takes.</summary>
    public static int LiteralLength(Field field) => QpackString.Length(field.Value, 7)
        + (StaticTable.FindName(field.Name) is int name and >= 0 ? PrefixedInteger.Length((ulong)name, 4) : QpackString.Length(field.Name, 3));
}
