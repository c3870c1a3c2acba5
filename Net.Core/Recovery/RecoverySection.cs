using Net.Core.Snapshots;

namespace Net.Core.Recovery;

/// <summary>The sections that loss recovery must have back before it can go on, to see that none is missing.</summary>
[Flags]
internal enum RecoverySections
{
    None = 0,
    Numbers = 1,
    Sent = 2,
    Received = 4,
    Rtt = 8,
    Congestion = 16,
    Pacer = 32,
    Probes = 64,
    Ecn = 128,
    All = 255,
}

/// <summary>Which section is which: some share a number and differ by their key.</summary>
internal static class RecoverySection
{
    public const ulong ControllerKey = 0;
    public const ulong PacerKey = 1;
    public const ulong ProbesKey = 0;
    public const ulong EcnKey = 1;

    /// <summary>Number and key of each.</summary>
    public static ReadOnlySpan<(ulong Number, ulong Key, RecoverySections Section)> All => s_all;

    private static readonly (ulong Number, ulong Key, RecoverySections Section)[] s_all =
    [
        (SectionNumber.SentPacketNumbers, 0, RecoverySections.Numbers),
        (SectionNumber.SentPackets, 0, RecoverySections.Sent),
        (SectionNumber.ReceivedPackets, 0, RecoverySections.Received),
        (SectionNumber.Rtt, 0, RecoverySections.Rtt),
        (SectionNumber.Congestion, ControllerKey, RecoverySections.Congestion),
        (SectionNumber.Congestion, PacerKey, RecoverySections.Pacer),
        (SectionNumber.LossDetection, ProbesKey, RecoverySections.Probes),
        (SectionNumber.LossDetection, EcnKey, RecoverySections.Ecn),
    ];

    public static RecoverySections Of(ulong number, ulong key)
    {
        foreach ((ulong itsNumber, ulong itsKey, RecoverySections section) in s_all)
        {
            if ((itsNumber, itsKey) == (number, key))
            {
                return section;
            }
        }

        return RecoverySections.None;
    }
}
