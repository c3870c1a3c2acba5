using System.Runtime.InteropServices;
using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Qpack;

/// <summary>
/// Our encoder's side of QPACK (RFC 9204, section 2.1): the dynamic table, what the peer is known to have received of it, and the
/// sections that it has not acknowledged.
/// </summary>
/// <remarks>
/// An entry is never evicted before its insertion is known to have arrived and every section that refers to it is acknowledged
/// (section 2.1.1). Eviction is first in, first out, so the smallest index that any outstanding section refers to bounds it.
/// </remarks>
/// <param name="tableLimit">Bytes of dynamic table that we use at most, however much the peer permits.</param>
internal sealed class QpackEncoder(int tableLimit) : IPart<QpackEncoder>
{
    private readonly List<SentSection> _outstanding = [];
    private DynamicTable _table = new();
    private FieldHistory? _history;
    private DecoderInstructions _instructions;
    private ulong _maxCapacity, _maxBlocked, _known;

    public static ulong Section => SectionNumber.QpackEncoder;

    public ulong Changes { get; private set; }

    /// <summary>Nothing has left its default, the limit included: there is nothing to write down.</summary>
    public bool IsUntouched => Changes == 0 && tableLimit == Http3Limits.DefaultTableCapacity;

    /// <summary>Our encoder stream; <c>null</c> until it is needed.</summary>
    public StreamId? Stream { get; set { field = value; Changes++; } }

    /// <summary>Bytes of our encoder stream that the transport had no room for.</summary>
    public ByteBacklog Pending { get; private set; } = new();

    /// <summary>There is a table to use: the peer permits one that holds an entry at least.</summary>
    public bool WantsStream => Capacity > DynamicTable.EntryOverhead;

    public ulong Inserted => _table.Inserted;

    /// <summary>Known Received Count: insertions that the peer's decoder has certainly seen (section 2.1.4).</summary>
    public ulong KnownReceived => _known;

    /// <summary>The peer has told what its decoder takes (section 5).</summary>
    /// <param name="maxCapacity">SETTINGS_QPACK_MAX_TABLE_CAPACITY, in bytes.</param>
    /// <param name="maxBlocked">SETTINGS_QPACK_BLOCKED_STREAMS.</param>
    public void OnSettings(ulong maxCapacity, ulong maxBlocked)
    {
        if ((maxCapacity, maxBlocked) != (_maxCapacity, _maxBlocked))
        {
            (_maxCapacity, _maxBlocked) = (maxCapacity, maxBlocked);
            Changes++;
        }
    }

    /// <summary>Encodes a section; what it inserts into the table is appended to <see cref="Pending"/>.</summary>
    /// <param name="stream">The stream that the section is for.</param>
    /// <param name="fields">What to encode.</param>
    /// <param name="room">
    /// Bytes that the encoder stream takes now: an insertion that flow control holds back, while its section has left, could block
    /// the stream for good (section 2.1.3).
    /// </param>
    /// <param name="destination">At least <see cref="FieldSectionEncoder.MaxLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public int Encode(ulong stream, FieldSection fields, int room, Span<byte> destination)
    {
        // A table too small for any entry, or a peer that acknowledges nothing: the static table is all there is.
        if (!WantsStream || Stream is null || _outstanding.Count >= Http3Limits.MaxOutstandingSections)
        {
            return FieldSectionEncoder.Encode(fields, destination);
        }

        Changes++;
        if (_table.Capacity == 0)
        {
            _table.SetCapacity(Capacity);
        }

        // An encoder without a table needs no memory of the past.
        _history ??= new();
        _history.Advance();
        SectionPlan plan = new(_table, _history, Pending, fields)
        {
            MayBlock = MayBlock(stream),
            Known = _known,
            Evictable = Evictable(),
            Room = room,
        };
        plan.Decide();
        int length = plan.Write((ulong)_maxCapacity / DynamicTable.EntryOverhead, destination);
        if (plan.Required > 0)
        {
            _outstanding.Add(new(stream, plan.Required, plan.Smallest));
        }

        return length;
    }

    /// <summary>Bytes arrived on the peer's decoder stream.</summary>
    public Http3Error OnDecoderStream(ReadOnlySpan<byte> bytes)
    {
        Changes++;
        while (true)
        {
            switch (_instructions.Read(ref bytes, out DecoderInstruction kind, out ulong value))
            {
                case InstructionRead.More:
                    return Http3Error.None;

                case InstructionRead.Malformed:
                    return Fault("an integer is too large");

                default:
                    if (OnInstruction(kind, value) is { IsError: true } error)
                    {
                        return error;
                    }

                    break;
            }
        }
    }

