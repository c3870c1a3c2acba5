using Net.Core.Wire;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>
/// What peers have to ignore, sent now and then so that one which does not is found out before there is an extension that it breaks: a setting, frames and
/// a stream of reserved types (RFC 9114, sections 6.2.3, 7.2.4.1 and 7.2.8).
/// </summary>
/// <remarks>All of it follows from a connection's seed, which travels with it: so a move neither repeats nor changes anything, and nothing is to be kept.</remarks>
internal readonly struct Grease(ulong seed)
{
    /// <summary>Messages for each that begins with a reserved frame.</summary>
    public const int MessagesEach = 16;

    /// <summary>Connections for each that has a reserved stream, and for each whose SETTINGS are followed by a reserved frame.</summary>
    public const int ConnectionsEach = 4;

    /// <summary>The longest frame: a type and a length, and a few bytes.</summary>
    public const int MaxFrame = 8 + 1 + MaxPayload;

    private const int MaxPayload = 15;

    /// <summary>One of the types 0x1f * N + 0x21, of one to eight bytes.</summary>
    public static ulong TypeOf(ulong random) => 0x21 + (0x1F * (random >> 8 >> (int)(random % 4 * 16)));

    /// <summary>A setting that means nothing, in each SETTINGS.</summary>
    public (ulong Id, ulong Value) Setting => (TypeOf(Random(1, 0)), Random(1, 1) & VarInt.MaxValue);

    /// <summary>Bytes behind SETTINGS on the control stream; often none.</summary>
    public void WriteBehindSettings(ref ByteWriter writer) => WriteFrame(ref writer, 2, 0, ConnectionsEach);

    /// <summary>Bytes in front of a message's head; mostly none.</summary>
    public void WriteBeforeHead(ref ByteWriter writer, StreamId id) => WriteFrame(ref writer, 3, id.Value, MessagesEach);

    /// <summary>
    /// Opens a stream of a reserved type and ends it, if this connection is to have one. To be called once, when all others of ours are open: a peer may
    /// permit just these three.
    /// </summary>
    public void OpenStream(IStreamTransport transport)
    {
        if (Random(4, 0) % ConnectionsEach != 0 || !transport.TryOpen(unidirectional: true, out StreamId id))
        {
            return;
        }

        transport.SetPriority(id, 7, incremental: false);
        ByteWriter writer = new(stackalloc byte[MaxFrame]);
        writer.WriteVarInt(TypeOf(Random(4, 1)));
        WriteRandom(ref writer, Random(4, 2));
        if (transport.Write(id, writer.Written, fin: true) < writer.Position)
        {
            transport.Reset(id, (ulong)Http3ErrorCode.NoError);
        }
    }

    private void WriteFrame(ref ByteWriter writer, ulong place, ulong number, int each)
    {
        ulong random = Random(place, number);
        if (random % (ulong)each == 0)
        {
            writer.WriteVarInt(TypeOf(Mix(random)));
            int length = (int)(random >> 60);
            writer.WriteVarInt((ulong)length);
            WriteRandom(ref writer, Mix(random + 1), length);
        }
    }

    private static void WriteRandom(ref ByteWriter writer, ulong random, int? length = null)
    {
        for (int left = length ?? (int)(random >> 60); left > 0; left--)
        {
            writer.WriteByte((byte)random);
            random = Mix(random);
        }
    }

    private ulong Random(ulong place, ulong number) => Mix(Mix(seed + place) + number);

    /// <summary>SplitMix64: each bit of the result depends on all of the argument.</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
