using System.Buffers;
using System.Text.Json;
using Net.Core.Connections;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Sessions;

/// <summary>What both ends of an HTTP/3 connection tell an observer (draft-ietf-quic-qlog-h3-events-13).</summary>
[TestClass]
public sealed class Http3TraceTests
{
    /// <summary>Goal: SETTINGS, stream types, and every frame of a request and its response are told by who makes and by who reads them, alike.</summary>
    [TestMethod]
    [DataRow(int.MaxValue)]
    [DataRow(1)]
    public void Both_ends_tell_the_frames_of_an_exchange(int pieces)
    {
        FakeLink link = new();
        (link.Client.Told, link.Server.Told) = ([], []);
        Http3Session client = new(link.Client), server = new(link.Server);
        link.Client.Attach(client);
        link.Server.Attach(server);
        client.Start();
        server.Start();
        link.Run(pieces);
        RequestHead head = new("POST", "https", "web.test", "/secret?token=1", new FieldSection(("cookie", "id=7"), ("priority", "u=1")));
        Assert.IsTrue(client.TryOpenRequest(head, hasBody: true, out StreamId id));
        Assert.AreEqual(5, client.Write(id, "hello"u8));
        Assert.IsTrue(client.TryFinish(id));
        client.Prioritize(id, new(2, Incremental: false));
        link.Run(pieces);
        Assert.IsNotNull(server.TakeRequest(id));
        Assert.AreEqual(ReadOutcome.Data, server.Read(id, new byte[10], out int read));
        Assert.AreEqual(5, read);
        Assert.IsTrue(server.Respond(id, new(200, new())));
        Assert.IsTrue(server.TryFinish(id));
        server.GoAway(final: true);
        link.Run(pieces);
        Assert.IsNotNull(client.TakeResponse(id));

        List<JsonElement> byClient = Json(link.Client.Told), byServer = Json(link.Server.Told);
        AssertAlike(byClient, byServer);
        AssertAlike(byServer, byClient);
        JsonElement request = Data(byServer, "http3:frame_parsed").First(data => Frame(data, "frame_type") == "headers");
        string[] names = [.. request.GetProperty("frame").GetProperty("headers").EnumerateArray().Select(field => field.GetProperty("name").GetString()!)];
        CollectionAssert.AreEquivalent(new[] { ":method", ":scheme", ":authority", ":path", "cookie", "priority" }, names);
        string all = string.Join('\n', byClient.Concat(byServer).Select(e => e.GetRawText()));
        Assert.Contains("\"value\":\"POST\"", all);
        Assert.DoesNotContain("secret", all, "a path may hold one");
        Assert.DoesNotContain("id=7", all, "and a cookie is one");

        JsonElement settings = Data(byClient, "http3:parameters_set").Single(data => data.GetProperty("initiator").GetString() == "remote");
        Assert.AreEqual((ulong)Http3Limits.MaxFieldSectionSize, settings.GetProperty("max_field_section_size").GetUInt64());
        Assert.IsTrue(Data(byServer, "http3:stream_type_set").Any(data => data.GetProperty("stream_type").GetString() == "request" && data.GetProperty("stream_id").GetUInt64() == id.Value));
        Assert.IsTrue(Data(byServer, "http3:stream_type_set").Count(data => data.GetProperty("stream_type").GetString() == "control") == 2);
    }

    /// <summary>Goal: what has no name is told by its number, and what nobody observes is not even made.</summary>
    [TestMethod]
    public void What_is_unknown_is_told_by_its_number()
    {
        FakeLink link = new();
        link.Server.Told = [];
        Http3Session server = new(link.Server);
        link.Server.Attach(server);
        server.Start();
        link.Client.Send(unidirectional: true, [0, 4, 0, 0x21, 1, 9, 0x30, 0]);
        link.Client.Send(unidirectional: true, [0x22]);
        link.Run();
        List<JsonElement> told = Json(link.Server.Told);
        JsonElement[] frames = [.. Data(told, "http3:frame_parsed")];
        CollectionAssert.AreEqual(new[] { "settings", "reserved", "unknown" }, frames.Select(data => Frame(data, "frame_type")).ToArray());
        Assert.AreEqual(0x21UL, frames[1].GetProperty("frame").GetProperty("frame_type_bytes").GetUInt64());
        Assert.AreEqual(1UL, frames[1].GetProperty("frame").GetProperty("raw").GetProperty("payload_length").GetUInt64());
        Assert.IsTrue(Data(told, "http3:stream_type_set").Any(data => data.TryGetProperty("stream_type_bytes", out JsonElement type) && type.GetUInt64() == 0x22));
        Assert.IsFalse(link.Client.IsObserved);
    }

    /// <summary>Every frame that one end made, the other has read.</summary>
    private static void AssertAlike(List<JsonElement> maker, List<JsonElement> reader) => CollectionAssert.AreEquivalent(
        Data(maker, "http3:frame_created").Select(Story).ToArray(), Data(reader, "http3:frame_parsed").Select(Story).ToArray());

    private static string Story(JsonElement data)
    {
        JsonElement frame = data.GetProperty("frame");
        string length = frame.TryGetProperty("raw", out JsonElement raw) && Frame(data, "frame_type") != "settings" ? raw.GetRawText() : "";
        string rest = string.Join(',', frame.EnumerateObject().Where(member => member.Name != "raw").Select(member => member.Value.GetRawText()));
        return $"{data.GetProperty("stream_id")} {rest} {length}";
    }

    private static string? Frame(JsonElement data, string member) => data.GetProperty("frame").GetProperty(member).GetString();

    private static IEnumerable<JsonElement> Data(List<JsonElement> told, string name) =>
        told.Where(e => e.GetProperty("name").GetString() == name).Select(e => e.GetProperty("data"));

    private static List<JsonElement> Json(List<IApplicationEvent> events)
    {
        List<JsonElement> read = [];
        foreach (IApplicationEvent e in events)
        {
            ArrayBufferWriter<byte> buffer = new();
            using (Utf8JsonWriter json = new(buffer))
            {
                json.WriteStartObject();
                json.WriteString("name"u8, e.Name);
                json.WriteStartObject("data"u8);
                e.Write(json);
                json.WriteEndObject();
                json.WriteEndObject();
            }

            read.Add(JsonDocument.Parse(buffer.WrittenMemory).RootElement);
        }

        return read;
    }
}
