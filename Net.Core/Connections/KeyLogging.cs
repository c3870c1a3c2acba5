using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Names the secrets of TLS as a key log does (RFC 9850, section 2.1), if there is one.</summary>
internal static class KeyLogging
{
    public static void OnSecret(ConnectionParts c, ITlsHandshake tls, in TlsSecret secret) =>
        c.Options.KeyLog?.Log(LabelOf(secret.Level, ofClient: secret.IsWrite != c.IsServer), tls.ClientRandom.Span, secret.Secret.Span);

    public static void OnEarlyData(ConnectionParts c, ITlsHandshake tls, TlsSession early) =>
        c.Options.KeyLog?.Log("EARLY_EXPORTER_SECRET", tls.ClientRandom.Span, early.ExporterSecret.Span);

    public static void OnComplete(ConnectionParts c, ITlsHandshake tls, TlsSession session) =>
        c.Options.KeyLog?.Log("EXPORTER_SECRET", tls.ClientRandom.Span, session.ExporterSecret.Span);

    private static string LabelOf(EncryptionLevel level, bool ofClient) => (level, ofClient) switch
    {
        (EncryptionLevel.ZeroRtt, _) => "CLIENT_EARLY_TRAFFIC_SECRET",
        (EncryptionLevel.Handshake, true) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        (EncryptionLevel.Handshake, false) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        (_, true) => "CLIENT_TRAFFIC_SECRET_0",
        _ => "SERVER_TRAFFIC_SECRET_0",
    };
}
