using System.Text;
using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>A unidirectional stream of the peer: its type, and as much of its current frame or instruction as has arrived.</summary>
internal sealed class UnidirectionalStream(StreamId id) : IPart<UnidirectionalStream>
{
    // The type while it is incomplete, then a control frame's payload.
    private byte[] _collected = [];
    private bool _hasType;
    private Http3StreamType _type;
    private FrameHead _frame;

    public static ulong Section => SectionNumber.Http3UnidirectionalStream;

    public StreamId Id => id;

    public ulong Changes { get; private set; }

    /// <summary>Closing or resetting it ends the connection (RFC 9114, section 6.2.1; RFC 9204, section 4.2).</summary>
    public bool IsCritical => _hasType && _type != Http3StreamType.Push && _type <= Http3StreamType.QpackDecoder;

    /// <summary>Of a type that we do not know: we have asked the peer to stop, and drop what still comes.</summary>
    public bool IsUnknown => _hasType && _type > Http3StreamType.QpackDecoder;

    /// <summary>Reads all that has arrived.</summary>
    public Http3Error Receive(IStreamTransport transport, ConnectionState state, QpackEncoder encoder, QpackDecoder decoder, Priorities priorities)
    {
        while (true)
        {
            ReadOnlySpan<byte> input = transport.Peek(Id);
            if (input.IsEmpty)
            {
                // A stream that ends inside its type was never anything (section 6.2): no error.
                return transport.ReadState(Id) == StreamEnd.Open || !IsCritical ? Http3Error.None : Closed();
            }

            Changes++;
            int taken = input.Length;
            Http3Error error = Http3Error.None;
            if (!_hasType)
            {
                taken = ReadType(input);
                error = _hasType ? OnType(transport, state) : error;
            }
            else if (_type == Http3StreamType.Control)
            {
                taken = ReadControl(input, transport, state, priorities, out error);
            }
            else if (_type == Http3StreamType.QpackEncoder)
            {
                error = decoder.OnEncoderStream(input);
            }
            else if (_type == Http3StreamType.QpackDecoder)
            {
                error = encoder.OnDecoderStream(input);
            }

            if (error.IsError)
            {
                return error;
            }

            transport.Consume(Id, taken);
        }
    }

