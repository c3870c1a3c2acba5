using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>The handshake bytes of one encryption level, both ways (RFC 9000, sections 7.5 and 19.6): a stream without flow control, FIN or number.</summary>
/// <remarks>One for each of Initial, Handshake and 1-RTT; the last goes on after the handshake and travels.</remarks>
internal sealed class CryptoStream : IPart<CryptoStream>
{
    /// <summary>Bytes that may wait behind a gap or unread; RFC 9000, section 7.5 asks for at least 4,096.</summary>
    public const ulong MaxBuffered = 64 * 1024;

    private readonly ReceiveBuffer _receive;
    private readonly SendBuffer _send;

    public CryptoStream() : this(new(), new()) { }

    private CryptoStream(ReceiveBuffer receive, SendBuffer send) => (_receive, _send) = (receive, send);

    public static ulong Section => SectionNumber.PostHandshakeCrypto;

    public ulong Changes { get; private set; } = 1;

    public bool HasFrames => _send.HasLost || _send.HasNew;

    /// <summary>All that was written is acknowledged.</summary>
    public bool IsAcknowledged => _send.Held == 0;

    /// <summary>Bytes have arrived that wait for others before them.</summary>
    public bool HasGaps => _receive.HasGaps;

    /// <summary>All bytes of the frame were read before: its sender does not know that they have arrived.</summary>
    public bool HasRead(in CryptoFrame frame) => !frame.Data.IsEmpty && frame.Offset + (ulong)frame.Data.Length <= _receive.Consumed;

    public TransportError On(in CryptoFrame frame)
    {
        if (frame.Offset + (ulong)frame.Data.Length > _receive.Consumed + MaxBuffered)
        {
            return TransportError.Of(TransportErrorCode.CryptoBufferExceeded, "more handshake data than is buffered", FrameType.Crypto);
        }

        _receive.Write(frame.Offset, frame.Data);
        Changes++;
        return TransportError.None;
    }

    /// <summary>The next bytes in order that lie together; empty when there are none.</summary>
    public ReadOnlySpan<byte> Peek() => _receive.Peek();

    public void Consume(int count)
    {
        _receive.Consume(count);
        Changes++;
    }

    /// <summary>Takes everything: TLS bounds its own flights.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        _send.Write(data);
        Changes++;
    }

    /// <summary>Fills the rest of a packet of <paramref name="level"/>: lost bytes first.</summary>
    public void WriteFrames(ref PacketBuilder builder, EncryptionLevel level)
    {
        while (HasFrames)
        {
            bool isLost = _send.HasLost;
            ulong offset = isLost ? _send.FirstLost.Start : _send.Sent;
            ulong most = isLost ? _send.FirstLost.Length : _send.End - _send.Sent;
            int room = builder.Free - CryptoFrame.HeaderLength(offset, builder.Free);
            if (room < (int)ulong.Min(most, MinimumPiece))
            {
                return;
            }

            int count = (int)ulong.Min(most, (ulong)room);
            builder.Writer.WriteByte((byte)FrameType.Crypto);
            builder.Writer.WriteVarInt(offset);
            builder.Writer.WriteVarInt((ulong)count);
            _send.Copy(offset, builder.Writer.Rest[..count]);
            builder.Writer.Advance(count);
            builder.Add(new(SentFrameKind.Crypto, (ulong)level, offset, (uint)count));
            if (isLost)
            {
                _send.TakeLost(count);
            }
            else
            {
                _send.TakeNew(count);
            }

            Changes++;
        }
    }

    public void OnAcked(in SentFrame frame)
    {
        _send.OnAcked(frame.Offset, frame.Length);
        Changes++;
    }

    public void OnLost(in SentFrame frame)
    {
        _send.OnLost(frame.Offset, frame.Length);
        Changes++;
    }

    /// <summary>Gives all memory back: the level's keys are discarded.</summary>
    public void Release()
    {
        _receive.Discard(_receive.Highest);
        _send.Discard();
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        _receive.Export(writer);
        _send.Export(writer);
    }

    public static CryptoStream Import(SnapshotReader reader)
    {
        CryptoStream stream = new(ReceiveBuffer.Import(reader), SendBuffer.Import(reader));
        return stream._receive.Highest - stream._receive.Consumed <= MaxBuffered
            ? stream
            : throw new SnapshotException("more handshake data than is buffered");
    }

    private const ulong MinimumPiece = 16;
}
