using Net.Core.Connections;
using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>One stream of a connection (RFC 9000, section 2), with the names of System.Net.Quic.</summary>
/// <remarks>
/// One read and one write may be under way at a time; they may come from different threads. A cancelled read takes nothing from the stream;
/// a cancelled write aborts the writing side, because nobody can know how much of it was sent.
/// </remarks>
public sealed class QuicStream : Stream
{
    private readonly StreamDriver _driver;
    private volatile bool _isDisposed;

    internal QuicStream(StreamDriver driver) => _driver = driver;

    /// <summary>The stream's number in its connection, 0 to 2^62-1.</summary>
    public long Id => (long)_driver.Id.Value;

    /// <summary>Who may send.</summary>
    public QuicStreamType Type => _driver.Id.IsUnidirectional ? QuicStreamType.Unidirectional : QuicStreamType.Bidirectional;

    /// <summary>
    /// Whether it was opened before the handshake was complete (0-RTT): what a server reads of it then may be a copy of what somebody sent
    /// before, until <see cref="QuicConnection.HandshakeCompletion"/> has ended (RFC 9001, section 9.2).
    /// </summary>
    public bool IsEarlyData { get; internal init; }

    /// <summary>Ends when the peer's last byte was read; fails with what ended reading before.</summary>
    public Task ReadsClosed => _driver.ReadsClosed;

    /// <summary>Ends when the peer has acknowledged all, after writes were completed; fails with what ended writing before.</summary>
    public Task WritesClosed => _driver.WritesClosed;

    /// <inheritdoc/>
    public override bool CanRead => _driver.CanRead && !_isDisposed;

    /// <inheritdoc/>
    public override bool CanWrite => _driver.CanWrite && !_isDisposed;

    /// <summary>Never.</summary>
    public override bool CanSeek => false;

    /// <summary>Blocking reads and writes can be given a time.</summary>
    public override bool CanTimeout => true;

    /// <summary>Milliseconds that a blocking read may take, or <see cref="Timeout.Infinite"/>. Asynchronous ones have their tokens.</summary>
    public override int ReadTimeout
    {
        get;
        set => field = CheckTimeout(value);
    } = Timeout.Infinite;

    /// <summary>Milliseconds that a blocking write may take, or <see cref="Timeout.Infinite"/>; a write that takes longer aborts the writing side.</summary>
    public override int WriteTimeout
    {
        get;
        set => field = CheckTimeout(value);
    } = Timeout.Infinite;

    /// <summary>Not supported.</summary>
    public override long Length => throw new NotSupportedException();

    /// <summary>Not supported.</summary>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    internal StreamDriver Driver => _driver;

    /// <summary>Reads what has arrived, at least one byte; 0 at the end of the stream. An empty buffer waits for something to read.</summary>
    /// <exception cref="QuicException">The peer or this side aborted the stream, or the connection ended.</exception>
    /// <exception cref="InvalidOperationException">The stream has no reading side, or another read is under way.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing was taken from the stream.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _driver.CanRead ? _driver.Reads.StartAsync(buffer, cancellationToken) : throw new InvalidOperationException("this stream only writes");
    }

    /// <inheritdoc cref="ReadAsync(Memory{byte}, CancellationToken)"/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken = default) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Reads, blocking the thread for <see cref="ReadTimeout"/> at most.</summary>
    /// <exception cref="IOException">The time is over; nothing was taken from the stream.</exception>
    public override int Read(byte[] buffer, int offset, int count) =>
        Within(ReadTimeout, "read", token => ReadAsync(buffer, offset, count, token));

    /// <summary>Ends when all bytes are in the stream's send buffer (512 KiB): copied, not acknowledged.</summary>
    /// <exception cref="QuicException">The peer or this side aborted the stream, or the connection ended.</exception>
    /// <exception cref="InvalidOperationException">The stream has no writing side, writes were completed, or another write is under way.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the writing side is aborted with the default error code.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        WriteAsync(buffer, completeWrites: false, cancellationToken);

    /// <inheritdoc cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="buffer">What to send.</param>
    /// <param name="completeWrites">Whether these are the last bytes (FIN).</param>
    /// <param name="cancellationToken">Aborts the writing side.</param>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, bool completeWrites, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _driver.CanWrite
            ? _driver.Writes.StartAsync(buffer, completeWrites, cancellationToken)
            : throw new InvalidOperationException("this stream only reads");
    }

    /// <inheritdoc cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken = default) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Writes, blocking the thread for <see cref="WriteTimeout"/> at most.</summary>
    /// <exception cref="IOException">The time is over; the writing side is aborted.</exception>
    public override void Write(byte[] buffer, int offset, int count) => Within(WriteTimeout, "write", async token =>
    {
        await WriteAsync(buffer.AsMemory(offset, count), token).ConfigureAwait(false);
        return count;
    });

    /// <summary>Says that nothing more will be written (FIN), behind what was. Harmless when repeated.</summary>
    public void CompleteWrites() => Post(static (driver, _) => driver.CompleteWrites(), 0);

    /// <summary>Gives up one or both directions. Operations under way there fail.</summary>
    /// <param name="abortDirection">Which.</param>
    /// <param name="errorCode">The application's code for the peer, 0 to 2^62-1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A code below 0 or above 2^62-1.</exception>
    public void Abort(QuicAbortDirection abortDirection, long errorCode)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(errorCode);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)errorCode, Net.Core.Wire.VarInt.MaxValue, nameof(errorCode));
        if (abortDirection.HasFlag(QuicAbortDirection.Read))
        {
            Post(static (driver, code) => driver.AbortReading(code), (ulong)errorCode);
        }

        if (abortDirection.HasFlag(QuicAbortDirection.Write))
        {
            Post(static (driver, code) => driver.AbortWriting(code), (ulong)errorCode);
        }
    }

    /// <summary>Nothing: what was written is sent at once.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc cref="Flush"/>
    public override Task FlushAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    /// <summary>Not supported.</summary>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <summary>Not supported.</summary>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Completes writes, unless a write is under way (it is aborted), and gives up what was not read. Does not wait for the peer.</summary>
    public override ValueTask DisposeAsync() => base.DisposeAsync();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            Post(static (driver, _) => driver.Release(), 0);
        }

        base.Dispose(disposing);
    }

    /// <summary>Its number and kind.</summary>
    public override string ToString() => $"QUIC stream {Id} ({Type})";

    private static int CheckTimeout(int milliseconds) => milliseconds is > 0 or Timeout.Infinite
        ? milliseconds
        : throw new ArgumentOutOfRangeException(nameof(milliseconds), milliseconds, "positive, or Timeout.Infinite");

    private static int Within(int milliseconds, string name, Func<CancellationToken, Task<int>> start)
    {
        if (milliseconds == Timeout.Infinite)
        {
            return start(CancellationToken.None).GetAwaiter().GetResult();
        }

        using CancellationTokenSource over = new(milliseconds);
        try
        {
            return start(over.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException e)
        {
            throw new IOException($"the {name} did not end in {milliseconds} ms", e);
        }
    }

    private void Post(Action<StreamDriver, ulong> action, ulong code) => _ = _driver.Shard.Post(new Call(_driver, action, code));

    private sealed class Call(StreamDriver driver, Action<StreamDriver, ulong> action, ulong code) : IShardWork
    {
        public Connection Connection => driver.Connection;

        public void Run(Instant now) => action(driver, code);
    }
}
