using System.Buffers;
using System.Text.Json;
using Net.Core.Time;

namespace Net.Core.Diagnostics;

/// <summary>Writes the records of a qlog file as a sequence of JSON texts: each between a record separator and a line feed (RFC 7464).</summary>
/// <remarks>All text goes through the JSON writer: whatever a peer has put into it is escaped (checklist S42).</remarks>
#pragma warning disable CA1001 // A JSON writer over a buffer holds nothing that anybody waits for.
internal sealed class QlogWriter(ITraceSink sink, Instant start)
#pragma warning restore CA1001
{
    private const byte RecordSeparator = 0x1E;

    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Utf8JsonWriter _json = new(new ArrayBufferWriter<byte>(1));

    /// <summary>Begins an event; its data is written to what this returns.</summary>
    /// <param name="name">Such as <c>quic:packet_sent</c>.</param>
    public Utf8JsonWriter Begin(ReadOnlySpan<byte> name, Instant now)
    {
        Utf8JsonWriter json = BeginRecord();
        json.WriteNumber("time"u8, Milliseconds(now - start));
        json.WriteString("name"u8, name);
        json.WriteStartObject("data"u8);
        return json;
    }

    /// <inheritdoc cref="Begin(ReadOnlySpan{byte}, Instant)"/>
    public Utf8JsonWriter Begin(string name, Instant now)
    {
        Utf8JsonWriter json = BeginRecord();
        json.WriteNumber("time"u8, Milliseconds(now - start));
        json.WriteString("name"u8, name);
        json.WriteStartObject("data"u8);
        return json;
    }

    /// <summary>Ends the event and gives it to the sink.</summary>
    public void End()
    {
        _json.WriteEndObject();
        EndRecord();
    }

    /// <summary>Begins a record that is not an event.</summary>
    public Utf8JsonWriter BeginRecord()
    {
        _buffer.ResetWrittenCount();
        _buffer.Write([RecordSeparator]);
        _json.Reset(_buffer);
        _json.WriteStartObject();
        return _json;
    }

    public void EndRecord()
    {
        _json.WriteEndObject();
        _json.Flush();
        _buffer.Write("\n"u8);
        sink.Write(_buffer.WrittenSpan);
    }

    public void EndTrace() => sink.End();

    /// <summary>With all that an instant can tell: 100 ns.</summary>
    public static decimal Milliseconds(TimeSpan span) => (decimal)span.Ticks / TimeSpan.TicksPerMillisecond;
}
