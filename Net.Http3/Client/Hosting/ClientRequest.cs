using System.Net;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Wire;

namespace Net.Http3.Client.Hosting;

/// <summary>One request on a connection of a pool, from its head to the end of its response.</summary>
/// <remarks>
/// The request's body is sent beside the response's being read. The connection is given back when both are over, or when the response
/// is disposed, which cancels whatever is left of either.
/// </remarks>
#pragma warning disable CA1001 // A source without a timer and without links holds nothing, and may be cancelled from several threads at the end.
internal sealed class ClientRequest
#pragma warning restore CA1001
{
    /// <summary>Further attempts of a request that the server has not processed.</summary>
    private const int MaxRetries = 3;

    private const HttpStatusCode TooEarly = (HttpStatusCode)425;

    private const int ResponseOver = 1, BodyOver = 2, All = ResponseOver | BodyOver;

    /// <summary>How long the end of a response without a body is waited for: the time of SocketsHttpHandler's ResponseDrainTimeout.</summary>
    private static readonly TimeSpan s_drainTime = TimeSpan.FromSeconds(2);

    private readonly ConnectionPool _pool;
    private readonly PooledConnection _connection;
    private readonly ClientExchange _exchange;
    private readonly CancellationTokenSource _sending = new();
    private readonly TaskCompletionSource _unwanted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private HttpResponseMessage? _response;
    private Exception? _bodyFault;
    private bool _hasBegun, _isSent;
    private int _over;

    private ClientRequest(ConnectionPool pool, PooledConnection connection, ClientExchange exchange) =>
        (_pool, _connection, _exchange) = (pool, connection, exchange);

    /// <summary>Bytes in memory can be sent twice; of anything else nobody knows.</summary>
    public static bool IsRepeatable(HttpContent? content) => content is null or ByteArrayContent or ReadOnlyMemoryContent;

    /// <summary>Sends a request until its response's head is there; its body then is the response's content.</summary>
    /// <exception cref="HttpRequestException">As SocketsHttpHandler gives them.</exception>
    /// <exception cref="OperationCanceledException">With the caller's token.</exception>
    public static async Task<HttpResponseMessage> SendAsync(
        ConnectionPool pool, HttpRequestMessage message, RequestHead head, CancellationToken cancellationToken)
    {
        for (int retries = 0; ; retries++)
        {
            ClientExchange? exchange = null;
            ClientRequest? request = null;
            try
            {
                (PooledConnection connection, exchange) = await pool.OpenAsync(
                    message, head, attached => exchange = attached, cancellationToken).ConfigureAwait(false);
                request = new(pool, connection, exchange);
                HttpResponseMessage response = await request.RunAsync(message, cancellationToken).ConfigureAwait(false);
                if (response.StatusCode != TooEarly || !exchange.IsEarly || retries == MaxRetries)
                {
                    return response;
                }

                // The server does not want this request as one that may be a copy: once more, behind the handshake (RFC 8470, section 5.2).
                response.Dispose();
                await exchange.HandshakeCompletion.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (ArgumentException error)
            {
                throw new HttpRequestException($"The request cannot be sent over HTTP/3: {error.Message}", error);
            }
            catch (Http3RequestAbortedException error)
            {
                request?.Give(All);
                if (cancellationToken.IsCancellationRequested)
                {
                    throw new TaskCanceledException("The request was cancelled.", error, cancellationToken);
                }

                if (request?._bodyFault is Exception fault)
                {
                    // A content may have had a connection of its own, whose failure must not be taken for one of ours.
                    throw fault is HttpRequestException { HttpRequestError: HttpRequestError.Unknown }
                        ? fault : new HttpRequestException("The request's content could not be sent.", fault);
                }

                // Without a stream nothing was ever sent.
                bool isSafe = exchange?.Failure is { Kind: FailureKind.Refused } || exchange?.IsOpen == false;
                if (!isSafe || request?._hasBegun == true || retries == MaxRetries)
                {
                    HttpIOException cause = ExchangeFailure.ToException(exchange?.Failure, isCutShort: false, error);
                    throw new HttpRequestException(cause.HttpRequestError, cause.Message, cause);
                }
            }
        }
    }

    /// <summary>Reads from the response's body; 0 = end.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (buffer.IsEmpty || (Volatile.Read(ref _over) & ResponseOver) != 0)
        {
            return 0;
        }

        try
        {
            int count;
            using (cancellationToken.UnsafeRegister(static exchange => ((ClientExchange)exchange!).Cancel(), _exchange))
            {
                count = await _exchange.ReadAsync(buffer).ConfigureAwait(false);
            }

            if (count == 0)
            {
                ResponseFields.AddTrailers(_exchange.Trailers, _response!);
                Give(ResponseOver);
            }

            return count;
        }
        catch (Http3RequestAbortedException error)
        {
            Give(All);
            cancellationToken.ThrowIfCancellationRequested();
            if (_bodyFault is not null)
            {
                throw new IOException("The request's content could not be sent.", _bodyFault);
            }

            throw ExchangeFailure.ToException(_exchange.Failure, _exchange.Received < _exchange.Response?.ContentLength, error);
        }
    }

    /// <summary>Nothing more of the response is wanted: gives the request up, unless the response was read to its end.</summary>
    /// <remarks>
    /// A server may answer before it has the whole request (RFC 9114, section 4.1); whoever has buffered that answer has not asked for the rest of the
    /// request to be dropped. As with HTTP/2 in SocketsHttpHandler.
    /// </remarks>
    public void Abandon()
    {
        if ((Volatile.Read(ref _over) & ResponseOver) == 0)
        {
            _exchange.Cancel();
            Give(All);
        }
    }

    /// <summary>A response without a body is disposed: from now on, what ends its stream may be late, also when the request is still under way.</summary>
    /// <remarks>It is not given up at once: the end mostly follows on the head's heels, and servers count the requests that are given up.</remarks>
    public void OnEndUnwanted() => _unwanted.TrySetResult();

    private async Task<HttpResponseMessage> RunAsync(HttpRequestMessage message, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration =
            cancellationToken.UnsafeRegister(static request => ((ClientRequest)request!).Cancel(), this);
        Task sending = Task.CompletedTask;
        if (message.Content is HttpContent content)
        {
            sending = SendBodyAsync(content, message.Headers.ExpectContinue == true);
        }
        else
        {
            _isSent = true;
            Give(BodyOver);
        }

        await _exchange.ReadHeadAsync().ConfigureAwait(false);
        ResponseHead head = _exchange.Response!;
        bool hasNoBody = message.Method == HttpMethod.Head || ResponseHead.HasNoBody(head.Status);
        _response = ResponseFields.ToMessage(head, message, hasNoBody ? new NoResponseContent(this) : new ResponseContent(new ResponseBodyStream(this)));
        if (hasNoBody)
        {
            // What ends the stream is still to be read, and what else comes is a fault that nobody waits for.
            _ = DrainAsync(sending);
        }

        return _response;
    }

    private async Task SendBodyAsync(HttpContent content, bool expectsContinue)
    {
        try
        {
            if (expectsContinue && !await MayContinueAsync().ConfigureAwait(false))
            {
                // The final response instead of 100 (Continue): the body is not wanted (RFC 9110, section 10.1.1).
                return;
            }

            if (_exchange.Failure is not null)
            {
                return;
            }

            _hasBegun = !IsRepeatable(content);
            await content.CopyToAsync(new RequestBodyStream(_exchange), context: null, _sending.Token).ConfigureAwait(false);
            await _exchange.FinishAsync().ConfigureAwait(false);
            _isSent = true;
        }
        catch (Exception error)
        {
            // With a failure of the exchange, reading tells why.
            if (_exchange.Failure is null && !_sending.IsCancellationRequested)
            {
                _bodyFault = error;
                _exchange.Cancel();
            }
        }
        finally
        {
            Give(BodyOver);
        }
    }

    /// <returns><c>false</c> when the server has answered with an error instead of 100.</returns>
    private async Task<bool> MayContinueAsync()
    {
        try
        {
            await _exchange.Continue.WaitAsync(_pool.Settings.ContinueTimeout, _pool.Settings.TimeProvider, _sending.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return true;
        }

        return _exchange.Response is null or { Status: < 300 };
    }

    /// <summary>Waits for the end of a response without a body, and gives a server up that does not come to it.</summary>
    private async Task DrainAsync(Task sending)
    {
        Task end = ReadEndAsync();
        // A server may end its response with the request: as long as that is under way and the response is wanted, nothing is late.
        await Task.WhenAny(end, sending, _unwanted.Task).ConfigureAwait(false);
        try
        {
            await end.WaitAsync(s_drainTime, _pool.Settings.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Abandon();
        }
    }

    private async Task ReadEndAsync()
    {
        try
        {
            while (await ReadAsync(new byte[16], CancellationToken.None).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (IOException)
        {
            // The response itself was complete.
        }
    }

    private void Cancel()
    {
        _exchange.Cancel();
        _sending.Cancel();
    }

    /// <summary>A direction is over; with both, the connection goes back, once.</summary>
    private void Give(int parts)
    {
        int before = Interlocked.Or(ref _over, parts);
        if (before != All && (before | parts) == All)
        {
            if ((before & BodyOver) == 0 && parts == All)
            {
                _sending.Cancel();
            }

            if (!_isSent)
            {
                _exchange.Cancel();
            }

            _pool.Release(_connection);
        }
    }
}
