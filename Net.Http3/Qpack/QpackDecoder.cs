using System.Buffers;
using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Qpack;

internal enum SectionResult
{
    /// <summary>All fields are there.</summary>
    Decoded,

    /// <summary>It needs insertions that have not arrived: decode it again when <see cref="QpackDecoder.TryUnblock"/> names its stream.</summary>
    Blocked,

    /// <summary>Larger than announced; the rest of it was not decoded.</summary>
    TooLarge,

    /// <summary>The peer broke a rule.</summary>
    Failed,
}

/// <summary>
/// Our decoder's side of QPACK (RFC 9204, section 2.2): the dynamic table that the peer's encoder fills, which streams wait for it,
/// and what we have to say on the decoder stream.
/// </summary>
/// <param name="maxCapacity">SETTINGS_QPACK_MAX_TABLE_CAPACITY that we announce, in bytes.</param>
/// <param name="maxBlocked">SETTINGS_QPACK_BLOCKED_STREAMS that we announce.</param>
internal sealed class QpackDecoder(int maxCapacity, int maxBlocked) : IPart<QpackDecoder>
{
    private readonly SortedDictionary<ulong, ulong> _blocked = [];
    private DynamicTable _table = new();
    // An instruction of the encoder stream that was cut.
    private ByteBacklog _partial = new();
    // Insertions that the peer knows to have arrived.
    private ulong _acknowledged;

    public static ulong Section => SectionNumber.QpackDecoder;

    public ulong Changes { get; private set; }

    public int MaxCapacity => maxCapacity;

    public int MaxBlocked => maxBlocked;

    /// <summary>The settings that tell a peer what this decoder takes (section 5).</summary>
    public Http3Settings Announce(Http3Settings settings) =>
        settings with { QpackMaxTableCapacity = (ulong)maxCapacity, QpackBlockedStreams = (ulong)maxBlocked };

    /// <summary>Our decoder stream; <c>null</c> until it is needed.</summary>
    public StreamId? Stream { get; set { field = value; Changes++; } }

    /// <summary>Bytes of our decoder stream that the transport had no room for.</summary>
    public ByteBacklog Pending { get; private set; } = new();

    public ulong Inserted => _table.Inserted;

    /// <summary>Streams that wait for insertions.</summary>
    public IReadOnlyCollection<ulong> BlockedStreams => _blocked.Count == 0 ? [] : _blocked.Keys;

    /// <summary>The table begins at its full capacity, as encoders of the offline format of qpackers/qifs assume.</summary>
    public void AssumeFullCapacity() => _table.SetCapacity(maxCapacity);

    /// <summary>Bytes arrived on the peer's encoder stream.</summary>
    public Http3Error OnEncoderStream(ReadOnlySpan<byte> bytes)
    {
        Changes++;
        if (_partial.Count > 0)
        {
            _partial.Append(bytes);
            bytes = _partial.Waiting;
        }

        int taken = 0;
        byte[] scratch = ArrayPool<byte>.Shared.Rent(Huffman.MaxDecodedLength(bytes.Length) + 1);
        try
        {
            while (taken < bytes.Length)
            {
                ByteReader reader = new(bytes[taken..]);
                InstructionRead read = TryInstruction(ref reader, scratch);
                if (read == InstructionRead.Malformed)
                {
                    return Http3Error.Connection(Http3ErrorCode.QpackEncoderStreamError, "an instruction that cannot be carried out");
                }

                if (read == InstructionRead.More)
                {
                    break;
                }

                taken += reader.Position;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch, clearArray: true);
        }

        if (_partial.Count > 0)
        {
            _partial.Take(taken);
        }
        else
        {
            _partial.Append(bytes[taken..]);
        }

        return Http3Error.None;
    }

