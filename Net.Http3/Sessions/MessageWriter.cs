using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

internal enum WritePhase
{
    /// <summary>No (final) head yet.</summary>
    Head,

    /// <summary>The head is queued: body bytes may follow.</summary>
    Body,

    /// <summary>The end is wanted, but queued bytes stand before it.</summary>
    Finishing,

    /// <summary>All, with the FIN, is the transport's.</summary>
    Finished,

    /// <summary>Reset.</summary>
    Closed,
}

/// <summary>Puts one message together, straight into the stream's send buffer.</summary>
/// <remarks>
/// A DATA frame's head is written only together with all the bytes that it announces. Heads of messages, and the tiny frames that fill
/// up a send buffer, are taken whole and held here until the transport has room.
/// </remarks>
internal sealed class MessageWriter
{
    /// <summary>Body bytes of the frame that fills a room too small for a useful one.</summary>
    private const int TightFrame = 16;

    private byte[] _pending = [];
    private int _flushed;
    private long _contentLength = -1;

    public WritePhase Phase { get; private set; }

    /// <summary>Body bytes that were taken: they will be sent.</summary>
    public long BodySent { get; private set; }

    public bool IsOver => Phase is WritePhase.Finished or WritePhase.Closed;

    /// <summary>Body bytes that may still be written; -1 = any number.</summary>
    public long BodyLeft => _contentLength < 0 ? -1 : _contentLength - BodySent;

    /// <summary>Queues HEADERS and sends what fits.</summary>
    /// <param name="transport">The connection.</param>
    /// <param name="id">The message's stream.</param>
    /// <param name="before">Whole frames that stand before it.</param>
    /// <param name="section">The fields, encoded.</param>
    /// <param name="isFinal">The body may follow.</param>
    /// <param name="contentLength">With <paramref name="isFinal"/>: bytes of the body, or -1.</param>
    public void WriteHead(
        IStreamTransport transport, StreamId id, ReadOnlySpan<byte> before, ReadOnlySpan<byte> section, bool isFinal, long contentLength)
    {
        int waiting = _pending.Length - _flushed;
        byte[] pending = new byte[waiting + before.Length + 1 + VarInt.Length((ulong)section.Length) + section.Length];
        _pending.AsSpan(_flushed).CopyTo(pending);
        ByteWriter writer = new(pending.AsSpan(waiting));
        writer.WriteBytes(before);
        writer.WriteVarInt((ulong)Http3FrameType.Headers);
        writer.WriteVarBytes(section);
        (_pending, _flushed) = (pending, 0);
        if (isFinal)
        {
            (Phase, _contentLength) = (WritePhase.Body, contentLength);
        }

        Flush(transport, id);
    }

    /// <summary>Sends queued heads, and the FIN if it waits behind them.</summary>
    /// <returns>Whether nothing is queued any more.</returns>
    public bool Flush(IStreamTransport transport, StreamId id)
    {
        if (_flushed < _pending.Length)
        {
            _flushed += transport.Write(id, _pending.AsSpan(_flushed), fin: false);
            if (_flushed < _pending.Length)
            {
                return false;
            }

            (_pending, _flushed) = ([], 0);
        }

        if (Phase == WritePhase.Finishing)
        {
            transport.Write(id, [], fin: true);
            Phase = WritePhase.Finished;
        }

        return true;
    }

    /// <summary>Writes one DATA frame of as many bytes as there is room for.</summary>
    /// <returns>Body bytes taken; 0 when there is no room.</returns>
    public int Write(IStreamTransport transport, StreamId id, ReadOnlySpan<byte> data)
    {
        if (Phase != WritePhase.Body || data.IsEmpty || !Flush(transport, id))
        {
            return 0;
        }

        // The longest head that a frame of this room can have; a few bytes of room may stay unused.
        int room = transport.WriteRoom(id);
        if (room <= 0)
        {
            return 0;
        }

        int count = int.Min(data.Length, room - 1 - VarInt.Length((ulong)room));
        bool isTight = count < int.Min(data.Length, TightFrame);
        count = isTight ? int.Min(data.Length, TightFrame) : count;
        Span<byte> buffer = stackalloc byte[FrameHead.MaxLength];
        ByteWriter head = new(buffer);
        head.WriteVarInt((ulong)Http3FrameType.Data);
        head.WriteVarInt((ulong)count);
        BodySent += count;
        if (transport.IsObserved)
        {
            transport.Tell(new FrameTrace(IsCreated: true, id, Http3FrameType.Data, (ulong)count));
        }

        if (isTight)
        {
            // What does not fit waits here. A write that was cut short also makes the transport tell when there is room again.
            _pending = [.. head.Written, .. data[..count]];
            Flush(transport, id);
        }
        else
        {
            transport.Write(id, head.Written, fin: false);
            transport.Write(id, data[..count], fin: false);
        }

        return count;
    }

    /// <summary>Ends the message.</summary>
    /// <returns><c>false</c> when fewer body bytes were written than announced: then the stream must be reset.</returns>
    public bool TryFinish(IStreamTransport transport, StreamId id)
    {
        if (Phase != WritePhase.Body || BodyLeft > 0)
        {
            return IsOver || Phase == WritePhase.Finishing;
        }

        Phase = WritePhase.Finishing;
        Flush(transport, id);
        return true;
    }

    /// <summary>Nothing more will be written.</summary>
    public void Close()
    {
        Phase = Phase == WritePhase.Finished ? Phase : WritePhase.Closed;
        (_pending, _flushed) = ([], 0);
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteBytes(_pending.AsSpan(_flushed));
        writer.WriteNumber((ulong)Phase);
        writer.WriteSigned(_contentLength);
        writer.WriteSigned(BodySent);
    }

    /// <exception cref="SnapshotException">The fields contradict each other.</exception>
    public static MessageWriter Import(SnapshotReader reader)
    {
        MessageWriter message = new()
        {
            _pending = reader.ReadBytes().ToArray(),
            Phase = (WritePhase)reader.ReadNumber((ulong)WritePhase.Closed),
            _contentLength = reader.ReadSigned(),
            BodySent = reader.ReadSigned(),
        };
        bool sound = message._contentLength >= -1 && message.BodySent >= 0
            && (message._contentLength < 0 || message.BodySent <= message._contentLength)
            && (message._pending.Length == 0 ? message.Phase != WritePhase.Finishing : !message.IsOver);
        return sound ? message : throw new SnapshotException("a half-written message contradicts itself");
    }
}
