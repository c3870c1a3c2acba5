namespace Net.Core.Tls;

/// <summary>What a host decides and has: entropy, keys, and whom it trusts. <see cref="CryptoWorker"/> does the rest of a request.</summary>
/// <remarks>May be called from any thread, by several at a time. The simulator's is deterministic; Io/HostCrypto is the real one.</remarks>
internal interface ICryptoHost
{
    void FillEntropy(Span<byte> buffer);

    /// <returns>Null: nothing fits.</returns>
    TlsCredential? SelectCredential(SelectCertificateRequest request);

    CertificateVerdict Validate(ValidateCertificateRequest request);
}
