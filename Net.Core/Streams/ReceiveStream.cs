using Net.Core.Errors;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>The receiving part of a stream (RFC 9000, section 3.2).</summary>
/// <remarks>
/// <para>Recv: no final size. Size Known: a final size. Data Recvd: all bytes up to it. Data Read: and the reader has seen the end.
/// Reset Recvd, Reset Read: likewise after RESET_STREAM. Only the Read states let go of the stream.</para>
/// <para>Invariants: Consumed &lt;= Highest &lt;= Told; Highest = the final size once that is known.</para>
/// </remarks>
internal sealed class ReceiveStream : IPart<ReceiveStream>
{
    private ReceiveBuffer _buffer = new();
    private Grant _grant;
    private WindowTuner _tuner = new();
    private ulong? _finalSize;
    private bool _isReset;
    private ulong _resetCode;
    private ControlFrameState _stop;
    private ulong _stopCode;
    private bool _isEndSeen;

    public ReceiveStream(ulong window) => _grant = new(window);

    private ReceiveStream() { }

    public static ulong Section => SectionNumber.ReceiveStream;

    public ulong Changes { get; private set; } = 1;

    /// <summary>The highest offset that counts for flow control.</summary>
    public ulong Highest { get; private set; }

    public ulong Told => _grant.Told;

    /// <summary>Bytes that the peer may be ahead of the reader.</summary>
    public ulong Window => _grant.Window;

    /// <summary>Bytes read or dropped.</summary>
    public ulong Returned => _grant.Returned;

    /// <summary>The limit to put into a MAX_STREAM_DATA frame that is written now.</summary>
    public ulong Limit => _grant.Limit;

    public ulong ResetCode => _resetCode;

    public ulong StopCode => _stopCode;

    public ReadOnlySpan<byte> Peek() => _buffer.Peek();

    /// <summary>Bytes that can be read now.</summary>
    public ulong Readable => _buffer.Readable;

    public bool IsReset => _isReset;

    /// <summary>Bytes, or the end, that the reader has not taken.</summary>
    public bool HasNews => !_isEndSeen && (_isReset || (_stop == ControlFrameState.None && (_buffer.Readable > 0 || IsAllRead)));

    /// <summary>Nobody waits for anything of it.</summary>
    public bool IsDone => _isEndSeen || (_stop != ControlFrameState.None && _finalSize is not null);

    public bool TellsStop => _stop == ControlFrameState.Pending && _finalSize is null;

    public bool TellsLimit => _grant.IsPending && _finalSize is null && _stop == ControlFrameState.None;

    /// <summary>Memory held, in bytes.</summary>
    public long Rented => _buffer.Rented;

    private bool IsAllRead => _finalSize is ulong size && _buffer.Consumed == size;

    private bool IsDiscarding => _isReset || _stop != ControlFrameState.None;

    /// <remarks><c>isNews</c>: there is something to read, or the end, that was not there before.</remarks>
    public TransportError OnStream(in StreamFrame frame, Credit credit, out bool isNews)
    {
        isNews = false;
        ulong end = frame.End;
        if (IsFinalSizeBroken(end, frame.Fin))
        {
            return TransportError.FinalSize(FrameType.Stream);
        }

        if (!TryCount(end, credit))
        {
            return TransportError.FlowControl(FrameType.Stream);
        }

        Changes++;
        bool isEnd = frame.Fin && _finalSize is null;
        _finalSize = frame.Fin ? end : _finalSize;
        if (IsDiscarding)
        {
            ReturnAll(credit);
            return TransportError.None;
        }

        ulong before = _buffer.Contiguous;
        _buffer.Write(frame.Offset, frame.Data);
        // A FIN that closes the last gap is news together with the bytes; alone it is news when no byte is missing.
        isNews = _buffer.Contiguous != before || (isEnd && _buffer.Contiguous == end);
        return TransportError.None;
    }

    /// <remarks><c>isNews</c>: the stream is reset, and was not before.</remarks>
    public TransportError OnResetStream(in ResetStreamFrame frame, Credit credit, out bool isNews)
    {
        isNews = false;
        if (IsFinalSizeBroken(frame.FinalSize, isFinal: true))
        {
            return TransportError.FinalSize(FrameType.ResetStream);
        }

        if (!TryCount(frame.FinalSize, credit))
        {
            return TransportError.FlowControl(FrameType.ResetStream);
        }

        // Data Recvd: every byte is here, the reader shall have them (RFC 9000, section 3.2).
        bool isComplete = _finalSize is not null && _buffer.Contiguous == _finalSize && !IsDiscarding;
        if (_isReset || isComplete)
        {
            return TransportError.None;
        }

        Changes++;
        isNews = _stop == ControlFrameState.None;
        _isReset = true;
        _resetCode = frame.ErrorCode;
        _finalSize = frame.FinalSize;
        ReturnAll(credit);
        return TransportError.None;
    }

    public void OnStreamDataBlocked(ulong limit)
    {
        _grant.OnBlocked(limit);
        Changes++;
    }

