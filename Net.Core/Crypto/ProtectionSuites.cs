namespace Net.Core.Crypto;

/// <summary>The ways to protect packets, chosen once at start.</summary>
internal static class ProtectionSuites
{
    /// <summary>System.Security.Cryptography.</summary>
    public static IProtectionSuite BaseLibrary { get; } = new BaseLibrarySuite();

    /// <summary>Vector instructions: AES-GCM only, and only where the processor has them.</summary>
    public static IProtectionSuite Vector { get; } = new VectorSuite();

    /// <summary>BouncyCastle: everywhere.</summary>
    public static IProtectionSuite Managed { get; } = new ManagedSuite();

    /// <summary>The fastest that this machine has for each cipher suite.</summary>
    public static IProtectionSuite Default { get; } = new FirstSupportedSuite([Vector, BaseLibrary, Managed]);

    private sealed class FirstSupportedSuite(IProtectionSuite[] candidates) : IProtectionSuite
    {
        public bool Supports(CipherSuite suite) => Array.Exists(candidates, candidate => candidate.Supports(suite));

        public PacketProtection Create(CipherSuite suite, ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> headerSecret, uint version = VersionConstants.V1)
        {
            foreach (IProtectionSuite candidate in candidates)
            {
                if (candidate.Supports(suite))
                {
                    return candidate.Create(suite, trafficSecret, headerSecret, version);
                }
            }

            throw new NotSupportedException("no implementation of this cipher suite");
        }
    }
}
