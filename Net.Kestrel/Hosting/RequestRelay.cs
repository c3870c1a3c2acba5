using System.Buffers;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;

namespace Net.Kestrel.Hosting;

/// <summary>
/// A request on its way to Kestrel. Until Kestrel answers, the first bytes of its body are kept: a request that Kestrel refuses because it closes the
/// connection was not processed (RFC 9114, section 5.2), and is sent again on another one.
/// </summary>
internal sealed class RequestRelay(Http3Exchange exchange)
{
    /// <summary>More than the pipe of a request takes that nobody reads, and the piece that waits before it.</summary>
    public const int MaxKept = 128 * 1024;

    private const int BufferSize = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly byte[] _buffer = new byte[BufferSize];
    private int? _first;
    private ArrayBufferWriter<byte>? _kept = new();
    private ClientExchange? _app;
    private Task _last = Task.CompletedTask;
    private volatile bool _isAnswered;
    private bool _isEnded;

    /// <summary>Ends with the body; fails when it cannot be read, or not be sent.</summary>
    public Task Sending { get; private set; } = Task.CompletedTask;

    /// <summary>The head is larger than Kestrel takes.</summary>
    public bool IsTooLarge { get; private set; }

    /// <summary>The request's head as the application gets it.</summary>
    /// <remarks>Who sends a request on before the handshake is complete says so; a mark that it bears already stays (RFC 8470, section 5.1).</remarks>
    public static RequestHead HeadOf(Http3Exchange exchange) => exchange is { IsEarlyData: true, RequestHead: { } head } && head.Headers["early-data"] is null
        ? head with { Headers = new([.. head.Headers, new("early-data", "1")]) }
        : exchange.RequestHead;

    /// <summary>Sends the head, and the body behind it while the caller goes on.</summary>
    /// <param name="app">On Kestrel's connection; another one than before, when that has refused the request.</param>
    /// <returns>False: it was refused, and too much of it is gone to send it again.</returns>
    /// <exception cref="ArgumentException"><see cref="IsTooLarge"/>.</exception>
    public async Task<bool> SendToAsync(ClientExchange app)
    {
        if (_app is null)
        {
            // Most requests end with their head, and Kestrel is to know it: else it believes that an application has not read what there is.
            _first ??= exchange.RequestHead is { IsSafe: true, ContentLength: <= 0 } ? await exchange.ReadAsync(_buffer) : -1;
            _isEnded = _first == 0;
            await SendHeadAsync(app, hasBody: !_isEnded);
            _app = app;
            Sending = _isEnded ? Task.CompletedTask : SendAsync(_first.Value);
            return true;
        }

        bool hasBody = !_isEnded || _kept is not { WrittenCount: 0 };
        await SendHeadAsync(app, hasBody);
        TaskCompletionSource<bool> isWhole = new(TaskCreationOptions.RunContinuationsAsynchronously);
        // One turn, so that no piece comes between the change of connections and what is sent again. That is not waited for: an application may answer before it reads.
        _ = InTurnAsync(() =>
        {
            _app = app;
            isWhole.SetResult(_kept is not null);
            return _kept is { } kept && hasBody ? RepeatAsync(app, kept) : Task.CompletedTask;
        });
        return await isWhole.Task;
    }

    /// <summary>Kestrel has answered: nothing is sent again.</summary>
    public void OnAnswered() => _isAnswered = true;

    private async Task SendHeadAsync(ClientExchange app, bool hasBody)
    {
        try
        {
            await app.SendAsync(HeadOf(exchange), hasBody);
        }
        catch (ArgumentException)
        {
            // The node has read it, so it is sound.
            IsTooLarge = true;
            throw;
        }
    }

    private async Task SendAsync(int first)
    {
        try
        {
            int count = first >= 0 ? first : await exchange.ReadAsync(_buffer);
            while (true)
            {
                int length = count;
                await InTurnAsync(() => SendAsync(_buffer.AsMemory(0, length)));
                if (length == 0)
                {
                    return;
                }

                count = await exchange.ReadAsync(_buffer);
            }
        }
        catch
        {
            // The application waits for bytes that nobody will read: a body beyond the node's limit, say.
            _app!.Cancel();
            throw;
        }
    }

    private async Task SendAsync(ReadOnlyMemory<byte> piece)
    {
        _isEnded = piece.IsEmpty;
        if (_isAnswered || _kept?.WrittenCount + piece.Length > MaxKept)
        {
            _kept = null;
        }

        _kept?.Write(piece.Span);
        ClientExchange app = _app!;
        try
        {
            await (_isEnded ? app.FinishAsync() : app.WriteAsync(piece));
        }
        catch (Http3RequestAbortedException) when (_kept is not null && app.Failure is { Kind: FailureKind.Refused })
        {
            // All of it is sent again.
        }
    }

    private async Task RepeatAsync(ClientExchange app, ArrayBufferWriter<byte> kept)
    {
        try
        {
            if (kept.WrittenCount > 0)
            {
                await app.WriteAsync(kept.WrittenMemory);
            }

            if (_isEnded)
            {
                await app.FinishAsync();
            }
        }
        catch (Exception e) when (e is Http3RequestAbortedException or InvalidOperationException)
        {
            app.Cancel();
        }
    }

    /// <summary>One after the other: what is sent again stands before what comes next.</summary>
    private Task InTurnAsync(Func<Task> send)
    {
        lock (_gate)
        {
            return _last = AfterAsync(_last, send);
        }
    }

    private static async Task AfterAsync(Task before, Func<Task> send)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await send();
    }
}
