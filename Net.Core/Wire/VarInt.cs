namespace Net.Core.Wire;

/// <summary>Variable-length integers: 1, 2, 4 or 8 bytes, 0 to 2^62-1 (RFC 9000, section 16).</summary>
internal static class VarInt
{
    public const ulong MaxValue = (1UL << 62) - 1;

    /// <summary>Bytes of the shortest encoding of <paramref name="value"/>.</summary>
    public static int Length(ulong value) => value switch
    {
        < 1UL << 6 => 1,
        < 1UL << 14 => 2,
        < 1UL << 30 => 4,
        <= MaxValue => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(value), value, "a variable-length integer ends at 2^62-1"),
    };
}
