using System.Diagnostics.CodeAnalysis;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Tethers;

/// <summary>The owner's end: what stands in a request's place where its connection is, while its handler runs on the node that it began on.</summary>
/// <remarks>
/// <code>
/// client -- stream, session -- Tether  ~~ link: TetherMessage ~~  TetherServer -- handler
/// </code>
/// Body bytes are read from the session only as far as the handler's node takes them, and taken from there only as far as the stream does: so
/// both windows are one. It travels when the component moves again; the next owner attaches it to the same handler.
/// </remarks>
internal sealed class Tether : IPart<Tether>
{
    private readonly TetherChannel _channel;
    private TetherRecord _body;
    private bool _isRequestRead;
    private bool _isOver;
    private ulong? _reset;
    private ulong _changes;

    /// <param name="id">The request's stream.</param>
    /// <param name="number">Among the tethers of <paramref name="origin"/>.</param>
    /// <param name="origin">Where the handler runs.</param>
    /// <param name="deadline">Until when it may.</param>
    public Tether(StreamId id, ulong number, TetherOrigin origin, Instant deadline) : this(id, number, origin, deadline, new()) { }

    private Tether(StreamId id, ulong number, TetherOrigin origin, Instant deadline, TetherChannel channel) =>
        (Id, Number, Origin, Deadline, _channel) = (id, number, origin, deadline, channel);

    public static ulong Section => SectionNumber.Tether;

    public StreamId Id { get; }

    public ulong Number { get; }

    public TetherOrigin Origin { get; }

    /// <summary>When the request is given up, whatever its handler does.</summary>
    public Instant Deadline { get; }

    public ulong Changes => _changes + _channel.Changes;

    public bool IsAttached => _channel.IsAttached;

    /// <summary>The response is complete, or the request was given up: nothing more is to be done with the stream.</summary>
    public bool IsOver => _isOver;

    /// <summary>The whole response is here: the handler's node is needed no more.</summary>
    public bool IsComplete => _channel.HasAll;

    /// <summary>Bytes that it may hold in each direction: its part of <see cref="TetherLimits.Budget"/>.</summary>
    public int Window { get => _channel.Window; set => _channel.Window = value; }

    /// <summary>Bytes that it holds, and that travel with it.</summary>
    public int Held => _channel.Held;

    /// <summary>There is a link to the handler's node.</summary>
    public void Attach() => _channel.Attach();

    /// <summary>The link is lost.</summary>
    public void Detach() => _channel.Detach();

    /// <summary>What the handler's end says. <see cref="Pump"/> then.</summary>
    /// <returns><c>false</c>: it makes no sense, or the handler's node does not know the tether; the request cannot be completed.</returns>
    public bool OnMessage(TetherMessage message) => message switch
    {
        TetherAttach attach => _channel.OnAttach(attach.Received, attach.Limit, mustAnswer: false),
        TetherAck ack => _channel.OnAck(ack.Received, ack.Limit),
        TetherData data => _channel.OnData(data.Offset, data.Bytes.Span, data.IsLast),
        // Who has said all that there was has forgotten it.
        _ => _channel.HasAll,
    };

    /// <summary>The client gave the request up, or nobody can complete it: the handler is told.</summary>
    public void Abandon(Http3ErrorCode code)
    {
        if (!_isOver)
        {
            (_isOver, _reset) = (true, (ulong)code);
            _changes++;
        }
    }

    /// <summary>Moves bytes both ways, as far as there is room. The session may have events then.</summary>
    public void Pump(Http3Session session)
    {
        ReadRequest(session);
        bool isSound = WriteResponse(session);
        if (!isSound)
        {
            Abandon(Http3ErrorCode.InternalError);
            session.Abort(Id, Http3ErrorCode.InternalError);
        }
    }

    /// <summary>The next message for the handler's node, if there is one that may be sent now.</summary>
    public bool TryTake([NotNullWhen(true)] out TetherMessage? message)
    {
        if (_reset is ulong code && _channel.IsAttached)
        {
            _reset = null;
            message = new TetherReset(Number, code);
            return true;
        }

        return _channel.TryTake(Number, out message);
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Id.Value);
        writer.WriteNumber(Number);
        Origin.Export(writer);
        writer.WriteInstant(Deadline);
        writer.WriteBool(_isRequestRead);
        writer.WriteNumber((ulong)_body.Left);
        _channel.Export(writer);
    }

    public static Tether Import(SnapshotReader reader)
    {
        StreamId id = new(reader.ReadNumber(VarInt.MaxValue));
        (ulong number, TetherOrigin origin, Instant deadline) = (reader.ReadNumber(VarInt.MaxValue), TetherOrigin.Import(reader), reader.ReadInstant());
        bool isRequestRead = reader.ReadBool();
        TetherRecord body = new(TetherRecordKind.Data, (int)reader.ReadNumber(TetherLimits.MaxData));
        Tether tether = new(id, number, origin, deadline, TetherChannel.Import(reader)) { _isRequestRead = isRequestRead, _body = body };
        reader.End();
        return id.IsBidirectional && !id.IsServerInitiated && !deadline.IsNever
            ? tether : throw new SnapshotException("a tether on what is no request, or without an end");
    }

    private void ReadRequest(Http3Session session)
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (!_isRequestRead && !_isOver && _channel.Room > TetherRecord.MaxHead)
        {
            RequestStream? request = session.Requests.GetValueOrDefault(Id);
            int room = int.Min(buffer.Length, _channel.Room - TetherRecord.MaxHead);
            switch (session.Read(Id, buffer[..room], out int count))
            {
                case ReadOutcome.Data:
                    TetherRecord.WriteData(_channel, buffer[..count]);
                    break;

                // One that was read to its end before is no longer known.
                case ReadOutcome.End:
                case ReadOutcome.Aborted when !session.HasEvents:
                    _isRequestRead = true;
                    TetherRecord.WriteEnd(_channel, request?.Trailers);
                    break;

                default:
                    return;
            }
        }
    }

    private bool WriteResponse(Http3Session session)
    {
        // A request that was given up in this moment is told so by an event.
        while (!_isOver && session.CanWrite(Id))
        {
            if (_body.Left > 0)
            {
                int count = int.Min(_body.Left, _channel.Received.Length);
                int written = count > 0 ? session.Write(Id, _channel.Received[..count]) : 0;
                if (written == 0)
                {
                    return true;
                }

                _channel.Consume(written);
                _body = _body with { Left = _body.Left - written };
                continue;
            }

            if (!TetherRecord.TryRead(_channel, out TetherRecord record, out bool isSound))
            {
                return isSound;
            }

            switch (record.Kind)
            {
                case TetherRecordKind.Data when session.BodyLeft(Id) < 0 || session.BodyLeft(Id) >= record.Left:
                    _body = record;
                    break;

                case TetherRecordKind.Head when record.TryTakeHead(_channel, out ResponseHead? head) && TryRespond(session, head!):
                    break;

                case TetherRecordKind.End when record.TryTakeTrailers(_channel, out FieldSection? trailers):
                    _isOver = true;
                    _changes++;
                    session.TryFinish(Id, trailers);
                    break;

                default:
                    return false;
            }
        }

        return true;
    }

    private bool TryRespond(Http3Session session, ResponseHead head)
    {
        try
        {
            return session.Respond(Id, head);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }
}
