using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Tls;

namespace Net.Tests.Simulation;

/// <summary>Entropy out of the world's seed, signatures by RFC 6979: the same seed gives the same bytes.</summary>
internal sealed class SimulatedCrypto(World world) : ICryptoHost
{
    private static readonly TlsCredential Credential = MakeCredential();

    public void FillEntropy(Span<byte> buffer) => world.Random.Fill(buffer);

    public TlsCredential? SelectCredential(SelectCertificateRequest request) => request.ForServer ? Credential : null;

    public CertificateVerdict Validate(ValidateCertificateRequest request) => CertificateVerdict.Trusted;

    private static TlsCredential MakeCredential()
    {
        DeterministicSigner signer = new(SHA512.HashData("simulated"u8));
        return new([signer.CreateCertificate("web.test", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200))], signer);
    }
}