    public static Http3Error Closed() => Http3Error.Connection(Http3ErrorCode.ClosedCriticalStream, "a critical stream was closed");

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Id.Value);
        writer.WriteBytes(_collected);
        writer.WriteBool(_hasType);
        writer.WriteNumber((ulong)_type);
        _frame.Export(writer);
    }

    public static UnidirectionalStream Import(SnapshotReader reader)
    {
        UnidirectionalStream stream = new(new(reader.ReadNumber(VarInt.MaxValue)))
        {
            _collected = reader.ReadBytes().ToArray(),
            _hasType = reader.ReadBool(),
            _type = (Http3StreamType)reader.ReadNumber(VarInt.MaxValue),
            _frame = FrameHead.Import(reader),
        };
        reader.End();
        int limit = !stream._hasType ? sizeof(ulong) - 1
            : !stream._frame.InFrame ? 0
            : ControlFrames.MaxPayload(stream._frame.Type);
        bool sound = stream.Id.IsUnidirectional && stream._collected.Length <= limit
            && (stream._hasType || stream._type == default)
            && (stream._frame.IsAtBoundary || (stream._hasType && stream._type == Http3StreamType.Control))
            && (!stream._frame.InFrame || !ControlFrames.IsCollected(stream._frame.Type)
                || stream._frame.Remaining + (ulong)stream._collected.Length <= (ulong)limit);
        return sound ? stream : throw new SnapshotException("a unidirectional stream contradicts itself");
    }

    private int ReadType(ReadOnlySpan<byte> input)
    {
        int taken = 0;
        while (!_hasType && taken < input.Length)
        {
            _collected = [.. _collected, input[taken++]];
            ByteReader reader = new(_collected);
            if (reader.TryReadVarInt(out ulong type))
            {
                (_type, _hasType, _collected) = ((Http3StreamType)type, true, []);
            }
        }

        return taken;
    }

    private Http3Error OnType(IStreamTransport transport, ConnectionState state)
    {
        if (transport.IsObserved)
        {
            transport.Tell(new StreamTypeTrace(IsLocal: false, Id, _type));
        }

        switch (_type)
        {
            case Http3StreamType.Control when state.PeerControl is null:
                state.PeerControl = Id;
                return Http3Error.None;

            case Http3StreamType.QpackEncoder when state.PeerEncoder is null:
                state.PeerEncoder = Id;
                return Http3Error.None;

            case Http3StreamType.QpackDecoder when state.PeerDecoder is null:
                state.PeerDecoder = Id;
                return Http3Error.None;

            // A client cannot push (section 4.6); a server could, had we ever sent MAX_PUSH_ID.
            case Http3StreamType.Push when !state.IsServer:
                return Http3Error.Connection(Http3ErrorCode.IdError, "a push that was not permitted");

            case Http3StreamType.Push or Http3StreamType.Control or Http3StreamType.QpackEncoder or Http3StreamType.QpackDecoder:
                return Http3Error.Connection(Http3ErrorCode.StreamCreationError, "a critical stream comes twice, or a client pushes");

            default:
                transport.StopSending(Id, (ulong)Http3ErrorCode.StreamCreationError);
                return state.CountUnknownStream();
        }
    }

    private int ReadControl(ReadOnlySpan<byte> input, IStreamTransport transport, ConnectionState state, Priorities priorities, out Http3Error error)
    {
        error = Http3Error.None;
        if (!_frame.InFrame)
        {
            int head = _frame.Read(input);
            if (!_frame.InFrame)
            {
                return head;
            }

            error = ControlFrames.OnHead(state, _frame, out bool collect);
            if (transport.IsObserved && !collect)
            {
                transport.Tell(new FrameTrace(IsCreated: false, Id, _frame.Type, _frame.Remaining));
            }

            if (!error.IsError && _frame.Remaining == 0)
            {
                error = Leave(transport, state, priorities, collect);
            }

            return head;
        }

        int taken = (int)ulong.Min(_frame.Remaining, (ulong)input.Length);
        bool collected = ControlFrames.IsCollected(_frame.Type);
        if (collected)
        {
            _collected = [.. _collected, .. input[..taken]];
        }

        _frame.Take(taken);
        if (_frame.Remaining == 0)
        {
            error = Leave(transport, state, priorities, collected);
        }

        return taken;
    }

    private Http3Error Leave(IStreamTransport transport, ConnectionState state, Priorities priorities, bool collected)
    {
        Http3FrameType type = _frame.Type;
        byte[] payload = _collected;
        _frame.Leave();
        _collected = [];
        Http3Error error = collected ? ControlFrames.OnFrame(state, transport, priorities, type, payload) : Http3Error.None;
        if (transport.IsObserved && collected && !error.IsError)
        {
            Tell(transport, state, type, payload);
        }

        return error;
    }

    private void Tell(IStreamTransport transport, ConnectionState state, Http3FrameType type, ReadOnlySpan<byte> payload)
    {
        FrameTrace frame = new(IsCreated: false, Id, type, (ulong)payload.Length);
        if (type == Http3FrameType.Settings)
        {
            transport.Tell(frame with { Settings = state.PeerSettings });
            transport.Tell(new ParametersTrace(IsLocal: false, state.PeerSettings));
            return;
        }

        ByteReader reader = new(payload);
        _ = reader.TryReadVarInt(out ulong value);
        string? priority = type == Http3FrameType.PriorityUpdate ? Encoding.Latin1.GetString(reader.Rest) : null;
        transport.Tell(frame with { Value = value, Priority = priority });
    }
}
