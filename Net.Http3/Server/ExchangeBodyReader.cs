using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;

namespace Net.Http3.Server;

/// <summary>A request's body as a pipe. Bytes that were read and not consumed belong to the exchange's state: after a move the next handler gets them first.</summary>
internal sealed class ExchangeBodyReader(ExchangeRunner runner) : PipeReader
{
    private const int FirstBuffer = 16 * 1024, LeastRoom = 4 * 1024;

    private byte[] _buffer = [];
    private ReadOnlySequence<byte> _given;
    private long _examined;
    private long _reads;
    private int _isCancelled;
    private bool _isEnd, _isCompleted;

    private ReadOnlyMemory<byte> Unread => runner.State.Unread;

    /// <summary>Waits until there are bytes that were not examined, or the end. A safe point when it waits.</summary>
    /// <exception cref="Http3RequestAbortedException">The request is over.</exception>
    /// <exception cref="InvalidOperationException">1 MiB was read and nothing of it consumed, or the reader was completed.</exception>
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (TryRead(out ReadResult result))
        {
            return result;
        }

        Memory<byte> room = MakeRoom();
        Interlocked.Increment(ref _reads);
        int count;
        using (cancellationToken.UnsafeRegister(static reader => ((ExchangeBodyReader)reader!).CancelRunning(), this))
        {
            count = await runner.ReadOperation.Read(room).ConfigureAwait(false);
        }

        Interlocked.Increment(ref _reads);
        if (count < 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _isCancelled = 0;
            return Give(isCancelled: true);
        }

        _isEnd |= count == 0;
        int start = Unread.IsEmpty ? 0 : OffsetOf(Unread);
        runner.State.KeepUnread(_buffer.AsMemory(start, Unread.Length + count));
        return Give(isCancelled: false);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (_isCompleted)
        {
            throw new InvalidOperationException("the reader was completed");
        }

        bool isCancelled = Interlocked.Exchange(ref _isCancelled, 0) != 0;
        bool has = isCancelled || _isEnd || Unread.Length > _examined;
        result = has ? Give(isCancelled) : default;
        return has;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        int taken = (int)_given.Slice(_given.Start, consumed).Length;
        _examined = _given.Slice(_given.Start, examined).Length - taken;
        _given = default;
        runner.State.KeepUnread(Unread[taken..]);
    }

    public override void CancelPendingRead()
    {
        Interlocked.Exchange(ref _isCancelled, 1);
        CancelRunning();
    }

    /// <summary>What was not consumed is dropped.</summary>
    public override void Complete(Exception? exception = null)
    {
        _isCompleted = true;
        runner.State.KeepUnread(default);
    }

    /// <summary>Reads past the pipe what it holds.</summary>
    /// <returns>0: it holds nothing.</returns>
    public static int TakeUnread(ExchangeRunner runner, Span<byte> destination)
    {
        ReadOnlyMemory<byte> unread = runner.State.Unread;
        int count = Math.Min(unread.Length, destination.Length);
        if (count > 0)
        {
            unread.Span[..count].CopyTo(destination);
            runner.State.KeepUnread(unread[count..]);
        }

        return count;
    }

    private ReadResult Give(bool isCancelled)
    {
        _given = new(Unread);
        return new(_given, isCancelled, _isEnd);
    }

    /// <summary>The read that runs now, if one does: by the time that this is looked at, it may be over and another one have begun.</summary>
    private void CancelRunning()
    {
        long number = Interlocked.Read(ref _reads);
        if (number % 2 == 1)
        {
            runner.CancelRead(() => Interlocked.Read(ref _reads) == number);
        }
    }

    private int OffsetOf(ReadOnlyMemory<byte> unread) =>
        MemoryMarshal.TryGetArray(unread, out ArraySegment<byte> segment) && segment.Array == _buffer ? segment.Offset : -1;

    /// <summary>Room behind what is unread, in one piece with it.</summary>
    private Memory<byte> MakeRoom()
    {
        ReadOnlyMemory<byte> unread = Unread;
        int offset = unread.IsEmpty ? 0 : OffsetOf(unread);
        if (offset >= 0 && _buffer.Length - offset - unread.Length >= LeastRoom)
        {
            return _buffer.AsMemory(offset + unread.Length);
        }

        if (unread.Length + LeastRoom > Http3Limits.MaxSavedState)
        {
            throw new InvalidOperationException("a handler consumes nothing of a body of which it has read all that may be kept");
        }

        byte[] buffer = unread.Length + LeastRoom <= _buffer.Length && offset >= 0
            ? _buffer : new byte[Math.Min(Http3Limits.MaxSavedState, Math.Max(FirstBuffer, 2 * unread.Length))];
        unread.Span.CopyTo(buffer);
        _buffer = buffer;
        runner.State.KeepUnread(buffer.AsMemory(0, unread.Length));
        return buffer.AsMemory(unread.Length);
    }
}
