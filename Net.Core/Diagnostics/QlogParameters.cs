using System.Text;
using System.Text.Json;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Diagnostics;

/// <summary>What the two ends have said of themselves, and agreed on.</summary>
internal static class QlogParameters
{
    /// <summary>Versions of a peer's list that are written down.</summary>
    private const int MaxVersions = 64;

    public static void Write(QlogWriter writer, TransportParameters p, bool isLocal, bool ofServer, TlsSession? session, Instant now)
    {
        Utf8JsonWriter json = writer.Begin("quic:parameters_set"u8, now);
        json.WriteString("initiator"u8, isLocal ? "local"u8 : "remote"u8);
        WriteId(json, "original_destination_connection_id"u8, p.OriginalDestinationConnectionId);
        WriteId(json, "initial_source_connection_id"u8, p.InitialSourceConnectionId);
        WriteId(json, "retry_source_connection_id"u8, p.RetrySourceConnectionId);
        json.WriteBoolean("disable_active_migration"u8, p.DisableActiveMigration);
        json.WriteNumber("max_idle_timeout"u8, (long)p.MaxIdleTimeout.TotalMilliseconds);
        json.WriteNumber("max_udp_payload_size"u8, p.MaxUdpPayloadSize);
        json.WriteNumber("ack_delay_exponent"u8, p.AckDelayExponent);
        json.WriteNumber("max_ack_delay"u8, (long)p.MaxAckDelay.TotalMilliseconds);
        json.WriteNumber("active_connection_id_limit"u8, p.ActiveConnectionIdLimit);
        json.WriteNumber("initial_max_data"u8, p.InitialMaxData);
        json.WriteNumber("initial_max_stream_data_bidi_local"u8, p.InitialMaxStreamDataBidiLocal);
        json.WriteNumber("initial_max_stream_data_bidi_remote"u8, p.InitialMaxStreamDataBidiRemote);
        json.WriteNumber("initial_max_stream_data_uni"u8, p.InitialMaxStreamDataUni);
        json.WriteNumber("initial_max_streams_bidi"u8, p.InitialMaxStreamsBidi);
        json.WriteNumber("initial_max_streams_uni"u8, p.InitialMaxStreamsUni);
        if (p.MaxDatagramFrameSize > 0)
        {
            json.WriteNumber("max_datagram_frame_size"u8, p.MaxDatagramFrameSize);
        }

        if (p.PreferredAddress is PreferredAddress preferred)
        {
            WritePreferred(json, preferred);
        }

        writer.End();
        if (p.VersionInformation is VersionInformation versions)
        {
            // The peer's list, as long as it likes: as much of it as anybody would look at.
            json = writer.Begin("quic:version_information"u8, now);
            json.WriteStartArray(ofServer ? "server_versions"u8 : "client_versions"u8);
            for (int i = 0; i < int.Min(versions.Available.Length, MaxVersions); i++)
            {
                json.WriteStringValue(QlogNames.OfVersion(versions.Available[i]));
            }

            json.WriteEndArray();
            json.WriteString("chosen_version"u8, QlogNames.OfVersion(versions.Chosen));
            writer.End();
        }

        if (session is not null)
        {
            WriteSession(writer, session, now);
        }
    }

    public static void WriteSession(QlogWriter writer, TlsSession session, Instant now)
    {
        Utf8JsonWriter json = writer.Begin("quic:parameters_set"u8, now);
        json.WriteString("tls_cipher"u8, QlogNames.Of(session.Suite));
        writer.End();

        json = writer.Begin("quic:alpn_information"u8, now);
        json.WriteStartObject("chosen_alpn"u8);
        // A peer's bytes, if we let it choose: hex as they are, and as text if they are one.
        json.WriteString("byte_value"u8, Convert.ToHexStringLower(session.Alpn.Span));
        json.WriteString("string_value"u8, Encoding.UTF8.GetString(session.Alpn.Span));
        json.WriteEndObject();
        writer.End();
    }

    private static void WriteId(Utf8JsonWriter json, ReadOnlySpan<byte> field, ConnectionId? id)
    {
        if (id is ConnectionId value)
        {
            json.WriteString(field, value.ToString());
        }
    }

    private static void WritePreferred(Utf8JsonWriter json, in PreferredAddress preferred)
    {
        json.WriteStartObject("preferred_address"u8);
        if (!preferred.IPv4.IsNone)
        {
            json.WriteString("ip_v4"u8, preferred.IPv4.ToEndPoint().Address.ToString());
            json.WriteNumber("port_v4"u8, preferred.IPv4.Port);
        }

        if (!preferred.IPv6.IsNone)
        {
            json.WriteString("ip_v6"u8, preferred.IPv6.ToEndPoint().Address.ToString());
            json.WriteNumber("port_v6"u8, preferred.IPv6.Port);
        }

        json.WriteString("connection_id"u8, preferred.ConnectionId.ToString());
        json.WriteEndObject();
    }
}
