using Net.Core.Crypto;
using Net.Core.Snapshots;

namespace Net.Core.Tls;

/// <summary>What a finished handshake leaves behind for the connection's life. It never changes, and travels within the connection's identity.</summary>
internal sealed class TlsSession
{
    public required CipherSuite Suite { get; init; }

    /// <summary>The application protocol, such as <c>h3</c>; 1 to 255 bytes.</summary>
    public required ReadOnlyMemory<byte> Alpn { get; init; }

    /// <summary>The name that the client asked for, in lower case; null without SNI.</summary>
    public string? ServerName { get; init; }

    /// <summary>DER, the peer's own first; empty when it showed none.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> PeerCertificates { get; init; } = [];

    /// <summary>It began with a ticket: the peer's certificates are those of the session before.</summary>
    public bool IsResumed { get; init; }

    /// <summary>What became of 0-RTT data.</summary>
    public EarlyDataState EarlyData { get; init; }

    /// <summary>Of a client: it can use tickets (psk_dhe_ke).</summary>
    public bool TakesTickets { get; init; }

    /// <summary>exporter_master_secret (RFC 8446, section 7.5), or early_exporter_master_secret in a session that is not complete yet; one hash long.</summary>
    public required ReadOnlyMemory<byte> ExporterSecret { get; init; }

    /// <summary>resumption_master_secret; one hash long.</summary>
    public required ReadOnlyMemory<byte> ResumptionSecret { get; init; }

    /// <exception cref="SnapshotException">The fields are cut short or contradict each other.</exception>
    public static TlsSession Import(SnapshotReader reader)
    {
        CipherSuite suite = (CipherSuite)reader.ReadNumber(ushort.MaxValue);
        if (!suite.IsKnown)
        {
            throw new SnapshotException("an unknown cipher suite");
        }

        ReadOnlyMemory<byte> alpn = reader.ReadBytes();
        string? name = reader.ReadBool() ? reader.ReadString() : null;
        int count = reader.ReadCount();
        if (alpn.Length is 0 or > 255 || name?.Length > TlsLimits.ServerName || count > TlsLimits.CertificateChain)
        {
            throw new SnapshotException("a TLS session is out of its limits");
        }

        ReadOnlyMemory<byte>[] chain = new ReadOnlyMemory<byte>[count];
        for (int i = 0; i < count; i++)
        {
            chain[i] = reader.ReadBytes().ToArray();
        }

        return new()
        {
            Suite = suite,
            Alpn = alpn.ToArray(),
            ServerName = name,
            PeerCertificates = chain,
            ExporterSecret = reader.ReadBytes(suite.HashLength).ToArray(),
            ResumptionSecret = reader.ReadBytes(suite.HashLength).ToArray(),
            IsResumed = reader.ReadBool(),
            EarlyData = (EarlyDataState)reader.ReadNumber((ulong)EarlyDataState.Rejected),
            TakesTickets = reader.ReadBool(),
        };
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)Suite);
        writer.WriteBytes(Alpn.Span);
        writer.WriteBool(ServerName is not null);
        if (ServerName is not null)
        {
            writer.WriteString(ServerName);
        }

        writer.WriteNumber((ulong)PeerCertificates.Count);
        foreach (ReadOnlyMemory<byte> certificate in PeerCertificates)
        {
            writer.WriteBytes(certificate.Span);
        }

        writer.WriteBytes(ExporterSecret.Span);
        writer.WriteBytes(ResumptionSecret.Span);
        writer.WriteBool(IsResumed);
        writer.WriteNumber((ulong)EarlyData);
        writer.WriteBool(TakesTickets);
    }
}
