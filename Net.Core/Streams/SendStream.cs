using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>What a sending stream could put into a packet.</summary>
internal enum SendNeed : byte
{
    Nothing,

    /// <summary>Bytes to send again, or a FIN alone: no credit is needed.</summary>
    Free,

    /// <summary>Bytes never sent: they need the connection's credit.</summary>
    Fresh,
}

/// <summary>The sending part of a stream (RFC 9000, section 3.1).</summary>
/// <remarks>
/// <para>Ready, Send: no FIN written. Data Sent: FIN sent. Data Recvd: all acknowledged. Reset Sent, Reset Recvd: RESET_STREAM on its way, acknowledged.</para>
/// <para>A STOP_SENDING is answered with RESET_STREAM at once; but the stream is held until the application lets go of it by <see cref="Reset"/>,
/// as work for it may still be running (checklist S53).</para>
/// </remarks>
internal sealed class SendStream : IPart<SendStream>
{
    private readonly SendBuffer _buffer;
    private Allowance _allowance;
    private ulong _bound;
    private bool _finWritten;
    private bool _finSent;
    private bool _finAcked;
    private ControlFrameState _reset;
    private ulong _resetCode;
    private bool _isStopped;
    private ulong _stopCode;
    private bool _isReleased;
    private bool _wantsRoom;

    /// <param name="limit">Bytes that the peer takes at first.</param>
    /// <param name="bound">Bytes that are taken from the application and not yet acknowledged.</param>
    public SendStream(ulong limit, ulong bound) : this(new())
    {
        _allowance.Raise(limit);
        _bound = bound;
    }

    private SendStream(SendBuffer buffer) => _buffer = buffer;

    public static ulong Section => SectionNumber.SendStream;

    public ulong Changes { get; private set; } = 1;

    /// <summary>Offset of the first byte never sent: what counts for flow control.</summary>
    public ulong Sent => _buffer.Sent;

    /// <summary>Bytes that were taken and not yet acknowledged in order.</summary>
    public ulong Held => _buffer.Held;

    public ulong StopCode => _stopCode;

    /// <summary>The peer has everything, or knows that it will not get it.</summary>
    public bool IsComplete => _reset == ControlFrameState.Acknowledged || (_finAcked && _buffer.Held == 0 && _reset == ControlFrameState.None);

    /// <summary>Nobody waits for anything of it.</summary>
    public bool IsDone => IsComplete && _isReleased;

    public bool TellsReset => _reset == ControlFrameState.Pending;

    public bool TellsBlocked => _allowance.IsPending && _reset == ControlFrameState.None;

    /// <summary>The limit to put into a STREAM_DATA_BLOCKED frame.</summary>
    public ulong BlockedLimit => _allowance.Limit;

    /// <summary>Memory held, in bytes.</summary>
    public long Rented => _buffer.Rented;

    public SendNeed Need
    {
        get
        {
            if (_reset != ControlFrameState.None)
            {
                return SendNeed.Nothing;
            }

            if (_buffer.HasLost || (OwesFin && !_buffer.HasNew))
            {
                return SendNeed.Free;
            }

            return _buffer.HasNew && _buffer.Sent < _allowance.Limit ? SendNeed.Fresh : SendNeed.Nothing;
        }
    }

    /// <summary>A write would take something.</summary>
    public bool IsWritable => _reset == ControlFrameState.None && !_finWritten && Room() > 0;

    public WriteEnd End => _reset switch
    {
        _ when _isStopped && !_isReleased => new(WriteEndKind.Stopped, _stopCode),
        not ControlFrameState.None => new(WriteEndKind.Reset, _resetCode),
        _ when IsComplete => new(WriteEndKind.Finished),
        _ => new(_finWritten ? WriteEndKind.Finishing : WriteEndKind.Open),
    };

    private bool OwesFin => _finWritten && !_finSent && !_finAcked;

    private bool IsStuck => _reset == ControlFrameState.None && _buffer.HasNew && _buffer.Sent == _allowance.Limit;

    /// <summary>Takes as many bytes as there is room for; FIN only behind the last.</summary>
    /// <exception cref="InvalidOperationException">FIN was written before.</exception>
    public int Write(ReadOnlySpan<byte> data, bool fin)
    {
        if (_reset != ControlFrameState.None)
        {
            return 0;
        }

        if (_finWritten)
        {
            throw new InvalidOperationException("the stream's end was written before");
        }

        int count = (int)ulong.Min((ulong)data.Length, Room());
        _buffer.Write(data[..count]);
        _finWritten = fin && count == data.Length;
        _isReleased |= _finWritten;
        _wantsRoom |= count < data.Length;
        NoteIfStuck();
        Changes++;
        return count;
    }

    /// <summary>Bytes that <see cref="Write"/> would take now. Who gets 0 will be told when there is room.</summary>
    public int AskRoom()
    {
        if (_reset != ControlFrameState.None || _finWritten)
        {
            return 0;
        }

        ulong room = Room();
        if (room == 0 && !_wantsRoom)
        {
            _wantsRoom = true;
            Changes++;
        }

        return (int)ulong.Min(room, int.MaxValue);
    }

    /// <summary>Gives up sending; or lets go of a stream that the peer has stopped.</summary>
    public void Reset(ulong code)
    {
        _isReleased = true;
        Changes++;
        if (!IsComplete)
        {
            BeginReset(code);
        }
    }

    /// <returns>It is news to the application.</returns>
    public bool OnStopSending(ulong code)
    {
        if (_isStopped || _reset != ControlFrameState.None || IsComplete)
        {
            return false;
        }

        _isStopped = true;
        _stopCode = code;
        Changes++;
        BeginReset(code);
        return true;
    }

