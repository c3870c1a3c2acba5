using System.Diagnostics.CodeAnalysis;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Tethers;

/// <summary>The source's end: where a handler that stayed behind reads its request and writes its response.</summary>
/// <remarks>
/// It takes what the response may still have from the stream that has moved away, and checks as that would, so that the handler hears of its own
/// mistakes and never of the owner's. It ends when the owner has everything, or was given up.
/// </remarks>
internal sealed class TetherServer : IExchangePort
{
    private readonly TetherChannel _channel = new();
    private readonly ExchangeRunner _exchange;
    private readonly ulong _maxFields;
    private readonly ITetherCarrier _carrier;
    private TetherRecord _body;
    private FieldSection? _trailers;
    private bool _isRequestRead, _hasResponded, _hasFinished, _isReset, _owesReset;
    private Http3ErrorCode _code;
    private RateMeter _bodyRate;

    public TetherServer(ulong number, ExchangeRunner exchange, Http3Session session, ITetherCarrier carrier)
    {
        (Number, _exchange, _carrier) = (number, exchange, carrier);
        _maxFields = ulong.Min(session.State.PeerSettings.MaxFieldSectionSize, Http3Limits.MaxFieldSectionSize);
        _hasResponded = exchange.State.HasResponded;
        BodyLeft = _hasResponded ? session.BodyLeft(exchange.State.Id) : -1;
    }

    public ulong Number { get; }

    public bool IsEarlyData => false;

    public long BodyLeft { get; private set; }

    public bool IsAttached => _channel.IsAttached;

    /// <summary>The handler has ended, and the owner has all of its response, or wants none of it.</summary>
    public bool IsOver => _hasFinished && (_isReset || _channel.IsAcknowledged);

    /// <summary>The link to the owner is lost, or another owner is to come.</summary>
    public void Detach() => _channel.Detach();

    /// <summary>What the owner says.</summary>
    /// <returns><c>false</c>: it makes no sense; the request was given up.</returns>
    public bool OnMessage(TetherMessage message)
    {
        if (message is TetherReset reset)
        {
            Abort((Http3ErrorCode)reset.Code, isNews: false);
            return true;
        }

        if (_isReset)
        {
            // An owner that has a new link has not heard of it, or the next one has never.
            _owesReset |= message is TetherAttach;
            return true;
        }

        bool isSound = message switch
        {
            TetherAttach attach => _channel.OnAttach(attach.Received, attach.Limit, mustAnswer: true),
            TetherAck ack => _channel.OnAck(ack.Received, ack.Limit),
            TetherData data => _channel.OnData(data.Offset, data.Bytes.Span, data.IsLast),
            _ => false,
        };
        if (!isSound)
        {
            GiveUp(Http3ErrorCode.InternalError);
            return false;
        }

        _exchange.OnReadable();
        _exchange.OnWritable();
        return true;
    }

    /// <summary>The handler has had its time: its operations fail, its token is set, and the owner is told, who resets the request.</summary>
    public void GiveUp(Http3ErrorCode code) => Abort(code, isNews: true);

    /// <summary>
    /// Time has passed: a body that the handler waits for has to come as fast here as it had to before the move (checklist S60). Only this end knows whether the
    /// handler waits.
    /// </summary>
    /// <param name="elapsed">Since the last call.</param>
    public void Watch(TimeSpan elapsed)
    {
        if (_channel.IsAttached && _exchange.IsReading && _exchange.Host.BodyRate is DataRate rate
            && _bodyRate.IsTooSlow(_exchange.State.RequestOffset, elapsed, rate))
        {
            GiveUp(Http3ErrorCode.ExcessiveLoad);
        }
    }

    public bool TryTake([NotNullWhen(true)] out TetherMessage? message)
    {
        message = _owesReset ? new TetherReset(Number, (ulong)_code) : null;
        _owesReset = false;
        return message is not null || (!_isReset && _channel.TryTake(Number, out message));
    }

    public ReadOutcome Read(Span<byte> destination, out int count, out FieldSection? trailers)
    {
        count = 0;
        while (count < destination.Length && !_isRequestRead)
        {
            if (_body.Left > 0)
            {
                int some = int.Min(int.Min(_body.Left, _channel.Received.Length), destination.Length - count);
                if (some == 0)
                {
                    break;
                }

                _channel.Received[..some].CopyTo(destination[count..]);
                _channel.Consume(some);
                _body = _body with { Left = _body.Left - some };
                count += some;
                continue;
            }

            if (!TetherRecord.TryRead(_channel, out TetherRecord record, out bool isSound))
            {
                if (isSound)
                {
                    break;
                }
            }
            else if (record.Kind == TetherRecordKind.Data)
            {
                _body = record;
                continue;
            }
            else
            {
                _isRequestRead = record.Kind == TetherRecordKind.End && record.TryTakeTrailers(_channel, out _trailers);
            }

            if (!_isRequestRead)
            {
                GiveUp(Http3ErrorCode.InternalError);
                break;
            }
        }

        trailers = _trailers;
        return count > 0 ? ReadOutcome.Data : _isRequestRead ? ReadOutcome.End : ReadOutcome.Wait;
    }

    public bool Respond(ResponseHead head)
    {
        FieldSection fields = head.ToSoundFields(null, out long contentLength);
        if ((ulong)fields.Size > _maxFields)
        {
            throw new ArgumentException("the fields are larger than the peer takes", nameof(head));
        }

        if (_hasResponded)
        {
            throw new InvalidOperationException("the response was started before");
        }

        if (_channel.Room == 0)
        {
            return false;
        }

        TetherRecord.WriteHead(_channel, head);
        if (!head.IsInterim)
        {
            bool hasNoBody = _exchange.State.Head.IsHead || ResponseHead.HasNoBody(head.Status) || head.Status == 205;
            (_hasResponded, BodyLeft) = (true, hasNoBody ? 0 : contentLength);
        }

        return true;
    }

    public int Write(ReadOnlySpan<byte> data)
    {
        int count = int.Min(int.Min(data.Length, TetherLimits.MaxData), _channel.Room - TetherRecord.MaxHead);
        if (count <= 0)
        {
            return 0;
        }

        TetherRecord.WriteData(_channel, data[..count]);
        BodyLeft = BodyLeft < 0 ? -1 : BodyLeft - count;
        return count;
    }

    public void Finish(ExchangeRunner exchange, bool failed)
    {
        _hasFinished = true;
        if (!_hasResponded)
        {
            TetherRecord.WriteHead(_channel, new(exchange.FaultStatus, new(new Field("content-length", "0"))));
        }

        _channel.BeginEnd();
        if (!_hasResponded)
        {
            TetherRecord.WriteEnd(_channel, null);
        }
        else if (failed || BodyLeft > 0)
        {
            TetherRecord.WriteFail(_channel);
        }
        else
        {
            TetherRecord.WriteEnd(_channel, exchange.State.TrailersToSend);
        }

        Settle();
    }

    public void Settle() => _carrier.OnChanged(this);

    private void Abort(Http3ErrorCode code, bool isNews)
    {
        if (!_isReset)
        {
            (_isReset, _owesReset, _code) = (true, isNews, code);
            _exchange.Abort(code);
        }
    }
}
