using System.Text.Json;
using Net.Core.Connections;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Diagnostics;

/// <summary>
/// One connection's trace as a qlog file (draft-ietf-quic-qlog-main-schema-14, QlogFileSeq; draft-ietf-quic-qlog-quic-events-13): what was
/// sent, received, dropped and lost, and what changed. qvis reads it as well, which looks for the fields of version 0.3 in the header.
/// </summary>
/// <remarks>
/// Secrets are in no event: neither keys, nor tokens, nor stateless reset tokens, nor stream data. Addresses and connection IDs are.
/// </remarks>
internal sealed class QlogTrace : IConnectionObserver
{
    public const string QuicEvents = "urn:ietf:params:qlog:events:quic-13";

    /// <summary>Of the application protocol, where it is HTTP/3.</summary>
    public const string Http3Events = "urn:ietf:params:qlog:events:http3-13";

    /// <summary>Ours: the steps of a hand-over, and what becomes of 0-RTT data, for which the draft has no event.</summary>
    public const string OwnershipEvents = "urn:x-continuum:qlog:events:ownership-1";

    private readonly QlogWriter _writer;
    private readonly QlogChanges _changes;
    private ConnectionView _view;
    private Instant _latest;

    /// <param name="started">The reading of a wall clock that belongs to <paramref name="now"/>: events have monotonic time alone.</param>
    public QlogTrace(ITraceSink sink, in ConnectionView view, DateTimeOffset started, Instant now)
    {
        _writer = new(sink, now);
        _view = view;
        _latest = now;
        WriteHeader(view, started);
        _changes = new(_writer, view, now);
    }

    public void OnPacketSent(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:packet_sent"u8, now);
        WriteHeader(json, packet);
        QlogFrames.Write(json, payload, _view.Local.AckDelayExponent);
        WriteRaw(json, packet.Length, payload.Length);
        if (packet.IsMtuProbe)
        {
            json.WriteBoolean("is_mtu_probe_packet"u8, true);
        }

        _writer.End();
    }

    public void OnPacketReceived(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:packet_received"u8, now);
        WriteHeader(json, packet);
        if (packet.Kind != PacketKind.Retry)
        {
            QlogFrames.Write(json, payload, _view.Peer?.AckDelayExponent ?? 3);
        }

        WriteRaw(json, packet.Length, payload.Length);
        _writer.End();
    }

    public void OnPacketNotRead(PacketKind kind, int length, PacketFate fate, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin(fate == PacketFate.Buffered ? "quic:packet_buffered"u8 : "quic:packet_dropped"u8, now);
        json.WriteStartObject("header"u8);
        json.WriteString("packet_type"u8, QlogNames.Of(kind));
        json.WriteEndObject();
        json.WriteStartObject("raw"u8);
        json.WriteNumber("length"u8, length);
        json.WriteEndObject();
        json.WriteString("trigger"u8, QlogNames.Of(fate));
        _writer.End();
    }

    public void OnPacketLost(PacketNumberSpace space, in SentPacket packet, bool byNumber, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:packet_lost"u8, now);
        json.WriteStartObject("header"u8);
        json.WriteString("packet_type"u8, QlogNames.Of(space));
        json.WriteNumber("packet_number"u8, packet.Number);
        json.WriteEndObject();
        json.WriteString("trigger"u8, byNumber ? "reordering_threshold"u8 : "time_threshold"u8);
        _writer.End();
    }

    public void OnVersionNegotiation(ReadOnlySpan<uint> offered, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:packet_received"u8, now);
        json.WriteStartObject("header"u8);
        json.WriteString("packet_type"u8, "version_negotiation"u8);
        json.WriteEndObject();
        WriteVersions(json, "supported_versions"u8, offered);
        _writer.End();

        json = _writer.Begin("quic:version_information"u8, now);
        WriteVersions(json, "client_versions"u8, [_view.Version]);
        WriteVersions(json, "server_versions"u8, offered);
        _writer.End();
    }

