namespace Net.Core.Wire;

/// <summary>PATH_CHALLENGE: asks whoever is at the far end of a path to prove that it receives (RFC 9000, section 19.17).</summary>
/// <param name="Data">Eight bytes that nobody else can guess, as a number in network byte order.</param>
internal readonly record struct PathChallengeFrame(ulong Data) : IFrame<PathChallengeFrame>
{
    public int Length => 1 + sizeof(ulong);

    public static bool TryRead(ref ByteReader reader, out PathChallengeFrame frame)
    {
        bool complete = reader.TryReadUInt64(out ulong data);
        frame = new(data);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.PathChallenge);
        writer.WriteUInt64(Data);
    }
}
