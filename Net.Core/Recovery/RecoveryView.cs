using Net.Core.Time;

namespace Net.Core.Recovery;

/// <summary>Loss recovery and congestion control at one moment, in values.</summary>
/// <param name="MinRtt">Zero before the first sample, as is <paramref name="LatestRtt"/>.</param>
/// <param name="SlowStartThreshold">Null while nothing has limited slow start.</param>
/// <param name="RecoveryStart">When the window was reduced last; never, if it was not.</param>
internal readonly record struct RecoveryView(
    TimeSpan MinRtt,
    TimeSpan SmoothedRtt,
    TimeSpan LatestRtt,
    TimeSpan RttVariation,
    int PtoCount,
    int Window,
    long BytesInFlight,
    int? SlowStartThreshold,
    bool IsInSlowStart,
    Instant RecoveryStart,
    int DatagramSize,
    CongestionAlgorithm Algorithm)
{
    public static RecoveryView Of(LossRecovery recovery)
    {
        RttEstimator rtt = recovery.Rtt;
        CongestionController congestion = recovery.Congestion;
        return new(
            rtt.Min,
            rtt.Smoothed,
            rtt.Latest,
            rtt.Variation,
            recovery.PtoCount,
            congestion.Window,
            recovery.BytesInFlight,
            congestion.SlowStartThreshold == int.MaxValue ? null : congestion.SlowStartThreshold,
            congestion.IsInSlowStart,
            congestion.RecoveryStart,
            congestion.DatagramSize,
            congestion.Algorithm);
    }
}
