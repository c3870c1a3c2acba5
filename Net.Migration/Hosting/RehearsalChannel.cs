using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Migration.Hosting;

/// <summary>A socket of a rehearsal: what is sent is handed over, what arrives waits for the next step.</summary>
internal sealed class RehearsalChannel(UdpAddress local) : IDatagramChannel
{
    private const int MaxQueued = 256;

    private readonly Queue<(byte[] Bytes, UdpAddress From)> _arrived = new();

    public UdpAddress Local => local;

    public int Headroom => 0;

    public Action<byte[], UdpAddress> Sent { get; init; } = static (_, _) => { };

    public void Arrive(byte[] bytes, UdpAddress from)
    {
        if (_arrived.Count < MaxQueued)
        {
            _arrived.Enqueue((bytes, from));
        }
    }

    public bool TryReceive(ReceiveBatch batch)
    {
        batch.Clear();
        while (_arrived.Count > 0 && batch.TryReserve(out Span<byte> room))
        {
            (byte[] bytes, UdpAddress from) = _arrived.Dequeue();
            bytes.CopyTo(room);
            batch.Commit(bytes.Length, 0, new(from, local, 0), Ecn.NotEct);
        }

        return !batch.IsEmpty;
    }

    public bool TrySend(Span<byte> buffer, in Transmit transmit)
    {
        for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
        {
            Sent(buffer.Slice(at, int.Min(transmit.SegmentSize, transmit.Length - at)).ToArray(), transmit.Path.Remote);
        }

        return true;
    }

    public void Wait(TimeSpan timeout)
    {
    }

    public void Wake()
    {
    }

    public void Dispose()
    {
    }
}

/// <summary>Keys of a rehearsal: a certificate that nobody else sees, and that its one client trusts.</summary>
internal sealed class RehearsalCrypto : ICryptoHost, IDisposable
{
    private readonly HostCrypto _host;

    public RehearsalCrypto()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=rehearsal", key, HashAlgorithmName.SHA256);
        Certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        _host = new(new() { DefaultServerCertificate = Certificate });
    }

    public X509Certificate2 Certificate { get; }

    public void FillEntropy(Span<byte> buffer) => _host.FillEntropy(buffer);

    public TlsCredential? SelectCredential(SelectCertificateRequest request) => _host.SelectCredential(request);

    public CertificateVerdict Validate(ValidateCertificateRequest request) => CertificateVerdict.Trusted;

    public void Dispose()
    {
        _host.Dispose();
        Certificate.Dispose();
    }
}
