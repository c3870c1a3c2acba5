using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Crypto;
using Net.Core.Tls;

namespace Net.Tests.Core.Tls;

/// <summary>A host whose entropy comes from a seed, whose keys are made once, and whose trust is a property.</summary>
internal sealed class TestHost(ulong seed) : ICryptoHost
{
    private ulong _drawn;

    /// <summary>Made once for all tests: signing is the library's, and fast.</summary>
    public static TlsCredential Server { get; } = Credential("server.test");

    public static TlsCredential Client { get; } = Credential("client.test");

    public TlsCredential? ServerCredential { get; set; } = Server;

    public TlsCredential? ClientCredential { get; set; }

    public CertificateVerdict Verdict { get; set; }

    public List<CryptoRequest> Requests { get; } = [];

    public static TlsCredential Credential(string name) => Credential(name, ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);

    public static TlsCredential Credential(string name, ECDsa key, HashAlgorithmName hash)
    {
        System.Security.Cryptography.X509Certificates.CertificateRequest request = new($"CN={name}", key, hash);
        X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return new([certificate.RawData], new X509Signer(certificate));
    }

    public void FillEntropy(Span<byte> buffer)
    {
        Span<byte> input = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(input, seed);
        while (!buffer.IsEmpty)
        {
            BinaryPrimitives.WriteUInt64BigEndian(input[8..], _drawn++);
            byte[] block = SHA256.HashData(input);
            int count = int.Min(block.Length, buffer.Length);
            block.AsSpan(0, count).CopyTo(buffer);
            buffer = buffer[count..];
        }
    }

    public TlsCredential? SelectCredential(SelectCertificateRequest request)
    {
        Requests.Add(request);
        return request.ForServer ? ServerCredential : ClientCredential;
    }

    public CertificateVerdict Validate(ValidateCertificateRequest request)
    {
        Requests.Add(request);
        return Verdict;
    }
}
