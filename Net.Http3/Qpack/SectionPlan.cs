using Net.Core.Wire;
using Net.Http3.Messages;

namespace Net.Http3.Qpack;

/// <summary>One section on its way through the encoder: which fields enter the table, and which line each becomes.</summary>
/// <remarks>
/// An insertion must pay: what its field is expected to save, by its history, against the bytes of the insertion and what the evicted
/// entries would have saved. An entry at the end of the table that is worth more than the newcomer is not lost: it is duplicated, which
/// takes two bytes and makes it the newest, and the eviction goes on behind it.
/// </remarks>
internal sealed class SectionPlan(DynamicTable table, FieldHistory history, ByteBacklog instructions, FieldSection fields)
{
    /// <summary>What a use in a table that has room is expected to be followed by, where the first use cannot refer to the entry.</summary>
    private const int UsesAhead = 3;

    /// <summary>Entries that are kept by duplication for one newcomer.</summary>
    private const int MaxDuplicates = 16;

    private const int ReferenceLength = 2;

    /// <summary>What the first instruction for a section costs besides itself: a frame of its own, more often than not.</summary>
    private const int FrameOverhead = 6;

    /// <summary>Insertions under way to a decoder that we may not block: a peer that never acknowledges any gets no more.</summary>
    private const int MaxUnacknowledged = 4;

    private readonly Candidate[] _candidates = new Candidate[fields.Count];

    /// <summary>The section may refer to entries that perhaps have not arrived.</summary>
    public required bool MayBlock { get; init; }

    /// <summary>Entries below have arrived.</summary>
    public required ulong Known { get; init; }

    /// <summary>Entries below may be evicted; shrinks when this section needs them.</summary>
    public required ulong Evictable { get; set; }

    /// <summary>Bytes that instructions may still take.</summary>
    public required int Room { get; set; }

    /// <summary>Required Insert Count (RFC 9204, section 2.1.2): one more than the largest index that is referred to; 0 = none.</summary>
    public ulong Required { get; private set; }

    /// <summary>The smallest index that is referred to.</summary>
    public ulong Smallest { get; private set; } = ulong.MaxValue;

    private ulong Usable => MayBlock ? table.Inserted : Known;

    public void Decide()
    {
        for (int i = 0; i < fields.Count; i++)
        {
            Field field = fields[i];
            bool sensitive = FieldSectionEncoder.IsSensitive(field);
            int entry = sensitive ? -1 : StaticTable.Find(field.Name, field.Value);
            _candidates[i] = new(entry, sensitive, 0, 0);
            if (!sensitive && entry < 0)
            {
                uint hash = FieldHistory.Hash(field);
                _candidates[i] = new(entry, sensitive, hash, history.Observe(field, hash));
            }
        }

        List<Offer> offers = [];
        for (int i = 0; i < fields.Count; i++)
        {
            Field field = fields[i];
            if (_candidates[i].Hash != 0 && table.Find(field, _candidates[i].Hash, ulong.MaxValue) is null)
            {
                offers.Add(new(field, _candidates[i].Hash, Worth(_candidates[i].Score, FieldSectionEncoder.LiteralLength(field))));
                OfferName(field.Name, offers);
            }
        }

        // What saves most for its room comes first, while there is room. Sorting is stable, so that the same fields give the same bytes.
        foreach (Offer offer in offers.OrderByDescending(offer => offer.Density))
        {
            // A name may have come with another offer, or the field twice.
            bool isThere = offer.Field.Value.Length == 0
                ? table.FindName(offer.Field.Name, ulong.MaxValue) is not null
                : table.Find(offer.Field, offer.Hash, ulong.MaxValue) is not null;
            if (!isThere)
            {
                Consider(offer);
            }
        }
    }

    /// <summary>Writes prefix and lines.</summary>
    /// <param name="maxEntries">Entries that fit into the largest table that the peer permits (section 4.5.1.1).</param>
    /// <param name="destination">At least <see cref="FieldSectionEncoder.MaxLength"/> bytes.</param>
    public int Write(ulong maxEntries, Span<byte> destination)
    {
        ulong?[] references = new ulong?[fields.Count], names = new ulong?[fields.Count];
        for (int i = 0; i < fields.Count; i++)
        {
            Candidate candidate = _candidates[i];
            if (candidate.StaticEntry >= 0)
            {
                continue;
            }

            references[i] = candidate.Hash == 0 ? null : table.Find(fields[i], candidate.Hash, Usable);
            if (references[i] is null && StaticTable.FindName(fields[i].Name) < 0)
            {
                names[i] = table.FindName(fields[i].Name, Usable);
            }

            if ((references[i] ?? names[i]) is ulong index)
            {
                Required = ulong.Max(Required, index + 1);
                Smallest = ulong.Min(Smallest, index);
            }
        }

        ByteWriter writer = new(destination);
        PrefixedInteger.Write(ref writer, 0, 8, Required == 0 ? 0 : (Required % (2 * maxEntries)) + 1);
        // Everything lies before the base, so that each index is as short as it can be.
        PrefixedInteger.Write(ref writer, 0, 7, 0);
        for (int i = 0; i < fields.Count; i++)
        {
            if (_candidates[i].StaticEntry >= 0)
            {
                FieldSectionEncoder.WriteStatic(ref writer, _candidates[i].StaticEntry);
            }
            else if (references[i] is ulong index)
            {
                FieldSectionEncoder.WriteDynamic(ref writer, index, Required);
            }
            else if (names[i] is ulong name)
            {
                FieldSectionEncoder.WriteLiteral(ref writer, name, Required, fields[i].Value, _candidates[i].Sensitive);
            }
            else
            {
                FieldSectionEncoder.WriteLiteral(ref writer, fields[i], _candidates[i].Sensitive);
            }
        }

        return writer.Position;
    }

