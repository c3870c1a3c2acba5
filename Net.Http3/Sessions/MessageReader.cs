using System.Buffers;
using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

internal enum ReadStep
{
    /// <summary>Nothing more until bytes arrive.</summary>
    Wait,

    /// <summary>A head was decoded: the caller validates it and says what follows.</summary>
    Head,

    /// <summary>Body bytes are there to be taken.</summary>
    Data,

    /// <summary>The message is complete.</summary>
    End,

    /// <summary>A head larger than we take; the stream cannot be read on.</summary>
    TooLarge,

    /// <summary>The peer broke a rule.</summary>
    Failed,
}

internal enum ReadPhase
{
    /// <summary>Before the (final) head. DATA is not permitted.</summary>
    Head,

    /// <summary>Behind it: DATA, or HEADERS as trailers.</summary>
    Body,

    /// <summary>Behind the trailers: only unknown frames are permitted.</summary>
    Trailers,

    /// <summary>All was read.</summary>
    Ended,

    /// <summary>Reset by the peer, or no longer wanted by us.</summary>
    Closed,
}

/// <summary>Takes one message apart: HEADERS, DATA, HEADERS as trailers, with unknown frames anywhere (RFC 9114, section 4.1).</summary>
/// <remarks>
/// Frame heads and HEADERS payloads are collected here, so that they may be cut anywhere. Body bytes stay in the transport until
/// somebody reads them: that is the back-pressure.
/// </remarks>
internal sealed class MessageReader
{
    /// <summary>Instead of a length: bytes of a tunnel, behind which nothing else comes (RFC 9114, section 4.4).</summary>
    public const long Tunnel = -2;

    private FrameHead _frame;
    private byte[] _payload = [];
    private int _collected;
    private long _contentLength = -1;
    private bool _hasNoBody;
    private int _idleFrames, _interimResponses;

    public ReadPhase Phase { get; private set; }

    /// <summary>Body bytes taken so far.</summary>
    public long BodyReceived { get; private set; }

    public bool IsOver => Phase is ReadPhase.Ended or ReadPhase.Closed;

    /// <summary>Reads on until something is there that the caller must deal with.</summary>
    public ReadStep Advance(IStreamTransport transport, StreamId id, QpackDecoder qpack, out FieldSection? fields, out Http3Error error)
    {
        fields = null;
        error = Http3Error.None;
        while (true)
        {
            if (IsOver)
            {
                return Phase == ReadPhase.Ended ? ReadStep.End : ReadStep.Wait;
            }

            ReadOnlySpan<byte> input = transport.Peek(id);
            if (!_frame.InFrame)
            {
                if (input.IsEmpty)
                {
                    return AtEnd(transport, id, out error);
                }

                transport.Consume(id, _frame.Read(input));
                if (!_frame.InFrame)
                {
                    continue;
                }

                if (transport.IsObserved && _frame.Type != Http3FrameType.Headers)
                {
                    transport.Tell(new FrameTrace(IsCreated: false, id, _frame.Type, _frame.Remaining));
                }

                error = OnFrame(transport.IsServer);
                if (error.IsError)
                {
                    return ReadStep.Failed;
                }

                if (_frame.Type == Http3FrameType.Headers && _frame.Remaining > Http3Limits.MaxHeadersPayload)
                {
                    return TooLarge(out error);
                }

                continue;
            }

            if (_frame.Remaining == 0 && _frame.Type != Http3FrameType.Headers)
            {
                _frame.Leave();
                continue;
            }

            if (_frame.Remaining > 0 && input.IsEmpty)
            {
                return AtEnd(transport, id, out error);
            }

            switch (_frame.Type)
            {
                case Http3FrameType.Data:
                    return ReadStep.Data;

                case Http3FrameType.Headers:
                    if (!TryCollect(transport, id, input, qpack, out ReadStep step, out FieldSection? collected, out error))
                    {
                        // Trailers are given together with whatever follows them.
                        fields = collected;
                        continue;
                    }

                    fields = collected;

                    return step;

                default:
                    int skipped = (int)ulong.Min(_frame.Remaining, (ulong)input.Length);
                    transport.Consume(id, skipped);
                    _frame.Take(skipped);
                    break;
            }
        }
    }

