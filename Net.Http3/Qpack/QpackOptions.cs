using Net.Http3.Wire;

namespace Net.Http3.Qpack;

/// <summary>How much memory header compression may use on one connection (RFC 9204, section 7.3).</summary>
/// <remarks>What a peer sees of it are SETTINGS_QPACK_MAX_TABLE_CAPACITY and SETTINGS_QPACK_BLOCKED_STREAMS (section 5). A value outside its range throws
/// <see cref="ArgumentOutOfRangeException"/>. A connection that moves to another node keeps what it began with.</remarks>
public sealed record QpackOptions
{
    internal static QpackOptions Default { get; } = new();

    /// <summary>Bytes of dynamic table that the peer's encoder may use in our memory; 0 = none. Default 4,096, at most 1,048,576.</summary>
    public int DecoderTableCapacity { get; init => field = Checked(value, Http3Limits.MaxDecoderTable); } = Http3Limits.DefaultTableCapacity;

    /// <summary>Streams that may wait for entries which have not arrived, each with at most 64 KiB. Default 16, at most 1,024.</summary>
    public int BlockedStreams { get; init => field = Checked(value, Http3Limits.MaxBlockedStreams); } = Http3Limits.DefaultBlockedStreams;

    /// <summary>Bytes of dynamic table that our encoder uses where the peer permits it; 0 = none. Default 4,096, at most 65,536.</summary>
    public int EncoderTableCapacity { get; init => field = Checked(value, Http3Limits.MaxEncoderTable); } = Http3Limits.DefaultTableCapacity;

    /// <summary>SETTINGS that tell a peer what our decoder takes.</summary>
    internal Http3Settings Settings => Http3Settings.Ours with { QpackMaxTableCapacity = (ulong)DecoderTableCapacity, QpackBlockedStreams = (ulong)BlockedStreams };

    private static int Checked(int value, int max)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, max);
        return value;
    }
}
