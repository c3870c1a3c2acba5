namespace Net.Core.Wire;

/// <summary>PATH_RESPONSE: the answer to a PATH_CHALLENGE, with its data (RFC 9000, section 19.18).</summary>
/// <param name="Data">Eight bytes that nobody else can guess, as a number in network byte order.</param>
internal readonly record struct PathResponseFrame(ulong Data) : IFrame<PathResponseFrame>
{
    public int Length => 1 + sizeof(ulong);

    public static bool TryRead(ref ByteReader reader, out PathResponseFrame frame)
    {
        bool complete = reader.TryReadUInt64(out ulong data);
        frame = new(data);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.PathResponse);
        writer.WriteUInt64(Data);
    }
}