    /// <summary>Copies body bytes out of the transport, after <see cref="Advance"/> has said <see cref="ReadStep.Data"/>.</summary>
    public int Take(IStreamTransport transport, StreamId id, Span<byte> destination)
    {
        ReadOnlySpan<byte> input = transport.Peek(id);
        int count = (int)ulong.Min(_frame.Remaining, (ulong)int.Min(input.Length, destination.Length));
        input[..count].CopyTo(destination);
        transport.Consume(id, count);
        _frame.Take(count);
        BodyReceived += count;
        return count;
    }

    /// <summary>The final head was valid: the body follows.</summary>
    /// <param name="contentLength">Bytes that were announced, -1 for none, or <see cref="Tunnel"/>.</param>
    /// <param name="hasNoBody">There is none, whatever was announced.</param>
    public void OnHead(long contentLength, bool hasNoBody) =>
        (Phase, _contentLength, _hasNoBody) = (ReadPhase.Body, hasNoBody ? -1 : contentLength, hasNoBody);

    /// <summary>An interim response (RFC 9110, section 15.2): another head follows.</summary>
    public Http3Error OnInterim() => ++_interimResponses > Http3Limits.MaxInterimResponses
        ? Http3Error.Connection(Http3ErrorCode.ExcessiveLoad, "too many interim responses")
        : Http3Error.None;

    /// <summary>Nothing more will be read.</summary>
    public void Close()
    {
        Phase = Phase == ReadPhase.Ended ? Phase : ReadPhase.Closed;
        _frame = default;
        (_payload, _collected) = ([], 0);
    }

    public void Export(SnapshotWriter writer)
    {
        _frame.Export(writer);
        writer.WriteBytes(_payload.AsSpan(0, _collected));
        writer.WriteNumber((ulong)Phase);
        writer.WriteSigned(_contentLength);
        writer.WriteSigned(BodyReceived);
        writer.WriteBool(_hasNoBody);
        writer.WriteNumber((ulong)_idleFrames);
        writer.WriteNumber((ulong)_interimResponses);
    }

    /// <exception cref="SnapshotException">The fields contradict each other.</exception>
    public static MessageReader Import(SnapshotReader reader)
    {
        MessageReader message = new() { _frame = FrameHead.Import(reader), _payload = reader.ReadBytes().ToArray() };
        message._collected = message._payload.Length;
        message.Phase = (ReadPhase)reader.ReadNumber((ulong)ReadPhase.Closed);
        message._contentLength = reader.ReadSigned();
        message.BodyReceived = reader.ReadSigned();
        message._hasNoBody = reader.ReadBool();
        message._idleFrames = (int)reader.ReadNumber(Http3Limits.MaxIdleFrames);
        message._interimResponses = (int)reader.ReadNumber(Http3Limits.MaxInterimResponses);

        bool inHeaders = message._frame.InFrame && message._frame.Type == Http3FrameType.Headers;
        ulong headers = message._frame.Remaining + (ulong)message._collected;
        bool sound = message._contentLength >= Tunnel && message.BodyReceived >= 0
            && (message._contentLength < 0 || message.BodyReceived <= message._contentLength)
            && (inHeaders ? headers <= Http3Limits.MaxHeadersPayload : message._collected == 0);
        return sound ? message : throw new SnapshotException("a half-read message contradicts itself");
    }

    /// <summary>What a frame's head alone permits to judge.</summary>
    private Http3Error OnFrame(bool isServer)
    {
        switch (_frame.Type)
        {
            case Http3FrameType.Data when Phase != ReadPhase.Body:
            case Http3FrameType.Headers when Phase == ReadPhase.Trailers || _contentLength == Tunnel:
                return Unexpected("DATA or HEADERS out of order");

            case Http3FrameType.Data:
                bool tooLong = _hasNoBody || (_contentLength >= 0 && _frame.Remaining > (ulong)(_contentLength - BodyReceived));
                if (_frame.Remaining == 0)
                {
                    return CountIdle();
                }

                _idleFrames = 0;
                return tooLong ? Http3Error.Message("more body than content-length") : Http3Error.None;

            case Http3FrameType.Headers:
                return Http3Error.None;

            // No push was ever permitted, so no push ID is in range (section 7.2.5).
            case Http3FrameType.PushPromise when !isServer:
                return Http3Error.Connection(Http3ErrorCode.IdError, "a push that was not permitted");

            case Http3FrameType.PushPromise:
            case Http3FrameType.Settings:
            case Http3FrameType.CancelPush:
            case Http3FrameType.GoAway:
            case Http3FrameType.MaxPushId:
            case Http3FrameType.PriorityUpdate:
            case Http3FrameType.PriorityUpdatePush:
                return Unexpected("a frame that does not belong on a request stream");

            default:
                return _frame.Type.IsForbidden() ? Unexpected("a frame of HTTP/2") : CountIdle();
        }
    }