    /// <summary>A name that comes with ever new values is worth an entry without a value.</summary>
    private void OfferName(string name, List<Offer> offers)
    {
        if (StaticTable.FindName(name) < 0 && table.FindName(name, ulong.MaxValue) is null)
        {
            Field field = new(name, "");
            uint hash = FieldHistory.Hash(field);
            offers.Add(new(field, hash, Worth(history.Observe(field, hash), QpackString.Length(name, 3))));
        }
    }

    private void Consider(Offer offer)
    {
        (Field field, uint hash, long worth) = offer;
        int size = offer.Size, before = instructions.Count;
        bool hasRoom = table.Capacity - table.Size >= size;
        // The last quarter is for what is dense: nothing says yet that anything can be evicted later.
        bool isWaste = table.Size + size > table.Capacity * 3 / 4 && worth * 16 < size;
        if (size > table.Capacity || isWaste || (!MayBlock && table.Inserted - Known > MaxUnacknowledged))
        {
            return;
        }

        // Referred to at once, the entry takes the literal's place; else the literal is sent as well.
        long gain = MayBlock ? worth - ReferenceLength : (worth * (hasRoom ? UsesAhead : 1)) - FieldSectionEncoder.LiteralLength(field) - 1;
        gain -= before == 0 ? FrameOverhead : 0;
        if (gain <= 0 || EncoderInstructions.MaxLength(field) + (MaxDuplicates * 11) > Room || !MakeRoom(size, gain))
        {
            return;
        }

        if (table.Inserted == 0)
        {
            // The first insertion tells the capacity, which is 0 until then (RFC 9204, section 3.2.3).
            EncoderInstructions.WriteCapacity(instructions, table.Capacity);
        }

        EncoderInstructions.WriteInsert(instructions, table, field);
        table.Insert(field, hash);
        Room -= instructions.Count - before;
    }

    /// <summary>Bytes that a field of this score and length is expected to save.</summary>
    private static long Worth(int score, int length) => (long)score * (length - 1) / FieldHistory.Unit;

    /// <summary>Finds what would have to go; keeps what is worth more.</summary>
    private bool MakeRoom(int size, long gain)
    {
        int free = table.Capacity - table.Size;
        if (free >= size)
        {
            return true;
        }

        Span<ulong> kept = stackalloc ulong[MaxDuplicates];
        int count = 0;
        for (ulong index = table.Oldest; free < size; index++)
        {
            if (index >= Evictable)
            {
                return false;
            }

            Field field = table[index];
            uint hash = table.HashAt(index);
            // A duplicate further up makes the older copy worthless.
            bool isCopied = table.Find(field, hash, ulong.MaxValue) != index;
            long worth = isCopied ? 0 : Worth(history.Score(hash), FieldSectionEncoder.LiteralLength(field));
            bool isNeeded = !isCopied && IsNeeded(hash);
            if (worth < gain && !isNeeded)
            {
                gain -= worth;
                free += table.SizeAt(index);
                continue;
            }

            // Kept: a duplicate cannot be referred to at once where nothing may block.
            gain -= ReferenceLength + (isNeeded && !MayBlock ? FieldSectionEncoder.LiteralLength(field) : 0);
            if (gain <= 0 || count == kept.Length)
            {
                return false;
            }

            kept[count++] = index;
        }

        foreach (ulong index in kept[..count])
        {
            int before = instructions.Count;
            EncoderInstructions.WriteDuplicate(instructions, table, index);
            table.Insert(table[index], table.HashAt(index));
            Room -= instructions.Count - before;
        }

        return true;
    }

    private bool IsNeeded(uint hash)
    {
        foreach (Candidate candidate in _candidates)
        {
            if (candidate.Hash == hash)
            {
                return true;
            }
        }

        return false;
    }

    /// <param name="StaticEntry">The static table's entry for the whole field, or -1.</param>
    /// <param name="Sensitive">May enter no table.</param>
    /// <param name="Hash">0 when the dynamic table is no choice.</param>
    /// <param name="Score">See <see cref="FieldHistory"/>.</param>
    private readonly record struct Candidate(int StaticEntry, bool Sensitive, uint Hash, int Score);

    /// <param name="Field">What could enter the table.</param>
    /// <param name="Hash">Its hash.</param>
    /// <param name="Worth">Bytes that it is expected to save.</param>
    private readonly record struct Offer(Field Field, uint Hash, long Worth)
    {
        public int Size => DynamicTable.SizeOf(Field.Name, Field.Value);

        /// <summary>Savings for the room, which small entries need more of than their size tells: they fill up the last gaps.</summary>
        public long Density => Worth * 1024 / (96 + Size);
    }
}