    /// <summary>Decodes a section, and notes its acknowledgement.</summary>
    /// <param name="stream">Where it was received.</param>
    /// <param name="payload">A whole HEADERS payload, at most <see cref="Http3Limits.MaxHeadersPayload"/> bytes.</param>
    /// <param name="fields">What was decoded.</param>
    /// <param name="error">With <see cref="SectionResult.Failed"/>, what was wrong.</param>
    public SectionResult Decode(ulong stream, ReadOnlySpan<byte> payload, FieldSection fields, out Http3Error error)
    {
        error = Http3Error.None;
        ByteReader reader = new(payload);
        if (!SectionPrefix.TryRead(ref reader, _table.Inserted, (ulong)maxCapacity / DynamicTable.EntryOverhead, out SectionPrefix prefix))
        {
            error = FieldSectionDecoder.Fault("a field section's prefix is invalid");
            return SectionResult.Failed;
        }

        if (prefix.Required > _table.Inserted)
        {
            Changes++;
            _blocked[stream] = prefix.Required;
            // More than was permitted (section 2.1.2).
            if (_blocked.Count > maxBlocked)
            {
                error = FieldSectionDecoder.Fault("too many streams wait for the dynamic table");
                return SectionResult.Failed;
            }

            return SectionResult.Blocked;
        }

        _blocked.Remove(stream);
        error = FieldSectionDecoder.TryDecode(payload, reader.Position, prefix, _table, fields, out bool tooLarge);
        if (error.IsError || tooLarge)
        {
            return tooLarge ? SectionResult.TooLarge : SectionResult.Failed;
        }

        if (prefix.Required > 0)
        {
            Changes++;
            _acknowledged = ulong.Max(_acknowledged, prefix.Required);
            DecoderInstructions.Write(Pending, DecoderInstruction.SectionAcknowledgment, stream);
        }

        return SectionResult.Decoded;
    }

    /// <summary>A stream that waited for insertions which are there now; it waits no more.</summary>
    public bool TryUnblock(out ulong stream)
    {
        foreach ((ulong waiting, ulong required) in _blocked)
        {
            if (required <= _table.Inserted)
            {
                Changes++;
                stream = waiting;
                return _blocked.Remove(waiting);
            }
        }

        stream = 0;
        return false;
    }

    /// <summary>A stream of which no section will be decoded any more, and perhaps not all were (section 2.2.2.2).</summary>
    public void Cancel(ulong stream)
    {
        // Without a table there is nothing that the peer's encoder could hold on to.
        if (_table.Capacity > 0 || _blocked.ContainsKey(stream))
        {
            Changes++;
            _blocked.Remove(stream);
            DecoderInstructions.Write(Pending, DecoderInstruction.StreamCancellation, stream);
        }
    }

    /// <summary>Tells of insertions that no section's acknowledgement has covered (section 2.2.2.3).</summary>
    public void AcknowledgeInsertions()
    {
        if (_table.Inserted > _acknowledged)
        {
            Changes++;
            DecoderInstructions.Write(Pending, DecoderInstruction.InsertCountIncrement, _table.Inserted - _acknowledged);
            _acknowledged = _table.Inserted;
        }
    }

