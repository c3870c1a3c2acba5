using System.Text.Json;

namespace Net.Core.Connections;

/// <summary>What an application protocol tells a connection's observer of itself (draft-ietf-quic-qlog-main-schema-14, section 7).</summary>
internal interface IApplicationEvent
{
    /// <summary>With its namespace, such as <c>http3:frame_created</c>.</summary>
    string Name { get; }

    /// <summary>Writes the members of the event's data. No secrets, and nothing of what users send to each other.</summary>
    void Write(Utf8JsonWriter json);
}
