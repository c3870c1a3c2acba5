using System.Buffers;
using System.IO.Pipelines;
using Net.Http3.Messages;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;

namespace Net.Http3.Server;

/// <summary>One request and its response, as a component sees them.</summary>
/// <remarks>
/// One read and one other operation may run at a time. Buffers that are passed belong to the exchange until the operation ends.
/// Every operation throws <see cref="Http3RequestAbortedException"/> once the request is over.
/// </remarks>
public sealed class Http3Exchange
{
    private readonly ExchangeRunner _runner;
    private ExchangeBodyReader? _reader;
    private ExchangeBodyWriter? _writer;

    internal Http3Exchange(ExchangeRunner runner) => _runner = runner;

    /// <summary>Such as GET; case-sensitive.</summary>
    public string Method => Head.Method;

    /// <summary>Such as https; empty for CONNECT.</summary>
    public string Scheme => Head.Scheme;

    /// <summary>Host and port that the client asked for.</summary>
    public string Authority => Head.Authority;

    /// <summary>Path and query, as sent: percent-encoded; <c>*</c> for OPTIONS on the whole server; empty for CONNECT.</summary>
    public string Path => Head.Path;

    /// <summary>The request's fields, without pseudo-headers.</summary>
    public FieldSection Headers => Head.Headers;

    /// <summary>Bytes of the request's body, <c>null</c> when not announced.</summary>
    public long? ContentLength => Head.ContentLength >= 0 ? Head.ContentLength : null;

    /// <summary>Whether another node ran this exchange before, and this call is to go on from <see cref="SavedState"/> and the offsets.</summary>
    public bool IsResumed => _runner.State.IsResumed;

    /// <summary>What was saved last; empty when nothing was. Valid until the next <c>SaveState</c>.</summary>
    public ReadOnlyMemory<byte> SavedState => _runner.State.SavedState;

    /// <summary>Whether the response's head was sent, perhaps by an earlier call on another node.</summary>
    public bool ResponseStarted => _runner.State.HasResponded;

    /// <summary>Body bytes of the request that were read, or consumed from <see cref="BodyReader"/>, since the request began, on whatever node.</summary>
    public long RequestOffset => _runner.State.RequestOffset - _runner.State.Unread.Length;

    /// <summary>Body bytes of the response that the transport has taken since the response began, on whatever node: they will arrive.</summary>
    public long ResponseOffset => _runner.State.ResponseOffset;

    /// <summary>The request's body as a pipe. What was read and not consumed, at most 1 MiB, is there again after a move.</summary>
    public PipeReader BodyReader => _reader ??= new(_runner);

    /// <summary>
    /// The response's body as a pipe, after <see cref="RespondAsync(int, ReadOnlySpan{Field})"/>. What was written counts from its flush on; the rest
    /// is flushed when the handler ends.
    /// </summary>
    public PipeWriter BodyWriter => _writer ??= new(this);

    /// <summary>
    /// Whether this may be a copy of a request that somebody recorded: it came in 0-RTT, and the connection's handshake is not complete yet
    /// (RFC 8470). Only requests of safe methods are handled then; one that must not run twice may still be answered 425 (Too Early).
    /// </summary>
    public bool IsEarlyData => _runner.IsEarlyData;

    /// <summary>Fields that the client sent behind the request's body; <c>null</c> before its end has come, and when there are none.</summary>
    public FieldSection? RequestTrailers => _runner.State.RequestTrailers;

    /// <summary>The component and this request's connection are on another node by now; the request and the response are used as before.</summary>
    public bool IsTethered => _runner.IsTethered;

    internal ConnectionPeer Peer => _runner.Peer;

    internal RequestHead RequestHead => Head;

    private RequestHead Head => _runner.State.Head;

    /// <summary>
    /// Enters the state of a component whose handlers may stay behind when it moves (<see cref="ITetheredComponent"/>). Waits while a move is being
    /// decided; a move waits until everybody has left.
    /// </summary>
    /// <returns>To be disposed of as soon as possible, and before anything else of this exchange is awaited.</returns>
    /// <exception cref="ComponentMovedException">The component has moved, and its state with it.</exception>
    /// <exception cref="Http3RequestAbortedException">The state has gone back to a checkpoint, and this request has seen what was discarded.</exception>
    public ValueTask<StateLease> EnterStateAsync() => _runner.EnterStateAsync();

