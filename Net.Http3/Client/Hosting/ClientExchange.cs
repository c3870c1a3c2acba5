using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Client.Hosting;

/// <summary>One request of a client, and its response. Sending and receiving are independent: a duplex exchange awaits both at once.</summary>
/// <remarks>Every operation throws <see cref="Http3RequestAbortedException"/> once the request is over.</remarks>
internal sealed class ClientExchange : IOperationOwner
{
    private readonly ClientConnection _connection;
    private readonly ExchangeOperation _read;
    private readonly ExchangeOperation _write;
    private readonly TaskCompletionSource _continue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (RequestHead Head, bool HasBody, bool Waits)? _request;
    private bool _isStopped;

    public ClientExchange(ClientConnection connection)
    {
        _connection = connection;
        _read = new(this, connection.Inline);
        _write = new(this, connection.Inline);
    }

    /// <summary>The stream, once <see cref="SendAsync"/> has ended.</summary>
    public StreamId Id { get; private set; }

    /// <summary>A stream carries the request.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Why the request was over before its end; <c>null</c> while it is not, and when the connection's thread has ended.</summary>
    public ExchangeFailure? Failure { get; private set; }

    /// <summary>Ends with 100 (Continue), with the final head, and with the request (RFC 9110, section 10.1.1).</summary>
    public Task Continue => _continue.Task;

    /// <summary>What stood behind the response's body, once a read has returned 0.</summary>
    public FieldSection? Trailers { get; private set; }

    /// <summary>Set once <see cref="ReadHeadAsync"/> has ended.</summary>
    public ResponseHead? Response { get; private set; }

    /// <summary>Body bytes that were read.</summary>
    public long Received { get; private set; }

    public IShardQueue Queue => _connection.Queue;

    /// <summary>Sends the head; waits while the handshake runs or the peer permits no more requests.</summary>
    /// <param name="head">Pseudo-headers and headers.</param>
    /// <param name="hasBody">Whether <see cref="FinishAsync"/> will end the request.</param>
    /// <param name="waits"><c>false</c>: when the peer permits no more requests now, ends with <see cref="IsOpen"/> <c>false</c>.</param>
    /// <exception cref="ArgumentException">The head is malformed, or larger than the peer takes.</exception>
    public ValueTask SendAsync(RequestHead head, bool hasBody, bool waits = true) => _write.Do(OperationKind.Open, (head, hasBody, waits));

    /// <summary>Sends body bytes; ends when the transport has taken all. What a server no longer wants is dropped.</summary>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data) => _write.Write(data);

    /// <summary>Ends the request's body.</summary>
    public ValueTask FinishAsync() => _write.Do(OperationKind.Finish, null);

    /// <summary>Waits for the final response's head: <see cref="Response"/>.</summary>
    public ValueTask ReadHeadAsync() => _read.Do(OperationKind.ReadHead, null);

    /// <summary>Reads from the response's body, after its head; 0 = end.</summary>
    public ValueTask<int> ReadAsync(Memory<byte> buffer) => _read.Read(buffer);

    /// <summary>Gives the request up, from any thread.</summary>
    public void Cancel() => Queue.Post(new CancelWork(this));

    /// <summary>Changes what the request matters beside others of its connection (RFC 9218, section 7), from any thread.</summary>
    public void Prioritize(Priority priority) => Queue.Post(new PriorityWork(this, priority));

    /// <summary>The request is over.</summary>
    public void Abort(ExchangeFailure failure)
    {
        Failure ??= failure;
        _continue.TrySetResult();
        foreach (ExchangeOperation operation in (ReadOnlySpan<ExchangeOperation>)[_read, _write])
        {
            if (operation.IsPending)
            {
                operation.Fail(new Http3RequestAbortedException(Failure.Code));
            }
        }
    }

    /// <summary>An interim response has come.</summary>
    public void OnInterim(int status)
    {
        if (status == 100)
        {
            _continue.TrySetResult();
        }
    }

    /// <summary>The request may go out in 0-RTT: a copy of it does no harm (RFC 8470, section 4), and it has no body that could not be sent again.</summary>
    public bool MayBeEarly => _request is { Head.IsSafe: true, HasBody: false };

    /// <summary>It went out before the handshake was complete.</summary>
    public bool IsEarly { get; set; }

