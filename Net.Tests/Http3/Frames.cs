using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Tests.Http3;

/// <summary>Bytes as a peer would send them, right or wrong.</summary>
internal static class Frames
{
    public static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[VarInt.Length(value)];
        new ByteWriter(bytes).WriteVarInt(value);
        return bytes;
    }

    public static byte[] Frame(Http3FrameType type, params byte[] payload) => [.. Number((ulong)type), .. Number((ulong)payload.Length), .. payload];

    public static byte[] Headers(params (string Name, string Value)[] fields) => Frame(Http3FrameType.Headers, Section(fields));

    public static byte[] Section(params (string Name, string Value)[] fields)
    {
        FieldSection section = new();
        foreach ((string name, string value) in fields)
        {
            section.Add(name, value);
        }

        byte[] bytes = new byte[FieldSectionEncoder.MaxLength(section)];
        return bytes[..FieldSectionEncoder.Encode(section, bytes)];
    }

    public static byte[] Request(string method = "GET", params (string Name, string Value)[] more) =>
        Headers([(":method", method), (":scheme", "https"), (":authority", "web.test"), (":path", "/"), .. more]);

    public static byte[] Data(params byte[] payload) => Frame(Http3FrameType.Data, payload);

    /// <summary>A control stream with empty SETTINGS.</summary>
    public static byte[] Control(params byte[] more) => [0x00, 0x04, 0x00, .. more];
}
