using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>The payload of one packet while the parts write their frames into it.</summary>
/// <remarks>A part checks <see cref="Free"/>, writes through <see cref="Writer"/> and notes with <see cref="Add"/> what it wrote.</remarks>
internal ref struct PacketBuilder(Span<byte> payload, SentFrameBuffer frames)
{
    private readonly SentFrameBuffer _frames = frames;

    /// <summary>Where frames are written; its room ends before the AEAD tag.</summary>
    public ByteWriter Writer = new(payload);

    public readonly int Free => Writer.Free;

    public readonly bool IsEmpty => Writer.Position == 0;

    /// <summary>Some frame in it makes the peer acknowledge (all but ACK, PADDING and CONNECTION_CLOSE; RFC 9002, section 2).</summary>
    public bool IsAckEliciting { get; private set; }

    /// <summary>Notes a frame whose fate some part wants to hear of.</summary>
    public void Add(in SentFrame frame)
    {
        _frames.Add(frame);
        IsAckEliciting |= frame.Kind != SentFrameKind.Ack;
    }

    /// <summary>Writes a small frame if it fits.</summary>
    public bool TryWrite<TFrame>(in TFrame frame, in SentFrame sent) where TFrame : IFrame<TFrame>, allows ref struct
    {
        if (frame.Length > Free)
        {
            return false;
        }

        frame.Write(ref Writer);
        Add(sent);
        return true;
    }
}
