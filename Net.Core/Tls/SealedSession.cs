using Net.Core.Crypto;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>What a server's ticket holds, for any server that can open it: nothing of a connection is kept anywhere else.</summary>
/// <param name="Suite">Its hash is the key's; 0-RTT needs the very same suite (RFC 8446, section 4.2.10).</param>
/// <param name="Version">QUIC version: a ticket is not taken across versions (RFC 9369, section 5).</param>
/// <param name="IssuedAt">Second of the wall clock.</param>
/// <param name="Lifetime">Seconds.</param>
/// <param name="AgeAdd">ticket_age_add, which hides the age from the path.</param>
/// <param name="Alpn">The application protocol of the session.</param>
/// <param name="ServerName">The name that the client asked for, in lower case; null without SNI.</param>
/// <param name="Psk">The pre-shared key, one hash long.</param>
/// <param name="Limits">What the client was told, which a server that accepts 0-RTT may not reduce.</param>
/// <param name="ApplicationState">What the application protocol was told, compared byte for byte; see <see cref="TlsServerOptions.EarlyDataState"/>.</param>
internal sealed record SealedSession(
    CipherSuite Suite,
    uint Version,
    long IssuedAt,
    uint Lifetime,
    uint AgeAdd,
    ReadOnlyMemory<byte> Alpn,
    string? ServerName,
    ReadOnlyMemory<byte> Psk,
    RememberedLimits Limits,
    ReadOnlyMemory<byte> ApplicationState)
{
    /// <summary>Never the key.</summary>
    public override string ToString() => $"session of {ServerName}";

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)Suite);
        writer.WriteNumber(Version);
        writer.WriteNumber((ulong)IssuedAt);
        writer.WriteNumber(Lifetime);
        writer.WriteNumber(AgeAdd);
        writer.WriteBytes(Alpn.Span);
        writer.WriteBool(ServerName is not null);
        if (ServerName is not null)
        {
            writer.WriteString(ServerName);
        }

        writer.WriteBytes(Psk.Span);
        Limits.Export(writer);
        writer.WriteBytes(ApplicationState.Span);
    }

    /// <exception cref="SnapshotException">Malformed: of another release, as nobody else can make one that opens.</exception>
    public static SealedSession Import(SnapshotReader reader)
    {
        CipherSuite suite = (CipherSuite)reader.ReadNumber(ushort.MaxValue);
        if (!suite.IsKnown)
        {
            throw new SnapshotException("a ticket of an unknown cipher suite");
        }

        SealedSession session = new(
            suite,
            (uint)reader.ReadNumber(uint.MaxValue),
            (long)reader.ReadNumber(long.MaxValue / 2),
            (uint)reader.ReadNumber(TlsLimits.TicketLifetime),
            (uint)reader.ReadNumber(uint.MaxValue),
            reader.ReadBytes().ToArray(),
            reader.ReadBool() ? reader.ReadString() : null,
            reader.ReadBytes(suite.HashLength).ToArray(),
            RememberedLimits.Import(reader),
            reader.ReadBytes().ToArray());
        reader.End();
        return session;
    }
}
