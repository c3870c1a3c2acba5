using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>The IDs that the peer issued to us: which one is in use, which are spare, which are being retired (RFC 9000, section 5.1).</summary>
internal sealed class PeerConnectionIds : IPart<PeerConnectionIds>
{
    /// <summary>The largest active_connection_id_limit that we advertise.</summary>
    public const int ActiveLimit = 4;

    /// <summary>RETIRE_CONNECTION_ID frames that may wait for their acknowledgement before the peer is called abusive (checklist S10).</summary>
    public const int MaxRetiring = 4 * ActiveLimit;

    /// <summary>IDs that we gave back out of turn, and that a late copy of their frame must not bring back; the lowest are forgotten first.</summary>
    public const int MaxReturned = 32;

    // Ascending.
    private readonly List<Entry> _active = [];
    private readonly SortedSet<ulong> _returned = [];
    private readonly SortedSet<ulong> _unretired = [];
    private readonly SortedSet<ulong> _retiring = [];
    private ulong _retirePriorTo;
    private ulong _current;

    /// <param name="first">From the long header of the peer's first packet: sequence number 0.</param>
    public PeerConnectionIds(ConnectionId first) => _active.Add(new(0, first, null, IsUsed: true));

    private PeerConnectionIds()
    {
    }

    private readonly record struct Entry(ulong SequenceNumber, ConnectionId Id, ResetToken? Token, bool IsUsed);

    public static ulong Section => SectionNumber.PeerConnectionIds;

    public ulong Changes { get; private set; }

    /// <summary>The ID of the path in use.</summary>
    public ConnectionId Current => _active[Find(_current)].Id;

    public ulong CurrentNumber => _current;

    /// <summary>Some ID was never used: another path can have one of its own.</summary>
    public bool HasSpare => Current.Length == 0 || _active.Exists(entry => !entry.IsUsed);

    public bool HasFrames => _unretired.Count > 0;

    /// <summary>The peer has chosen its ID only now: a client's first destination ID was random (RFC 9000, section 7.2).</summary>
    public void ReplaceFirst(ConnectionId id)
    {
        _active[0] = _active[0] with { Id = id };
        Changes++;
    }

    /// <summary>A server's token for its first ID comes in its transport parameters.</summary>
    public void OnFirstToken(ResetToken token)
    {
        _active[0] = _active[0] with { Token = token };
        Changes++;
    }

    /// <summary>Whether the last 16 bytes of a datagram are a reset token of an ID that was in use (RFC 9000, section 10.3.1).</summary>
    public bool IsReset(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < 21)
        {
            return false;
        }

        ResetToken candidate = new(datagram[^ResetToken.Length..]);
        bool found = false;
        foreach (Entry entry in _active)
        {
            // No early exit: the time must not tell which one matched. The token of an ID that we never sent to is nobody's word.
            found |= entry.IsUsed & (entry.Token is ResetToken token && token.Equals(candidate));
        }

