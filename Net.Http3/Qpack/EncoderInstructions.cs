using Net.Core.Wire;
using Net.Http3.Messages;

namespace Net.Http3.Qpack;

/// <summary>Writes the instructions of an encoder stream (RFC 9204, section 4.3).</summary>
internal static class EncoderInstructions
{
    /// <summary>An upper bound of any insertion of this field.</summary>
    public static int MaxLength(Field field) => field.Name.Length + field.Value.Length + 22;

    /// <summary>001iiiii: Set Dynamic Table Capacity (section 4.3.1).</summary>
    public static void WriteCapacity(ByteBacklog backlog, int capacity)
    {
        ByteWriter writer = new(stackalloc byte[11]);
        PrefixedInteger.Write(ref writer, 0x20, 5, (ulong)capacity);
        backlog.Append(writer.Written);
    }

    /// <summary>000iiiii: Duplicate (section 4.3.4).</summary>
    public static void WriteDuplicate(ByteBacklog backlog, DynamicTable table, ulong index)
    {
        ByteWriter writer = new(stackalloc byte[11]);
        PrefixedInteger.Write(ref writer, 0x00, 5, table.Inserted - 1 - index);
        backlog.Append(writer.Written);
    }

    /// <summary>An insertion, its name from the tables where that is shorter (sections 4.3.2 and 4.3.3).</summary>
    public static void WriteInsert(ByteBacklog backlog, DynamicTable table, Field field)
    {
        byte[] buffer = new byte[MaxLength(field)];
        ByteWriter writer = new(buffer);
        if (StaticTable.FindName(field.Name) is int name and >= 0)
        {
            PrefixedInteger.Write(ref writer, 0xC0, 6, (ulong)name);
        }
        else if (table.FindName(field.Name, ulong.MaxValue) is ulong index)
        {
            PrefixedInteger.Write(ref writer, 0x80, 6, table.Inserted - 1 - index);
        }
        else
        {
            QpackString.Write(ref writer, 0x40, 5, field.Name);
        }

        QpackString.Write(ref writer, 0, 7, field.Value);
        backlog.Append(writer.Written);
    }
}
