namespace Net.Core.Wire;

/// <summary>NEW_TOKEN: an address validation token for the client's next connection (RFC 9000, section 19.7). It borrows the datagram.</summary>
/// <param name="token">Opaque to the client, never empty.</param>
internal readonly ref struct NewTokenFrame(ReadOnlySpan<byte> token) : IFrame<NewTokenFrame>
{
    public ReadOnlySpan<byte> Token { get; } = token;

    public int Length => 1 + VarInt.Length((ulong)Token.Length) + Token.Length;

    /// <summary>False when cut, or when the token is empty.</summary>
    public static bool TryRead(scoped ref ByteReader reader, out NewTokenFrame frame)
    {
        bool sound = reader.TryReadVarBytes(out ReadOnlySpan<byte> token) && !token.IsEmpty;
        frame = new(token);
        return sound;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.NewToken);
        writer.WriteVarBytes(Token);
    }
}
