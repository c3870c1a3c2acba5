namespace Net.Core.Wire;

/// <summary>PING: nothing but a reason to acknowledge (RFC 9000, section 19.2). Its type is all there is to read.</summary>
internal readonly record struct PingFrame : IFrame<PingFrame>
{
    public int Length => 1;

    public void Write(ref ByteWriter writer) => writer.WriteByte((byte)FrameType.Ping);
}
