namespace Net.Core.Crypto;

/// <summary>A way to protect packets: the same bytes from different machinery (see <see cref="ProtectionSuites"/>).</summary>
internal interface IProtectionSuite
{
    /// <summary>Whether this machine can do it this way.</summary>
    bool Supports(CipherSuite suite);

    /// <param name="suite">One that is supported.</param>
    /// <param name="trafficSecret">The generation's secret.</param>
    /// <param name="headerSecret">The first generation's secret of the same direction: the header key derives from it and stays.</param>
    /// <param name="version">QUIC version whose labels apply.</param>
    /// <exception cref="NotSupportedException"><see cref="Supports"/> says no.</exception>
    PacketProtection Create(CipherSuite suite, ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> headerSecret, uint version = VersionConstants.V1);
}
