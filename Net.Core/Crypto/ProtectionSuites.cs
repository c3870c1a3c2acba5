namespace Net.Core.Crypto;

/// <summary>The ways to protect packets, chosen once at start.</summary>
internal static class ProtectionSuites
{
    /// <summary>System.Security.Cryptography.</summary>
    public static IProtectionSuite BaseLibrary { get; } = new BaseLibrarySuite();

    /// <summary>The fastest that this machine has for each cipher suite.</summary>
    public static IProtectionSuite Default { get; } = new FirstSupportedSuite([BaseLibrary]);

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
