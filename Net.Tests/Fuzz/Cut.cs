namespace Net.Tests.Fuzz;

/// <summary>An input as a few pieces, so that mutation can change where one ends: each begins with three octets, what to do with it and its length.</summary>
internal ref struct Cut(ReadOnlySpan<byte> input)
{
    private const int Head = 3;

    private ReadOnlySpan<byte> _rest = input;

    /// <returns>False at the end.</returns>
    public bool TryTake(out byte kind, out ReadOnlySpan<byte> piece)
    {
        kind = 0;
        piece = default;
        if (_rest.Length < Head)
        {
            return false;
        }

        kind = _rest[0];
        int length = int.Min((_rest[1] << 8) | _rest[2], _rest.Length - Head);
        piece = _rest.Slice(Head, length);
        _rest = _rest[(Head + length)..];
        return true;
    }

    /// <summary>A piece as <see cref="TryTake"/> reads it.</summary>
    public static byte[] Piece(byte kind, params ReadOnlySpan<byte> bytes) => [kind, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
}
