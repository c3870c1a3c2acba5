namespace Net.Node.Web;

/// <summary>What `/echo` does to bytes.</summary>
internal static class EchoRule
{
    /// <summary>Adds 1 modulo 256 to each.</summary>
    public static void Apply(Span<byte> bytes)
    {
        int at = 0;
        for (; at <= bytes.Length - System.Numerics.Vector<byte>.Count; at += System.Numerics.Vector<byte>.Count)
        {
            Span<byte> lane = bytes[at..];
            (new System.Numerics.Vector<byte>(lane) + System.Numerics.Vector<byte>.One).CopyTo(lane);
        }

        for (; at < bytes.Length; at++)
        {
            bytes[at]++;
        }
    }

    /// <summary>After a move: what was read and answered, but not yet taken by the transport.</summary>
    /// <param name="saved">The last piece, with the rule applied.</param>
    /// <param name="read">Bytes of the request read so far.</param>
    /// <param name="written">Bytes of the response taken so far.</param>
    /// <param name="owed">The end of the piece.</param>
    /// <returns><c>false</c> when the numbers contradict each other.</returns>
    public static bool TryOwed(ReadOnlyMemory<byte> saved, long read, long written, out ReadOnlyMemory<byte> owed)
    {
        long count = read - written;
        bool isSound = count >= 0 && count <= saved.Length;
        owed = isSound ? saved[(saved.Length - (int)count)..] : default;
        return isSound;
    }
}