    /// <summary>Reads from the request's body. If the client waits for 100 (Continue), the first read that has to wait sends it.</summary>
    /// <param name="buffer">At least one byte.</param>
    /// <returns>Bytes read; 0 at the end of the body.</returns>
    /// <exception cref="Http3RequestAbortedException">The request is over.</exception>
    /// <exception cref="ArgumentException">The buffer is empty.</exception>
    /// <exception cref="InvalidOperationException">Another read is still running.</exception>
    public ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            throw new ArgumentException("a read needs room for at least one byte", nameof(buffer));
        }

        int kept = ExchangeBodyReader.TakeUnread(_runner, buffer.Span);
        return kept > 0 ? new(kept) : _runner.ReadOperation.Read(buffer);
    }

    /// <summary>Sends the response's head.</summary>
    /// <param name="status">200 to 999.</param>
    /// <param name="headers">Lower-case names. With <c>content-length</c>, exactly that many bytes must follow.</param>
    /// <exception cref="ArgumentException">A field or the status is malformed, or the client does not take that many fields.</exception>
    /// <exception cref="InvalidOperationException">The response was started before.</exception>
    /// <exception cref="Http3RequestAbortedException">The request is over.</exception>
    public ValueTask RespondAsync(int status, params ReadOnlySpan<Field> headers) => RespondAsync(status, new FieldSection(headers));

    /// <inheritdoc cref="RespondAsync(int, ReadOnlySpan{Field})"/>
    public ValueTask RespondAsync(int status, FieldSection headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 200);
        return _runner.WriteOperation.Do(Sessions.OperationKind.Respond, new ResponseHead(status, headers));
    }

    /// <summary>
    /// Sends an interim response: such as 103 (Early Hints, RFC 8297), so that the client can fetch what the response will need, or 102. 100 (Continue)
    /// is sent by itself when the content is read.
    /// </summary>
    /// <param name="status">100 to 199, but not 101.</param>
    /// <param name="headers">Lower-case names; no <c>content-length</c>.</param>
    /// <exception cref="ArgumentException">A field or the status is malformed, or the client does not take that many fields.</exception>
    /// <exception cref="InvalidOperationException">The response was started before, or this would be the 65th interim response.</exception>
    /// <exception cref="Http3RequestAbortedException">The request is over.</exception>
    public ValueTask RespondInterimAsync(int status, params ReadOnlySpan<Field> headers)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 199);
        return _runner.WriteOperation.Do(Sessions.OperationKind.Inform, new ResponseHead(status, new(headers)));
    }

    /// <summary>
    /// Fields that are sent behind the response's body, when the handler has ended. They replace those of an earlier call, also of one on another node, and
    /// count from the next awaited operation on. Responses that end with their head (to HEAD, 204, 304) drop them. A response whose client does not
    /// take that many is reset with H3_INTERNAL_ERROR.
    /// </summary>
    /// <param name="trailers">Lower-case names, without pseudo-headers; at most 64 KiB as RFC 9114, section 4.2.2 counts.</param>
    /// <exception cref="ArgumentException">A field is malformed, or there are too many.</exception>
    public void SetTrailers(params ReadOnlySpan<Field> trailers)
    {
        FieldSection section = new(trailers);
        if (FieldRules.CheckTrailers(section) is { IsError: true } error)
        {
            throw new ArgumentException(error.Reason, nameof(trailers));
        }

        if (section.Size > Http3Limits.MaxFieldSectionSize)
        {
            throw new ArgumentException("more trailers than a message may have", nameof(trailers));
        }

        _runner.State.SetTrailers(section);
    }

    /// <summary>Sends bytes of the response's body; ends when the transport has taken all. The answer to HEAD discards them.</summary>
    /// <param name="data">Any number of bytes.</param>
    /// <exception cref="InvalidOperationException">
    /// Before <see cref="RespondAsync(int, ReadOnlySpan{Field})"/>, beyond the announced content-length, or for a status without a body.
    /// </exception>
    /// <exception cref="Http3RequestAbortedException">The request is over.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data) => _writer is { UnflushedBytes: > 0 } ? WriteBehindAsync(data) : SendAsync(data);

    /// <summary>Waits. After a move, the first wait lasts no longer than what was left of the one that the move interrupted.</summary>
    /// <param name="delay">0 or more, in the connection's own time.</param>
    /// <exception cref="Http3RequestAbortedException">The request is over.</exception>
    public ValueTask DelayAsync(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        return _runner.WriteOperation.Wait(delay);
    }

    /// <summary>Keeps bytes that a call on another node would need to go on. They count from the next awaited operation on.</summary>
    /// <param name="state">Replaces what was saved before; at most 1 MiB.</param>
    /// <exception cref="ArgumentException">More than 1 MiB.</exception>
    public void SaveState(ReadOnlySpan<byte> state)
    {
        if (state.Length > Http3Limits.MaxSavedState)
        {
            throw new ArgumentException("more state than an exchange may save", nameof(state));
        }

        _runner.State.Save(state);
    }

    /// <inheritdoc cref="SaveState(ReadOnlySpan{byte})"/>
    public void SaveState(Action<IBufferWriter<byte>> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArrayBufferWriter<byte> writer = new();
        state(writer);
        SaveState(writer.WrittenSpan);
    }

    /// <summary>Past the pipe.</summary>
    internal ValueTask SendAsync(ReadOnlyMemory<byte> data) => _runner.WriteOperation.Write(data);

    /// <summary>The handler has ended.</summary>
    internal ValueTask FlushRestAsync() => _writer?.FlushRestAsync() ?? default;

    private async ValueTask WriteBehindAsync(ReadOnlyMemory<byte> data)
    {
        await _writer!.FlushRestAsync().ConfigureAwait(false);
        await SendAsync(data).ConfigureAwait(false);
    }
}
