namespace Net.Core.Wire;

/// <summary>HANDSHAKE_DONE: the server has confirmed the handshake (RFC 9000, section 19.20). Its type is all there is to read.</summary>
internal readonly record struct HandshakeDoneFrame : IFrame<HandshakeDoneFrame>
{
    public int Length => 1;

    public void Write(ref ByteWriter writer) => writer.WriteByte((byte)FrameType.HandshakeDone);
}
