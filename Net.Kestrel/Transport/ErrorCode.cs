namespace Net.Kestrel.Transport;

/// <summary>Application error codes (RFC 9000, section 20.2).</summary>
internal static class ErrorCode
{
    private const long Largest = (1L << 62) - 1;

    /// <exception cref="ArgumentOutOfRangeException">Not 0 to 2^62-1.</exception>
    public static long Check(long code)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(code);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, Largest);
        return code;
    }
}
