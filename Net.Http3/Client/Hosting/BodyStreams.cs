using System.Net;

namespace Net.Http3.Client.Hosting;

/// <summary>What an <see cref="HttpContent"/> writes its bytes to; a write ends when the transport has taken all.</summary>
internal sealed class RequestBodyStream(ClientExchange exchange) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using (cancellationToken.UnsafeRegister(static exchange => ((ClientExchange)exchange!).Cancel(), exchange))
        {
            await exchange.WriteAsync(buffer).ConfigureAwait(false);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

/// <summary>A response's body as it arrives. Bytes that are not read hold the server back; disposing cancels the rest.</summary>
internal sealed class ResponseBodyStream(ClientRequest request) : Stream
{
    private bool _isDisposed;

    public override bool CanRead => !_isDisposed;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return request.ReadAsync(buffer, cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            request.Abandon();
        }

        base.Dispose(disposing);
    }
}

/// <summary>The content of a response that has no body: empty at once, though the end of the response's stream may still be under way.</summary>
internal sealed class NoResponseContent(ClientRequest request) : ByteArrayContent([])
{
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            request.OnEndUnwanted();
        }

        base.Dispose(disposing);
    }
}

/// <summary>A stream that can be read once, as the content of a response.</summary>
internal sealed class ResponseContent(Stream body) : HttpContent
{
    private bool _isTaken;

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Stream source = Take();
        await using (source.ConfigureAwait(false))
        {
            await source.CopyToAsync(stream, cancellationToken).ConfigureAwait(false);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(Take());

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => Take();

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            body.Dispose();
        }

        base.Dispose(disposing);
    }

    private Stream Take()
    {
        if (_isTaken)
        {
            throw new InvalidOperationException("The stream was already consumed. It cannot be read again.");
        }

        _isTaken = true;
        return body;
    }
}
