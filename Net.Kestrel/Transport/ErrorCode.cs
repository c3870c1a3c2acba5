namespace Net.Kestrel.Transport;

/// <summary>Application error codes (RFC 9000, section 20.2).</summary>
internal static class ErrorCode
{
    private const long Largest = (1L << 62) - 1;

    /// <summary>-1 stays what it is, "none": Kestrel gives back what it has read when a connection was lost without a code, in the middle of an abort.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not -1 to 2^62-1.</exception>
    public static long Check(long code)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(code, -1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, Largest);
        return code;
    }
}
