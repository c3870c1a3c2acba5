using System.Text.Json;
using Net.Core.Connections;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>A frame that was made or read (draft-ietf-quic-qlog-h3-events-13): <c>http3:frame_created</c>, <c>http3:frame_parsed</c>.</summary>
/// <param name="IsCreated">By us.</param>
/// <param name="Stream">The stream that carries it.</param>
/// <param name="Type">Its type, a reserved or an unknown one included.</param>
/// <param name="Length">Bytes of its payload, where they were counted.</param>
internal sealed record FrameTrace(bool IsCreated, StreamId Stream, Http3FrameType Type, ulong? Length) : IApplicationEvent
{
    private const ulong ReservedStep = 0x1F, ReservedFirst = 0x21;

    /// <summary>Of fields of these names the value is written down too: it says nothing of the user. Paths, cookies and their like are not.</summary>
    private static readonly HashSet<string> s_harmless = [":method", ":scheme", ":status", "content-length", "content-type", "priority"];

    public string Name => IsCreated ? "http3:frame_created" : "http3:frame_parsed";

    /// <summary>Of HEADERS.</summary>
    public FieldSection? Fields { get; init; }

    /// <summary>Of SETTINGS.</summary>
    public Http3Settings? Settings { get; init; }

    /// <summary>The ID in GOAWAY, MAX_PUSH_ID, CANCEL_PUSH and PRIORITY_UPDATE.</summary>
    public ulong? Value { get; init; }

    /// <summary>Of PRIORITY_UPDATE.</summary>
    public string? Priority { get; init; }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("stream_id"u8, Stream.Value);
        json.WriteStartObject("frame"u8);
        WriteType(json);
        if (Fields is not null)
        {
            json.WriteStartArray("headers"u8);
            foreach (Field field in Fields)
            {
                json.WriteStartObject();
                json.WriteString("name"u8, field.Name);
                if (s_harmless.Contains(field.Name))
                {
                    json.WriteString("value"u8, field.Value);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (Settings is Http3Settings settings)
        {
            WriteSettings(json, settings);
        }

        if (Value is ulong value)
        {
            json.WriteNumber(Type switch { Http3FrameType.GoAway => "id"u8, Http3FrameType.PriorityUpdate => "stream_id"u8, _ => "push_id"u8 }, value);
        }

        if (Priority is not null)
        {
            json.WriteString("priority_field_value"u8, Priority);
        }

        if (Length is ulong length)
        {
            json.WriteStartObject("raw"u8);
            json.WriteNumber("payload_length"u8, length);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private void WriteType(Utf8JsonWriter json)
    {
        ReadOnlySpan<byte> name = Type switch
        {
            Http3FrameType.Data => "data"u8,
            Http3FrameType.Headers => "headers"u8,
            Http3FrameType.CancelPush => "cancel_push"u8,
            Http3FrameType.Settings => "settings"u8,
            Http3FrameType.PushPromise => "push_promise"u8,
            Http3FrameType.GoAway => "goaway"u8,
            Http3FrameType.MaxPushId => "max_push_id"u8,
            Http3FrameType.PriorityUpdate or Http3FrameType.PriorityUpdatePush => "priority_update"u8,
            _ => default,
        };
        if (!name.IsEmpty)
        {
            json.WriteString("frame_type"u8, name);
            return;
        }

        bool isReserved = (ulong)Type >= ReservedFirst && ((ulong)Type - ReservedFirst) % ReservedStep == 0;
        json.WriteString("frame_type"u8, isReserved ? "reserved"u8 : "unknown"u8);
        json.WriteNumber("frame_type_bytes"u8, (ulong)Type);
    }

    private static void WriteSettings(Utf8JsonWriter json, in Http3Settings settings)
    {
        json.WriteStartArray("settings"u8);
        WriteOne(json, "settings_max_field_section_size"u8, settings.MaxFieldSectionSize);
        WriteOne(json, "settings_qpack_max_table_capacity"u8, settings.QpackMaxTableCapacity);
        WriteOne(json, "settings_qpack_blocked_streams"u8, settings.QpackBlockedStreams);
        WriteOne(json, "settings_enable_connect_protocol"u8, settings.EnableConnect ? 1UL : 0);
        WriteOne(json, "settings_h3_datagram"u8, settings.Datagrams ? 1UL : 0);
        json.WriteEndArray();
    }

    private static void WriteOne(Utf8JsonWriter json, ReadOnlySpan<byte> name, ulong value)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, name);
        json.WriteNumber("value"u8, value);
        json.WriteEndObject();
    }
}

/// <summary>What one end's SETTINGS say: <c>http3:parameters_set</c>.</summary>
internal sealed record ParametersTrace(bool IsLocal, Http3Settings Settings) : IApplicationEvent
{
    public string Name => "http3:parameters_set";

    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("initiator"u8, IsLocal ? "local"u8 : "remote"u8);
        if (Settings.MaxFieldSectionSize != VarInt.MaxValue)
        {
            json.WriteNumber("max_field_section_size"u8, Settings.MaxFieldSectionSize);
        }

        json.WriteNumber("max_table_capacity"u8, Settings.QpackMaxTableCapacity);
        json.WriteNumber("blocked_streams_count"u8, Settings.QpackBlockedStreams);
        json.WriteNumber("extended_connect"u8, Settings.EnableConnect ? 1 : 0);
        json.WriteNumber("h3_datagram"u8, Settings.Datagrams ? 1 : 0);
    }
}

/// <summary>What a stream is for: <c>http3:stream_type_set</c>.</summary>
/// <param name="Type">Null for a request.</param>
internal sealed record StreamTypeTrace(bool IsLocal, StreamId Stream, Http3StreamType? Type) : IApplicationEvent
{
    public string Name => "http3:stream_type_set";

    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("initiator"u8, IsLocal ? "local"u8 : "remote"u8);
        json.WriteNumber("stream_id"u8, Stream.Value);
        json.WriteString("stream_type"u8, Type switch
        {
            null => "request"u8,
            Http3StreamType.Control => "control"u8,
            Http3StreamType.Push => "push"u8,
            Http3StreamType.QpackEncoder => "qpack_encode"u8,
            Http3StreamType.QpackDecoder => "qpack_decode"u8,
            _ => "unknown"u8,
        });
        if (Type is Http3StreamType other and > Http3StreamType.QpackDecoder)
        {
            json.WriteNumber("stream_type_bytes"u8, (ulong)other);
        }
    }
}