    /// <summary><see cref="Pending"/> was taken from.</summary>
    public void Changed() => Changes++;

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)maxCapacity);
        writer.WriteNumber((ulong)maxBlocked);
        // An idle connection whose peer never filled the table ends here.
        bool isUsed = Changes > 0;
        writer.WriteBool(isUsed);
        if (isUsed)
        {
            writer.WriteNumber(Stream is StreamId id ? id.Value + 1 : 0);
            Pending.Export(writer);
            _partial.Export(writer);
            writer.WriteNumber(_acknowledged);
            _table.Export(writer);
            writer.WriteNumber((ulong)_blocked.Count);
            foreach ((ulong stream, ulong required) in _blocked)
            {
                writer.WriteNumber(stream);
                writer.WriteNumber(required);
            }
        }
    }

    public static QpackDecoder Import(SnapshotReader reader)
    {
        QpackDecoder decoder = new((int)reader.ReadNumber(Http3Limits.MaxDecoderTable), (int)reader.ReadNumber(Http3Limits.MaxBlockedStreams));
        if (!reader.ReadBool())
        {
            reader.End();
            return decoder;
        }

        ulong stream = reader.ReadNumber(VarInt.MaxValue + 1);
        decoder.Stream = stream == 0 ? null : new StreamId(stream - 1);
        decoder.Pending = ByteBacklog.Import(reader, Http3Limits.MaxDecoderBacklog);
        decoder._partial = ByteBacklog.Import(reader, decoder.MaxInstruction);
        decoder._acknowledged = reader.ReadNumber(VarInt.MaxValue);
        decoder._table = DynamicTable.Import(reader, decoder.MaxCapacity, _ => 0);
        bool sound = decoder._acknowledged <= decoder._table.Inserted;
        for (int count = reader.ReadCount(); count > 0; count--)
        {
            sound &= decoder._blocked.TryAdd(reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue));
        }

        reader.End();
        sound &= decoder._blocked.Count <= decoder.MaxBlocked;
        return sound ? decoder : throw new SnapshotException("a QPACK decoder contradicts itself");
    }

    /// <summary>The longest string that can become part of an entry: Huffman codes have up to 30 bits.</summary>
    private int MaxString => 4 * maxCapacity;

    /// <summary>The longest instruction that is waited for: two strings and their lengths.</summary>
    private int MaxInstruction => (2 * MaxString) + 24;

    private InstructionRead TryInstruction(ref ByteReader reader, Span<byte> scratch)
    {
        byte first = reader.Rest[0];
        InstructionRead read;
        Field field;
        // 1Tiiiiii: Insert with Name Reference (section 4.3.2).
        if ((first & 0x80) != 0)
        {
            read = TryInteger(ref reader, 6, out ulong index);
            if (read != InstructionRead.Done)
            {
                return read;
            }

            if (!((first & 0x40) != 0 ? StaticTable.TryGet(index, out string known, out _) : TryRelative(index, out known)))
            {
                return InstructionRead.Malformed;
            }

            read = TryString(ref reader, 7, scratch, out string value);
            field = new(known, value);
        }
        else if ((first & 0x40) != 0)
        {
            // 01Hiiiii: Insert with Literal Name (section 4.3.3).
            read = TryString(ref reader, 5, scratch, out string name);
            string value = "";
            read = read == InstructionRead.Done ? TryString(ref reader, 7, scratch, out value) : read;
            field = new(name, value);
        }
        else if ((first & 0x20) != 0)
        {
            // 001iiiii: Set Dynamic Table Capacity (section 4.3.1).
            read = TryInteger(ref reader, 5, out ulong capacity);
            if (read == InstructionRead.Done && capacity > (ulong)maxCapacity)
            {
                return InstructionRead.Malformed;
            }

            if (read == InstructionRead.Done)
            {
                _table.SetCapacity((int)capacity);
            }

            return read;
        }
        else
        {
            // 000iiiii: Duplicate (section 4.3.4).
            read = TryInteger(ref reader, 5, out ulong index);
            if (read != InstructionRead.Done)
            {
                return read;
            }

            if (index >= (ulong)_table.Count)
            {
                return InstructionRead.Malformed;
            }

            field = _table[_table.Inserted - 1 - index];
        }

        if (read != InstructionRead.Done)
        {
            return read;
        }

        if (DynamicTable.SizeOf(field.Name, field.Value) > _table.Capacity)
        {
            return InstructionRead.Malformed;
        }

        _table.Insert(field);
        return InstructionRead.Done;
    }

    /// <summary>The name of an entry that counts down from the newest (section 3.2.5).</summary>
    private bool TryRelative(ulong index, out string name)
    {
        bool known = index < (ulong)_table.Count;
        name = known ? _table[_table.Inserted - 1 - index].Name : "";
        return known;
    }

    private static InstructionRead TryInteger(ref ByteReader reader, int prefixBits, out ulong value)
    {
        // An integer that is longer than any that is valid will not become valid with more bytes.
        bool mayGrow = reader.Remaining < PrefixedInteger.MaxLength;
        return PrefixedInteger.TryRead(ref reader, prefixBits, out value) ? InstructionRead.Done
            : mayGrow ? InstructionRead.More
            : InstructionRead.Malformed;
    }

    private InstructionRead TryString(ref ByteReader reader, int prefixBits, Span<byte> scratch, out string text)
    {
        text = "";
        if (reader.IsEmpty)
        {
            return InstructionRead.More;
        }

        bool isHuffman = (reader.Rest[0] & (1 << prefixBits)) != 0;
        InstructionRead read = TryInteger(ref reader, prefixBits, out ulong length);
        if (read != InstructionRead.Done)
        {
            return read;
        }

        // Judged by what it announces, before a byte of it is kept.
        if (length > (ulong)MaxString)
        {
            return InstructionRead.Malformed;
        }

        return !reader.TryReadBytes(length, out ReadOnlySpan<byte> bytes) ? InstructionRead.More
            : QpackString.TryDecode(bytes, isHuffman, scratch, out text) ? InstructionRead.Done
            : InstructionRead.Malformed;
    }
}
