using System.IO.Pipelines;

namespace Net.Http3.Server;

/// <summary>A response's body as a pipe: what was written counts from its flush on, which is a safe point. The rest is flushed when the handler ends.</summary>
internal sealed class ExchangeBodyWriter(Http3Exchange exchange) : PipeWriter
{
    private const int FirstBuffer = 4 * 1024;

    private byte[] _buffer = [];
    private int _count;
    private bool _isCancelled, _isCompleted;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _count;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_isCompleted)
        {
            throw new InvalidOperationException("the writer was completed");
        }

        if (_buffer.Length - _count < Math.Max(sizeHint, 1))
        {
            Array.Resize(ref _buffer, Math.Max(Math.Max(FirstBuffer, 2 * _buffer.Length), _count + sizeHint));
        }

        return _buffer.AsMemory(_count);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _buffer.Length - _count);
        _count += bytes;
    }

    /// <summary>Ends when the transport has taken all.</summary>
    /// <param name="cancellationToken">Looked at before the flush begins: what has begun is not taken back.</param>
    /// <exception cref="InvalidOperationException">As of <see cref="Http3Exchange.WriteAsync"/>.</exception>
    /// <exception cref="Http3RequestAbortedException">The request is over.</exception>
    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_isCancelled)
        {
            _isCancelled = false;
            return new(isCanceled: true, isCompleted: false);
        }

        await FlushRestAsync().ConfigureAwait(false);
        return default;
    }

    /// <summary>Sends the bytes from where they are, when nothing waits before them.</summary>
    public override async ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (_count > 0 || _isCancelled || _isCompleted)
        {
            source.CopyTo(GetMemory(source.Length));
            Advance(source.Length);
            return await FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        await exchange.SendAsync(source).ConfigureAwait(false);
        return default;
    }

    /// <summary>The next flush tells so instead of flushing; one that runs is not interrupted.</summary>
    public override void CancelPendingFlush() => _isCancelled = true;

    public override void Complete(Exception? exception = null) => _isCompleted = true;

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (exception is null)
        {
            await FlushRestAsync().ConfigureAwait(false);
        }

        _isCompleted = true;
    }

    public async ValueTask FlushRestAsync()
    {
        if (_count > 0)
        {
            ReadOnlyMemory<byte> rest = _buffer.AsMemory(0, _count);
            _count = 0;
            await exchange.SendAsync(rest).ConfigureAwait(false);
        }
    }
}