    public void Consume(int count, Credit credit)
    {
        _buffer.Consume(count);
        _grant.Return((ulong)count);
        _tuner.OnRead((ulong)count);
        credit.Consume((ulong)count);
        Changes++;
    }

    /// <summary>How reading stands. Who is told of the end has seen it: then the stream can be let go.</summary>
    public ReadEnd SeeEnd()
    {
        if (_stop != ControlFrameState.None && !_isReset)
        {
            return new(ReadEndKind.Closed);
        }

        if (!_isReset && !IsAllRead)
        {
            return new(ReadEndKind.Open);
        }

        Changes += _isEndSeen ? 0UL : 1;
        _isEndSeen = true;
        return _isReset ? new(ReadEndKind.Reset, _resetCode) : new(ReadEndKind.Finished);
    }

    /// <summary>The application wants no more: what is here and what comes is dropped, and the peer is asked to stop.</summary>
    public void StopSending(ulong code, Credit credit)
    {
        if (_stop != ControlFrameState.None || _isReset)
        {
            _isEndSeen |= _isReset;
            Changes++;
            return;
        }

        _stop = ControlFrameState.Pending;
        _stopCode = code;
        ReturnAll(credit);
        Changes++;
    }

    public void OnStopTold() => SetStop(ControlFrameState.InFlight);

    public void OnStopAcked() => SetStop(ControlFrameState.Acknowledged);

    public void OnStopLost() => SetStop(_stop == ControlFrameState.InFlight ? ControlFrameState.Pending : _stop);

    /// <summary>The peer is about to be told a limit: the window may grow before that.</summary>
    public void Tune(ulong maxWindow, Instant now, TimeSpan roundTrip)
    {
        _grant.Grow(_tuner.Next(_grant.Window, maxWindow, now, roundTrip));
        Changes++;
    }

    public void OnLimitTold()
    {
        _grant.OnTold();
        Changes++;
    }

    public void OnLimitLost(ulong limit)
    {
        _grant.OnLost(limit);
        Changes++;
    }

    /// <summary>Gives all memory back; nothing is read any more.</summary>
    public void Release() => _buffer.Discard(Highest);

    public void Export(SnapshotWriter writer)
    {
        _grant.Export(writer);
        _buffer.Export(writer);
        writer.WriteNumber(Highest);
        writer.WriteBool(_finalSize is not null);
        writer.WriteNumber(_finalSize ?? 0);
        writer.WriteBool(_isReset);
        writer.WriteNumber(_resetCode);
        writer.WriteNumber((ulong)_stop);
        writer.WriteNumber(_stopCode);
        writer.WriteBool(_isEndSeen);
        _tuner.Export(writer);
    }

    public static ReceiveStream Import(SnapshotReader reader)
    {
        ReceiveStream stream = new()
        {
            _grant = Grant.Import(reader, ReceiveBuffer.MaxWindow),
            _buffer = ReceiveBuffer.Import(reader),
            Highest = reader.ReadNumber(VarInt.MaxValue),
        };
        bool hasFinalSize = reader.ReadBool();
        ulong finalSize = reader.ReadNumber(VarInt.MaxValue);
        stream._finalSize = hasFinalSize ? finalSize : null;
        stream._isReset = reader.ReadBool();
        stream._resetCode = reader.ReadNumber(VarInt.MaxValue);
        stream._stop = (ControlFrameState)reader.ReadNumber((ulong)ControlFrameState.Acknowledged);
        stream._stopCode = reader.ReadNumber(VarInt.MaxValue);
        stream._isEndSeen = reader.ReadBool();
        stream._tuner = WindowTuner.Import(reader);
        bool sound = stream.Highest <= stream.Told
            && stream._buffer.Highest <= stream.Highest
            && stream._buffer.Consumed == stream._grant.Returned
            && (stream._finalSize ?? stream.Highest) == stream.Highest
            && (!stream.IsDiscarding || stream._buffer.Consumed == stream.Highest)
            && (!stream._isReset || stream._finalSize is not null)
            && (!stream._isEndSeen || stream._isReset || stream.IsAllRead);
        return sound ? stream : throw new SnapshotException("a receiving stream contradicts itself");
    }

    private bool IsFinalSizeBroken(ulong end, bool isFinal) =>
        _finalSize is ulong size ? end > size || (isFinal && end != size) : isFinal && end < Highest;

    private bool TryCount(ulong end, Credit credit)
    {
        if (end <= Highest)
        {
            return true;
        }

        if (end > _grant.Told || !credit.TryReceive(end - Highest))
        {
            return false;
        }

        Highest = end;
        return true;
    }

    // All that counted and was not read counts as read, or the connection's window would leak (checklist S58).
    private void ReturnAll(Credit credit)
    {
        ulong rest = Highest - _buffer.Consumed;
        _buffer.Discard(Highest);
        _grant.Return(rest);
        credit.Return(rest);
    }

    private void SetStop(ControlFrameState state)
    {
        _stop = _stop == ControlFrameState.None ? _stop : state;
        Changes++;
    }
}