    /// <summary><see cref="Pending"/> was taken from.</summary>
    public void Changed() => Changes++;

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_maxCapacity);
        writer.WriteNumber(_maxBlocked);
        writer.WriteNumber((ulong)tableLimit);
        writer.WriteNumber(Stream is StreamId id ? id.Value + 1 : 0);
        Pending.Export(writer);
        _instructions.Export(writer);
        writer.WriteNumber(_known);
        _table.Export(writer);
        writer.WriteNumber((ulong)_outstanding.Count);
        foreach (SentSection section in _outstanding)
        {
            writer.WriteNumber(section.Stream);
            writer.WriteNumber(section.Required);
            writer.WriteNumber(section.Smallest);
        }

        // Without entries the history is worth less than its bytes.
        bool useful = _table.Count > 0 && _history is not null;
        writer.WriteBool(useful);
        if (useful)
        {
            _history!.Export(writer);
        }
    }

    public static QpackEncoder Import(SnapshotReader reader)
    {
        (ulong maxCapacity, ulong maxBlocked) = (reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue));
        QpackEncoder encoder = new((int)reader.ReadNumber(Http3Limits.MaxEncoderTable)) { _maxCapacity = maxCapacity, _maxBlocked = maxBlocked };
        ulong stream = reader.ReadNumber(VarInt.MaxValue + 1);
        encoder.Stream = stream == 0 ? null : new StreamId(stream - 1);
        encoder.Pending = ByteBacklog.Import(reader, int.MaxValue);
        encoder._instructions = DecoderInstructions.Import(reader);
        encoder._known = reader.ReadNumber(VarInt.MaxValue);
        encoder._table = DynamicTable.Import(reader, encoder.Capacity, FieldHistory.Hash);
        bool sound = encoder._known <= encoder._table.Inserted;
        for (int count = reader.ReadCount(); count > 0; count--)
        {
            SentSection section = new(reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue));
            sound &= section.Smallest < section.Required && section.Required <= encoder._table.Inserted && section.Smallest >= encoder._table.Oldest;
            encoder._outstanding.Add(section);
        }

        encoder._history = reader.ReadBool() ? FieldHistory.Import(reader) : null;
        reader.End();
        sound &= encoder._outstanding.Count <= Http3Limits.MaxOutstandingSections;
        return sound ? encoder : throw new SnapshotException("a QPACK encoder contradicts itself");
    }

    private int Capacity => (int)ulong.Min(_maxCapacity, (ulong)tableLimit);

    private Http3Error OnInstruction(DecoderInstruction kind, ulong value)
    {
        switch (kind)
        {
            case DecoderInstruction.SectionAcknowledgment:
                int oldest = _outstanding.FindIndex(section => section.Stream == value);
                if (oldest < 0)
                {
                    return Fault("a section is acknowledged that was never sent, or was acknowledged before");
                }

                _known = ulong.Max(_known, _outstanding[oldest].Required);
                _outstanding.RemoveAt(oldest);
                return Http3Error.None;

            case DecoderInstruction.StreamCancellation:
                // A stream without references may be cancelled as well: the decoder cannot know.
                _outstanding.RemoveAll(section => section.Stream == value);
                return Http3Error.None;

            default:
                if (value == 0 || value > _table.Inserted - _known)
                {
                    return Fault("an increment of nothing, or of more than was inserted");
                }

                _known += value;
                return Http3Error.None;
        }
    }

    /// <summary>Whether this stream may refer to entries that perhaps have not arrived (section 2.1.2).</summary>
    private bool MayBlock(ulong stream)
    {
        int sections = 0;
        foreach (ref readonly SentSection section in CollectionsMarshal.AsSpan(_outstanding))
        {
            if (section.Required > _known)
            {
                if (section.Stream == stream)
                {
                    return true;
                }

                sections++;
            }
        }

        // A stream may have several sections under way, which matters only where they are many.
        return (ulong)sections < _maxBlocked || (_maxBlocked > 0 && (ulong)CountBlocked() < _maxBlocked);
    }

    private int CountBlocked()
    {
        Span<ulong> streams = stackalloc ulong[Http3Limits.MaxOutstandingSections];
        int count = 0;
        foreach (ref readonly SentSection section in CollectionsMarshal.AsSpan(_outstanding))
        {
            streams[count] = section.Stream;
            count += section.Required > _known ? 1 : 0;
        }

        streams = streams[..count];
        streams.Sort();
        int distinct = 0;
        for (int i = 0; i < streams.Length; i++)
        {
            distinct += i == 0 || streams[i] != streams[i - 1] ? 1 : 0;
        }

        return distinct;
    }

    private ulong Evictable()
    {
        ulong limit = _known;
        foreach (ref readonly SentSection section in CollectionsMarshal.AsSpan(_outstanding))
        {
            limit = ulong.Min(limit, section.Smallest);
        }

        return limit;
    }

    private static Http3Error Fault(string reason) => Http3Error.Connection(Http3ErrorCode.QpackDecoderStreamError, reason);

    /// <param name="Stream">Where it was sent.</param>
    /// <param name="Required">Its Required Insert Count, never 0.</param>
    /// <param name="Smallest">The oldest entry that it refers to.</param>
    private readonly record struct SentSection(ulong Stream, ulong Required, ulong Smallest);
}