        return found;
    }

    /// <param name="limit">Our active_connection_id_limit.</param>
    public TransportError On(NewConnectionIdFrame frame, ulong limit = ActiveLimit)
    {
        foreach (Entry entry in _active)
        {
            bool sameNumber = entry.SequenceNumber == frame.SequenceNumber;
            bool sameId = entry.Id == frame.ConnectionId;
            if (sameNumber != sameId || (sameNumber && entry.Token is ResetToken token && !token.Equals(frame.Token)))
            {
                return TransportError.ProtocolViolation("issues one connection ID in two ways", FrameType.NewConnectionId);
            }

            if (sameNumber)
            {
                return TransportError.None;
            }
        }

        if (Current.Length == 0)
        {
            return TransportError.ProtocolViolation("issues an ID though its own is empty", FrameType.NewConnectionId);
        }

        bool wasReturned = _returned.Contains(frame.SequenceNumber);
        if (wasReturned && _active[^1].SequenceNumber < frame.RetirePriorTo)
        {
            // All are to be retired, for the sake of one that we have given back: what is left could not even say that the connection ends.
            return TransportError.ProtocolViolation("retires every ID that is in use", FrameType.NewConnectionId);
        }

        Changes++;
        if (wasReturned)
        {
            // A late copy of what issued an ID that was given back.
        }
        else if (frame.SequenceNumber < _retirePriorTo)
        {
            // Retired before it came: say so at once (RFC 9000, section 19.15).
            Retire(frame.SequenceNumber);
        }
        else
        {
            // In the order of their numbers, whatever order they came in.
            int index = _active.FindIndex(entry => entry.SequenceNumber > frame.SequenceNumber);
            _active.Insert(index < 0 ? _active.Count : index, new(frame.SequenceNumber, frame.ConnectionId, frame.Token, IsUsed: false));
        }

        if (frame.RetirePriorTo > _retirePriorTo)
        {
            _retirePriorTo = frame.RetirePriorTo;
            for (int i = _active.Count - 1; i >= 0; i--)
            {
                if (_active[i].SequenceNumber < _retirePriorTo)
                {
                    Retire(_active[i].SequenceNumber);
                    _active.RemoveAt(i);
                }
            }

            _returned.RemoveWhere(number => number < _retirePriorTo);
            if (Find(_current) < 0)
            {
                int spare = int.Max(0, _active.FindIndex(entry => !entry.IsUsed));
                _active[spare] = _active[spare] with { IsUsed = true };
                _current = _active[spare].SequenceNumber;
            }
        }

        return (ulong)_active.Count <= limit && _retiring.Count <= MaxRetiring
            ? TransportError.None
            : TransportError.Of(TransportErrorCode.ConnectionIdLimitError, "more connection IDs than were allowed", FrameType.NewConnectionId);
    }

    /// <summary>An ID for another path, so that the two cannot be linked (RFC 9000, section 9.5).</summary>
    /// <param name="number">The one that the path has, if it has one that still is; then the one that it is to have.</param>
    /// <returns>False when no spare one is there.</returns>
    public bool TryLend(ref ulong? number)
    {
        if (Current.Length == 0 || (number is ulong known && Find(known) >= 0))
        {
            number ??= _current;
            return true;
        }

        int index = _active.FindIndex(entry => !entry.IsUsed);
        if (index < 0)
        {
            return false;
        }

        _active[index] = _active[index] with { IsUsed = true };
        number = _active[index].SequenceNumber;
        Changes++;
        return true;
    }

    /// <summary>The ID of that number; the one in use when the peer has taken it back.</summary>
    public ConnectionId this[ulong number] => Find(number) is int index and >= 0 ? _active[index].Id : Current;

    /// <summary>The path in use has another ID from now on.</summary>
    public void Use(ulong number)
    {
        if (number != _current && Find(number) >= 0)
        {
            _current = number;
            Changes++;
        }
    }

    /// <summary>Gives back what was used and is not any more.</summary>
    /// <param name="elsewhere">Numbers of the IDs of paths beside the one in use.</param>
    public void ReturnUnused(IEnumerable<ulong> elsewhere)
    {
        HashSet<ulong> kept = [.. elsewhere, _current];
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            Entry entry = _active[i];
            if (entry.IsUsed && !kept.Contains(entry.SequenceNumber))
            {
                _active.RemoveAt(i);
                Retire(entry.SequenceNumber);
                _returned.Add(entry.SequenceNumber);
                if (_returned.Count > MaxReturned)
                {
                    _returned.Remove(_returned.Min);
                }

                Changes++;
            }
        }
    }

    public void WriteFrames(ref PacketBuilder builder)
    {
        while (_unretired.Count > 0)
        {
            ulong number = _unretired.Min;
            if (!builder.TryWrite(new RetireConnectionIdFrame(number), new(SentFrameKind.RetireConnectionId, number)))
            {
                return;
            }

            _unretired.Remove(number);
            Changes++;
        }
    }

    public void OnAcked(ulong sequenceNumber)
    {
        if (_retiring.Remove(sequenceNumber))
        {
            _unretired.Remove(sequenceNumber);
            Changes++;
        }
    }

    public void OnLost(ulong sequenceNumber)
    {
        if (_retiring.Contains(sequenceNumber))
        {
            _unretired.Add(sequenceNumber);
            Changes++;
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_retirePriorTo);
        writer.WriteNumber((ulong)_active.Count);
        foreach (Entry entry in _active)
        {
            writer.WriteNumber(entry.SequenceNumber);
            writer.WriteConnectionId(entry.Id);
            writer.WriteBool(entry.Token is not null);
            if (entry.Token is ResetToken token)
            {
                writer.WriteResetToken(token);
            }

            writer.WriteBool(entry.IsUsed);
        }

        writer.WriteNumber(_current);
        writer.WriteNumber((ulong)_returned.Count);
        foreach (ulong number in _returned)
        {
            writer.WriteNumber(number);
        }

        writer.WriteNumber((ulong)_retiring.Count);
        foreach (ulong number in _retiring)
        {
            writer.WriteNumber(number);
            writer.WriteBool(_unretired.Contains(number));
        }
    }

    public static PeerConnectionIds Import(SnapshotReader reader)
    {
        PeerConnectionIds ids = new() { _retirePriorTo = reader.ReadNumber() };
        int active = (int)reader.ReadNumber(ActiveLimit);
        bool sound = active > 0;
        ids._active.Capacity = active;
        for (int i = 0; i < active; i++)
        {
            ulong number = reader.ReadNumber(VarInt.MaxValue);
            sound &= number >= ids._retirePriorTo && (i == 0 || number > ids._active[i - 1].SequenceNumber);
            ConnectionId id = reader.ReadConnectionId();
            ResetToken? token = reader.ReadBool() ? reader.ReadResetToken() : null;
            ids._active.Add(new(number, id, token, IsUsed: reader.ReadBool()));
        }

        ids._current = reader.ReadNumber(VarInt.MaxValue);
        sound &= ids.Find(ids._current) >= 0;
        for (ulong returned = reader.ReadNumber(MaxReturned); returned > 0; returned--)
        {
            ulong number = reader.ReadNumber(VarInt.MaxValue);
            sound &= ids._returned.Add(number) && ids.Find(number) < 0;
        }

        // Those of paths that were left are added between two frames of the peer, and judged with the next one.
        int retiring = (int)reader.ReadNumber(MaxRetiring + ActiveLimit);
        for (int i = 0; i < retiring; i++)
        {
            ulong number = reader.ReadNumber(VarInt.MaxValue);
            sound &= ids.Find(number) < 0 && ids._retiring.Add(number);
            if (reader.ReadBool())
            {
                ids._unretired.Add(number);
            }
        }

        return sound ? ids : throw new SnapshotException("the peer's connection IDs contradict each other");
    }

    private int Find(ulong number)
    {
        for (int i = 0; i < _active.Count; i++)
        {
            if (_active[i].SequenceNumber == number)
            {
                return i;
            }
        }

        return -1;
    }

    private void Retire(ulong sequenceNumber)
    {
        _retiring.Add(sequenceNumber);
        _unretired.Add(sequenceNumber);
    }
}