    public void OnStep(in ConnectionView view, Instant now)
    {
        _latest = now;
        if (view != _view)
        {
            _changes.Write(_view, view, now);
            _view = view;
        }
    }

    public void OnOwnership(OwnershipStep step, ulong epoch, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin(QlogNames.Of(step), now);
        json.WriteNumber("epoch"u8, epoch);
        _writer.End();
    }

    public void OnApplicationEvent(IApplicationEvent e, Instant now)
    {
        // Without an endpoint, in tests, nobody knows the time: events stay in order.
        _latest = now > _latest ? now : _latest;
        e.Write(_writer.Begin(e.Name, _latest));
        _writer.End();
    }

    public void OnReleased() => _writer.EndTrace();

    private void WriteHeader(in ConnectionView view, DateTimeOffset started)
    {
        Utf8JsonWriter json = _writer.BeginRecord();
        json.WriteString("file_schema"u8, "urn:ietf:params:qlog:file:sequential"u8);
        json.WriteString("serialization_format"u8, "application/qlog+json-seq"u8);
        json.WriteString("qlog_version"u8, "0.3"u8);
        json.WriteString("qlog_format"u8, "JSON-SEQ"u8);
        json.WriteString("title"u8, "Continuum.Net"u8);
        json.WriteStartObject("trace"u8);
        json.WriteStartArray("event_schemas"u8);
        json.WriteStringValue(QuicEvents);
        json.WriteStringValue(Http3Events);
        json.WriteStringValue(OwnershipEvents);
        json.WriteEndArray();
        json.WriteStartObject("common_fields"u8);
        json.WriteString("group_id"u8, view.OriginalDestination.ToString());
        json.WriteString("time_format"u8, "relative_to_epoch"u8);
        json.WriteStartObject("reference_time"u8);
        json.WriteString("clock_type"u8, "monotonic"u8);
        json.WriteString("epoch"u8, "unknown"u8);
        json.WriteString("wall_clock_time"u8, started);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("vantage_point"u8);
        json.WriteString("type"u8, view.IsServer ? "server"u8 : "client"u8);
        json.WriteEndObject();
        json.WriteEndObject();
        _writer.EndRecord();
    }

    private static void WriteHeader(Utf8JsonWriter json, in PacketTrace packet)
    {
        json.WriteStartObject("header"u8);
        json.WriteString("packet_type"u8, QlogNames.Of(packet.Kind));
        if (packet.Kind != PacketKind.Retry)
        {
            json.WriteNumber("packet_number"u8, packet.Number);
        }

        if (packet.Kind == PacketKind.OneRtt)
        {
            json.WriteNumber("key_phase"u8, packet.KeyPhase);
            json.WriteString("dcid"u8, packet.Destination.ToString());
        }
        else
        {
            json.WriteString("version"u8, QlogNames.OfVersion(packet.Version));
            json.WriteString("scid"u8, packet.Source.ToString());
            json.WriteString("dcid"u8, packet.Destination.ToString());
        }

        if (packet.TokenLength > 0)
        {
            // Its length alone: who reads the trace must not be able to use it.
            json.WriteStartObject("token"u8);
            json.WriteStartObject("raw"u8);
            json.WriteNumber("length"u8, packet.TokenLength);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteRaw(Utf8JsonWriter json, int length, int payload)
    {
        json.WriteStartObject("raw"u8);
        json.WriteNumber("length"u8, length);
        json.WriteNumber("payload_length"u8, payload);
        json.WriteEndObject();
    }

    private static void WriteVersions(Utf8JsonWriter json, ReadOnlySpan<byte> field, ReadOnlySpan<uint> versions)
    {
        json.WriteStartArray(field);
        foreach (uint version in versions)
        {
            json.WriteStringValue(QlogNames.OfVersion(version));
        }

        json.WriteEndArray();
    }
}
