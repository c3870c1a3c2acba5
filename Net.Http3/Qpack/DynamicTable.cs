using System.Text;
using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;

namespace Net.Http3.Qpack;

/// <summary>One end's copy of a dynamic table (RFC 9204, section 3.2): first in, first out, bounded by bytes.</summary>
/// <remarks>Indices here are absolute: the first entry that was ever inserted has 0 (section 3.2.4).</remarks>
internal sealed class DynamicTable
{
    /// <summary>What section 3.2.1 adds to the length of name and value.</summary>
    public const int EntryOverhead = 32;

    private Entry[] _ring = [];
    private int _first;

    public int Count { get; private set; }

    /// <summary>Bytes as section 3.2.1 counts them; at most <see cref="Capacity"/>.</summary>
    public int Size { get; private set; }

    /// <summary>Set by the encoder, below the decoder's limit (section 3.2.3).</summary>
    public int Capacity { get; private set; }

    /// <summary>Insertions since the connection began: the index of the next entry.</summary>
    public ulong Inserted { get; private set; }

    /// <summary>The first index that was not evicted.</summary>
    public ulong Oldest => Inserted - (ulong)Count;

    public static int SizeOf(string name, string value) => name.Length + value.Length + EntryOverhead;

    /// <summary>Whether <paramref name="index"/> is in the table.</summary>
    public bool Contains(ulong index) => index >= Oldest && index < Inserted;

    /// <param name="index">One that the table <see cref="Contains"/>.</param>
    public Field this[ulong index] => EntryAt(index).Field;

    public int SizeAt(ulong index) => SizeOf(EntryAt(index).Field.Name, EntryAt(index).Field.Value);

    /// <summary>The hash of name and value that was given with the entry.</summary>
    public uint HashAt(ulong index) => EntryAt(index).Hash;

    /// <summary>Inserts an entry, and evicts as many of the oldest ones as it needs room.</summary>
    /// <param name="field">No larger than <see cref="Capacity"/> allows.</param>
    /// <param name="hash">For <see cref="Find"/>; a decoder has no use for it.</param>
    public void Insert(Field field, uint hash = 0)
    {
        int size = SizeOf(field.Name, field.Value);
        EvictTo(Capacity - size);
        if (Count == _ring.Length)
        {
            Entry[] larger = new Entry[int.Max(8, 2 * Count)];
            for (int i = 0; i < Count; i++)
            {
                larger[i] = _ring[(_first + i) % Count];
            }

            (_ring, _first) = (larger, 0);
        }

        _ring[(_first + Count) % _ring.Length] = new(field, hash);
        (Count, Size, Inserted) = (Count + 1, Size + size, Inserted + 1);
    }

    /// <summary>Sets the capacity, and evicts what no longer fits.</summary>
    public void SetCapacity(int capacity)
    {
        EvictTo(capacity);
        Capacity = capacity;
        if (capacity == 0)
        {
            (_ring, _first) = ([], 0);
        }
    }

    /// <summary>The newest entry with this name and value below <paramref name="limit"/>, or <c>null</c>.</summary>
    public ulong? Find(Field field, uint hash, ulong limit)
    {
        for (ulong index = ulong.Min(Inserted, limit); index > Oldest; index--)
        {
            ref Entry entry = ref EntryAt(index - 1);
            if (entry.Hash == hash && entry.Field == field)
            {
                return index - 1;
            }
        }

        return null;
    }

    /// <summary>The newest entry with this name below <paramref name="limit"/>, or <c>null</c>.</summary>
    public ulong? FindName(string name, ulong limit)
    {
        for (ulong index = ulong.Min(Inserted, limit); index > Oldest; index--)
        {
            if (EntryAt(index - 1).Field.Name == name)
            {
                return index - 1;
            }
        }

        return null;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)Capacity);
        writer.WriteNumber(Inserted);
        writer.WriteNumber((ulong)Count);
        for (ulong index = Oldest; index < Inserted; index++)
        {
            writer.WriteBytes(Encoding.Latin1.GetBytes(EntryAt(index).Field.Name));
            writer.WriteBytes(Encoding.Latin1.GetBytes(EntryAt(index).Field.Value));
        }
    }

    /// <param name="reader">What <see cref="Export"/> wrote.</param>
    /// <param name="maxCapacity">The decoder's limit.</param>
    /// <param name="hash">Computes what <see cref="Insert"/> was given.</param>
    /// <exception cref="SnapshotException">More entries than fit, or than were inserted.</exception>
    public static DynamicTable Import(SnapshotReader reader, int maxCapacity, Func<Field, uint> hash)
    {
        DynamicTable table = new() { Capacity = (int)reader.ReadNumber((ulong)maxCapacity) };
        ulong inserted = reader.ReadNumber(VarInt.MaxValue);
        for (int count = reader.ReadCount(); count > 0; count--)
        {
            Field field = new(Encoding.Latin1.GetString(reader.ReadBytes().Span), Encoding.Latin1.GetString(reader.ReadBytes().Span));
            if (table.Size + SizeOf(field.Name, field.Value) > table.Capacity || (ulong)table.Count == inserted)
            {
                throw new SnapshotException("a dynamic table holds more than fits");
            }

            table.Insert(field, hash(field));
        }

        table.Inserted = inserted;
        return table;
    }

    private ref Entry EntryAt(ulong index) => ref _ring[(_first + (int)(index - Oldest)) % _ring.Length];

    private void EvictTo(int size)
    {
        while (Size > size)
        {
            ref Entry oldest = ref _ring[_first];
            Size -= SizeOf(oldest.Field.Name, oldest.Field.Value);
            oldest = default;
            _first = (_first + 1) % _ring.Length;
            Count--;
        }
    }

    private readonly record struct Entry(Field Field, uint Hash);
}
