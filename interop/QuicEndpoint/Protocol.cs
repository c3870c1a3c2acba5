using Net.Core.Connections;
using Net.Core.Crypto;

namespace QuicEndpoint;

/// <summary>What both roles speak.</summary>
internal static class Protocol
{
    /// <summary>Longer than any case of the runner may take: a handshake under heavy loss is slow, not wrong.</summary>
    private static readonly TimeSpan s_handshakeLimit = TimeSpan.FromSeconds(60);

    /// <summary>HTTP/0.9: a line with GET and a path, answered by the bytes of the file.</summary>
    public static byte[] Hq { get; } = "hq-interop"u8.ToArray();

    public static byte[] Http3 { get; } = "h3"u8.ToArray();

    public static IReadOnlyList<CipherSuite> Suites(TestCase testCase) =>
        testCase.Suites.Count > 0 ? testCase.Suites : [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256];

    public static ConnectionOptions Options(Contract contract, TestCase testCase) => ConnectionOptions.Default with
    {
        HandshakeTimeout = s_handshakeLimit,
        IdleTimeout = contract.Parameters.Idle,
        Congestion = contract.Parameters.Congestion,
        PreferredVersion = testCase.PreferredVersion,
    };
}
