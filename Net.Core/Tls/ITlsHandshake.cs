using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>
/// TLS 1.3 for one QUIC connection (RFC 8446 and 9001), either role: CRYPTO bytes and answers go in; secrets, CRYPTO bytes and requests come out.
/// </summary>
/// <remarks>
/// After every call that can change something the caller takes all secrets, then all outputs, then all requests. Nothing here blocks, reads a
/// clock or draws a random number. A peer's fault is returned as the error to close with; from then on every call returns it again and
/// nothing more comes out.
/// </remarks>
internal interface ITlsHandshake
{
    /// <summary>The peer's transport parameters, empty until known. Not authenticated before <see cref="IsComplete"/>.</summary>
    ReadOnlyMemory<byte> PeerTransportParameters { get; }

    /// <summary>32 bytes of the ClientHello, which name the connection in a key log; empty until known.</summary>
    ReadOnlyMemory<byte> ClientRandom { get; }

    /// <summary>We have sent and verified Finished (RFC 9001, section 4.1.1). Confirmation is the connection's.</summary>
    bool IsComplete { get; }

    /// <summary>Null until complete.</summary>
    TlsSession? Session { get; }

    /// <summary>What is known of the session while 0-RTT data may be sent or read, without its secrets. Null without 0-RTT.</summary>
    TlsSession? EarlySession { get; }

    EarlyDataState EarlyData { get; }

    /// <param name="level">The level of the packets that the bytes came in.</param>
    /// <param name="inOrderBytes">The next bytes of that level's CRYPTO stream, cut anywhere.</param>
    TransportError OnCrypto(EncryptionLevel level, ReadOnlySpan<byte> inOrderBytes);

    /// <exception cref="InvalidOperationException">No such request is under way, or it has another kind of answer.</exception>
    TransportError OnAnswer(CryptoAnswer answer);

    bool TryTakeOutput(out TlsOutput output);

    /// <summary>Secrets in the order to install.</summary>
    bool TryTakeSecret(out TlsSecret secret);

    bool TryTakeRequest(out CryptoRequest request);
}
