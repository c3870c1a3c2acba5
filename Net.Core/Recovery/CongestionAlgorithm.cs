namespace Net.Core.Recovery;

/// <summary>How the congestion window grows and shrinks. The numbers stand in snapshots.</summary>
internal enum CongestionAlgorithm
{
    /// <summary>RFC 9002, section 7.</summary>
    NewReno = 1,

    /// <summary>RFC 9438.</summary>
    Cubic = 2,
}