    private Http3Error CountIdle() => ++_idleFrames > Http3Limits.MaxIdleFrames
        ? Http3Error.Connection(Http3ErrorCode.ExcessiveLoad, "too many frames that carry nothing")
        : Http3Error.None;

    private static Http3Error Unexpected(string reason) => Http3Error.Connection(Http3ErrorCode.FrameUnexpected, reason);

    /// <summary>All that has arrived was consumed: is that the end, and may it be?</summary>
    private ReadStep AtEnd(IStreamTransport transport, StreamId id, out Http3Error error)
    {
        error = Http3Error.None;
        if (transport.ReadState(id) != StreamEnd.Finished)
        {
            return ReadStep.Wait;
        }

        if (!_frame.IsAtBoundary)
        {
            error = Http3Error.Connection(Http3ErrorCode.FrameError, "a stream ends inside a frame");
        }
        else if (Phase == ReadPhase.Head)
        {
            error = transport.IsServer
                ? Http3Error.Stream(Http3ErrorCode.RequestIncomplete, "a stream ends before a request")
                : Http3Error.Message("a stream ends before a response");
        }
        else if (_contentLength >= 0 && BodyReceived != _contentLength)
        {
            error = Http3Error.Message("less body than content-length");
        }
        else
        {
            Phase = ReadPhase.Ended;
            return ReadStep.End;
        }

        return ReadStep.Failed;
    }

    /// <summary>Collects a HEADERS payload; one that lies there in one piece is decoded where it lies.</summary>
    /// <returns>Whether <paramref name="step"/> is for the caller.</returns>
    private bool TryCollect(
        IStreamTransport transport, StreamId id, ReadOnlySpan<byte> input, QpackDecoder qpack,
        out ReadStep step, out FieldSection? fields, out Http3Error error)
    {
        step = ReadStep.Wait;
        fields = null;
        error = Http3Error.None;
        int count = (int)ulong.Min(_frame.Remaining, (ulong)input.Length);
        bool whole = _collected == 0 && (ulong)count == _frame.Remaining;
        if (!whole)
        {
            if (_payload.Length < _collected + count)
            {
                // Grows with what has really arrived, never with what a length field announces.
                Array.Resize(ref _payload, int.Max(_collected + count, int.Min(2 * _payload.Length, Http3Limits.MaxHeadersPayload)));
            }

            input[..count].CopyTo(_payload.AsSpan(_collected));
            _collected += count;
            transport.Consume(id, count);
            _frame.Take(count);
            if (_frame.Remaining > 0)
            {
                return false;
            }
        }

        FieldSection decoded = new();
        SectionResult result = qpack.Decode(id.Value, whole ? input[..count] : _payload.AsSpan(0, _collected), decoded, out error);
        if (result == SectionResult.Blocked && whole)
        {
            // Kept, still as the payload of a frame that was not left: the next call tries again.
            (_payload, _collected) = (input[..count].ToArray(), count);
            _frame.Take(count);
        }

        if (whole)
        {
            transport.Consume(id, count);
        }

        if (result == SectionResult.Blocked)
        {
            return true;
        }

        if (transport.IsObserved && result is not (SectionResult.Failed or SectionResult.TooLarge))
        {
            transport.Tell(new FrameTrace(IsCreated: false, id, Http3FrameType.Headers, (ulong)(whole ? count : _collected)) { Fields = decoded });
        }

        _frame.Leave();
        (_payload, _collected) = ([], 0);
        if (result == SectionResult.Failed)
        {
            step = ReadStep.Failed;
            return true;
        }

        if (result == SectionResult.TooLarge)
        {
            step = TooLarge(out error);
            return true;
        }

        if (Phase == ReadPhase.Head)
        {
            (step, fields) = (ReadStep.Head, decoded);
            return true;
        }

        Phase = ReadPhase.Trailers;
        error = FieldRules.CheckTrailers(decoded);
        fields = error.IsError ? null : decoded;
        step = ReadStep.Failed;
        return error.IsError;
    }

    private ReadStep TooLarge(out Http3Error error)
    {
        error = Http3Error.Stream(Http3ErrorCode.ExcessiveLoad, "a field section larger than announced in SETTINGS");
        // A request's head is answered with 431; for trailers it is too late.
        return Phase == ReadPhase.Head ? ReadStep.TooLarge : ReadStep.Failed;
    }
}