    /// <summary>Ends when the connection's handshake is complete, or the connection is over.</summary>
    public Task HandshakeCompletion => _connection.HandshakeCompletion;

    /// <summary>Opens the stream; <c>false</c> when none may be opened now. A head that cannot be sent fails the operation instead.</summary>
    public bool TryOpen(Http3Session session)
    {
        (RequestHead head, bool hasBody, bool waits) = _request!.Value;
        try
        {
            if (!session.TryOpenRequest(head, hasBody, out StreamId id))
            {
                if (!waits)
                {
                    _write.Complete(0);
                }

                return !waits;
            }

            (Id, IsOpen) = (id, true);
            _write.Complete(0);
        }
        catch (ArgumentException error)
        {
            _write.Fail(error);
        }

        return true;
    }

    public void OnReadable() => Retry(_read);

    public void OnWritable()
    {
        // STOP_SENDING with H3_NO_ERROR: the response is complete or on its way, the rest of the request is not wanted.
        _isStopped |= IsOpen && !_connection.Session.CanWrite(Id);
        Retry(_write);
    }

    public void Perform(ExchangeOperation operation, Instant now)
    {
        if (Failure is ExchangeFailure failure)
        {
            operation.Fail(new Http3RequestAbortedException(failure.Code));
            return;
        }

        try
        {
            Perform(operation);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException && operation.IsPending)
        {
            operation.Fail(error);
        }

        _connection.Pump();
    }

    private void Perform(ExchangeOperation operation)
    {
        Http3Session session = _connection.Session;
        if (!IsOpen && operation.Kind != OperationKind.Open)
        {
            throw new InvalidOperationException("a request begins with its head");
        }

        switch (operation.Kind)
        {
            case OperationKind.Open:
                _request = ((RequestHead, bool, bool))operation.Argument!;
                _connection.Open(this);
                break;

            case OperationKind.Write:
                Write(session, operation);
                break;

            case OperationKind.Finish:
                // A body shorter than announced was aborted, and the event of that fails the operation.
                if (session.TryFinish(Id))
                {
                    operation.Complete(0);
                }

                break;

            case OperationKind.ReadHead:
                if (session.TakeResponse(Id) is ResponseHead head)
                {
                    Response = head;
                    _continue.TrySetResult();
                    operation.Complete(0);
                }

                break;

            default:
                Read(session, operation);
                break;
        }
    }

    private void Write(Http3Session session, ExchangeOperation operation)
    {
        int left = operation.Data.Length - operation.Progress;
        if (!_isStopped && session.BodyLeft(Id) is long room and >= 0 && left > room && session.CanWrite(Id))
        {
            throw new InvalidOperationException("more body bytes than content-length");
        }

        while (left > 0 && session.CanWrite(Id))
        {
            int written = session.Write(Id, operation.Data.Span[operation.Progress..]);
            if (written == 0)
            {
                return;
            }

            operation.Progress += written;
            left -= written;
        }

        operation.Complete(0);
    }

    private void Read(Http3Session session, ExchangeOperation operation)
    {
        RequestStream? stream = session.Requests.GetValueOrDefault(Id);
        ReadOutcome outcome = session.Read(Id, operation.Buffer.Span, out int count);
        if (outcome is ReadOutcome.Data or ReadOutcome.End || (outcome == ReadOutcome.Aborted && !session.HasEvents))
        {
            // A response that was read to its end is no longer known: there is nothing more to read.
            Received += count;
            Trailers ??= stream?.Trailers;
            operation.Complete(count);
        }
    }

    private void Retry(ExchangeOperation operation)
    {
        if (operation.IsPending)
        {
            Perform(operation, default);
        }
    }

    private sealed class PriorityWork(ClientExchange exchange, Priority priority) : IShardWork
    {
        public void Run(Instant now)
        {
            if (exchange.IsOpen)
            {
                exchange._connection.Session.Prioritize(exchange.Id, priority);
            }
        }

        public void Abandon(Exception fault) { }
    }

    private sealed class CancelWork(ClientExchange exchange) : IShardWork
    {
        public void Run(Instant now)
        {
            if (exchange.IsOpen)
            {
                exchange._connection.Session.Abort(exchange.Id, Http3ErrorCode.RequestCancelled);
                exchange._connection.Pump();
            }

            exchange.Abort(new(FailureKind.Cancelled, Http3ErrorCode.RequestCancelled));
        }
    }
}