    public void OnMaxStreamData(ulong limit)
    {
        if (_allowance.Raise(limit))
        {
            NoteIfStuck();
            Changes++;
        }
    }

    /// <summary>Writes one STREAM frame of what <see cref="Need"/> says; false when the packet is full.</summary>
    public bool TryWriteFrame(ref PacketBuilder builder, StreamId id, Credit credit)
    {
        bool isLost = _buffer.HasLost;
        ulong offset = isLost ? _buffer.FirstLost.Start : _buffer.Sent;
        ulong most = isLost
            ? _buffer.FirstLost.Length
            : ulong.Min(_buffer.End - offset, ulong.Min(_allowance.Limit - offset, credit.Available));
        // Room behind the header, whose length field is taken as long as the room might need.
        int room = builder.Free - StreamFrame.HeaderLength(id, offset, builder.Free);
        if (room < (int)ulong.Min(most, MinimumPiece))
        {
            return false;
        }

        int count = (int)ulong.Min(most, (ulong)room);
        bool fin = _finWritten && offset + (ulong)count == _buffer.End;
        StreamFrame.WriteHeader(ref builder.Writer, id, offset, count, fin);
        _buffer.Copy(offset, builder.Writer.Rest[..count]);
        builder.Writer.Advance(count);
        builder.Add(new(SentFrameKind.Stream, id.Value, offset, (uint)count, fin));
        if (isLost)
        {
            _buffer.TakeLost(count);
        }
        else
        {
            _buffer.TakeNew(count);
            credit.Spend((ulong)count);
        }

        _finSent |= fin;
        NoteIfStuck();
        Changes++;
        return true;
    }

    /// <returns>There is room again for somebody who had found none.</returns>
    public bool OnAcked(ulong offset, ulong length, bool fin)
    {
        if (_reset != ControlFrameState.None)
        {
            return false;
        }

        _buffer.OnAcked(offset, length);
        _finAcked |= fin && _finWritten;
        Changes++;
        // Not for every packet's worth: a writer is woken for a quarter of its buffer.
        if (!_wantsRoom || _finWritten || Room() < (_bound + 3) / 4)
        {
            return false;
        }

        _wantsRoom = false;
        return true;
    }

    public void OnLost(ulong offset, ulong length, bool fin)
    {
        if (_reset != ControlFrameState.None)
        {
            return;
        }

        _buffer.OnLost(offset, length);
        _finSent &= !fin;
        Changes++;
    }

    public void OnResetTold() => SetReset(ControlFrameState.InFlight);

    public void OnResetAcked() => SetReset(ControlFrameState.Acknowledged);

    public void OnResetLost() => SetReset(_reset == ControlFrameState.InFlight ? ControlFrameState.Pending : _reset);

    public ulong ResetCode => _resetCode;

    public void OnBlockedTold()
    {
        _allowance.OnTold();
        Changes++;
    }

    public void OnBlockedLost(ulong limit)
    {
        if (IsStuck)
        {
            _allowance.OnLost(limit);
            Changes++;
        }
    }

    /// <summary>Gives all memory back; nothing is sent any more.</summary>
    public void Release() => _buffer.Discard();

    public void Export(SnapshotWriter writer)
    {
        _buffer.Export(writer);
        _allowance.Export(writer);
        writer.WriteNumber(_bound);
        writer.WriteBool(_finWritten);
        writer.WriteBool(_finSent);
        writer.WriteBool(_finAcked);
        writer.WriteNumber((ulong)_reset);
        writer.WriteNumber(_resetCode);
        writer.WriteBool(_isStopped);
        writer.WriteNumber(_stopCode);
        writer.WriteBool(_isReleased);
        writer.WriteBool(_wantsRoom);
    }

    public static SendStream Import(SnapshotReader reader)
    {
        SendStream stream = new(SendBuffer.Import(reader))
        {
            _allowance = Allowance.Import(reader),
            _bound = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            _finWritten = reader.ReadBool(),
            _finSent = reader.ReadBool(),
            _finAcked = reader.ReadBool(),
            _reset = (ControlFrameState)reader.ReadNumber((ulong)ControlFrameState.Acknowledged),
            _resetCode = reader.ReadNumber(VarInt.MaxValue),
            _isStopped = reader.ReadBool(),
            _stopCode = reader.ReadNumber(VarInt.MaxValue),
            _isReleased = reader.ReadBool(),
            _wantsRoom = reader.ReadBool(),
        };
        bool isReset = stream._reset != ControlFrameState.None;
        bool sound = stream._buffer.Sent <= stream._allowance.Limit
            && stream._buffer.Held <= stream._bound
            && (stream._finWritten || (!stream._finSent && !stream._finAcked))
            && (isReset || !(stream._finSent || stream._finAcked) || !stream._buffer.HasNew)
            && (!isReset || stream._buffer.Held == 0)
            && (!stream._isStopped || isReset)
            && (!isReset || stream._isStopped || stream._isReleased);
        return sound ? stream : throw new SnapshotException("a sending stream contradicts itself");
    }

    // A piece of a few bytes at the end of a packet costs more in headers than it carries.
    private const ulong MinimumPiece = 16;

    private ulong Room() => _bound - ulong.Min(_bound, _buffer.Held);

    private void BeginReset(ulong code)
    {
        if (_reset == ControlFrameState.None)
        {
            _reset = ControlFrameState.Pending;
            _resetCode = code;
            _buffer.Discard();
        }
    }

    private void NoteIfStuck()
    {
        if (IsStuck)
        {
            _allowance.OnBlocked();
        }
    }

    private void SetReset(ControlFrameState state)
    {
        _reset = _reset == ControlFrameState.None ? _reset : state;
        Changes++;
    }
}
