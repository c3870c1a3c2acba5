using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Streams;

/// <summary>What one packet carried, without packets: the frames as bytes, and as the sender remembers them.</summary>
internal sealed record Parcel(byte[] Payload, SentFrame[] Frames)
{
    public bool Carries(SentFrameKind kind) => Frames.Any(frame => frame.Kind == kind);
}

/// <summary>Two stream tables and the means to carry frames between them.</summary>
internal sealed class StreamPair
{
    public const int PayloadSize = 1200;

    public StreamPair(StreamOptions? options = null)
    {
        options ??= new();
        Client = new(isServer: false, options);
        Server = new(isServer: true, options);
        PeerStreamLimits limits = LimitsOf(options);
        Client.OnPeerParameters(limits);
        Server.OnPeerParameters(limits);
    }

    public StreamTable Client { get; set; }

    public StreamTable Server { get; set; }

    public static PeerStreamLimits LimitsOf(StreamOptions options) => new(
        options.ConnectionWindow, options.StreamWindow, options.StreamWindow, options.StreamWindow, options.MaxBidirectional, options.MaxUnidirectional);

    public static Parcel Write(StreamTable table, int size = PayloadSize)
    {
        byte[] payload = new byte[size];
        SentFrameBuffer frames = new();
        PacketBuilder builder = new(payload, frames);
        table.WriteFrames(ref builder);
        return new(payload[..builder.Writer.Position], frames.Frames.ToArray());
    }

    public static TransportError Deliver(StreamTable table, Parcel parcel)
    {
        ByteReader reader = new(parcel.Payload);
        while (reader.TryReadVarInt(out ulong number))
        {
            FrameType type = (FrameType)number;
            TransportError error = type switch
            {
                >= FrameType.Stream and <= FrameType.StreamLast when StreamFrame.TryRead(type, ref reader, out StreamFrame f) => table.On(f),
                FrameType.ResetStream when ResetStreamFrame.TryRead(ref reader, out ResetStreamFrame f) => table.On(f),
                FrameType.StopSending when StopSendingFrame.TryRead(ref reader, out StopSendingFrame f) => table.On(f),
                FrameType.MaxData when MaxDataFrame.TryRead(ref reader, out MaxDataFrame f) => table.On(f),
                FrameType.MaxStreamData when MaxStreamDataFrame.TryRead(ref reader, out MaxStreamDataFrame f) => table.On(f),
                FrameType.DataBlocked when DataBlockedFrame.TryRead(ref reader, out DataBlockedFrame f) => table.On(f),
                FrameType.StreamDataBlocked when StreamDataBlockedFrame.TryRead(ref reader, out StreamDataBlockedFrame f) => table.On(f),
                FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional
                    when MaxStreamsFrame.TryRead(type, ref reader, out MaxStreamsFrame f) => table.On(f),
                FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional
                    when StreamsBlockedFrame.TryRead(type, ref reader, out StreamsBlockedFrame f) => table.On(f),
                _ => TransportError.FrameEncoding(number),
            };
            if (error.IsError)
            {
                return error;
            }
        }

        return TransportError.None;
    }

    public static void Acknowledge(StreamTable table, Parcel parcel)
    {
        foreach (SentFrame frame in parcel.Frames)
        {
            table.OnAcked(frame);
        }
    }

    public static void Lose(StreamTable table, Parcel parcel)
    {
        foreach (SentFrame frame in parcel.Frames)
        {
            table.OnLost(frame);
        }
    }

    /// <summary>Carries everything both ways, and acknowledges it, until both are silent.</summary>
    public void Settle()
    {
        for (int i = 0; i < 100_000 && (Client.HasFrames || Server.HasFrames); i++)
        {
            Carry(Client, Server);
            Carry(Server, Client);
        }

        Assert.IsFalse(Client.HasFrames || Server.HasFrames, "the two never come to rest");
    }

    public static void Carry(StreamTable from, StreamTable to)
    {
        while (from.HasFrames)
        {
            Parcel parcel = Write(from);
            Assert.IsNotEmpty(parcel.Payload, "frames were announced and none came");
            Assert.AreEqual(TransportError.None, Deliver(to, parcel));
            Acknowledge(from, parcel);
        }
    }

    public static byte[] ReadAll(StreamTable table, StreamId id)
    {
        List<byte> all = [];
        while (table.Peek(id) is { IsEmpty: false } piece)
        {
            all.AddRange(piece);
            table.Consume(id, piece.Length);
        }

        return [.. all];
    }

    public static List<StreamEvent> Events(StreamTable table)
    {
        List<StreamEvent> events = [];
        while (table.TryTakeEvent(out StreamEvent e))
        {
            events.Add(e);
        }

        return events;
    }

    public static Dictionary<(ulong, ulong), byte[]> Export(StreamTable table) => table.Parts.ToDictionary(part => (part.Section, part.Key), Body);

    public static StreamTable Import(Dictionary<(ulong, ulong), byte[]> sections) => StreamTable.Import((section, key) =>
        sections.TryGetValue((section, key), out byte[]? body) ? new(body, default) : throw new SnapshotException("missing"));

    /// <summary>Serialises, destroys, restores; what comes back writes down the same bytes.</summary>
    public static StreamTable Move(StreamTable table)
    {
        Dictionary<(ulong, ulong), byte[]> sections = Export(table);
        table.Release();
        StreamTable moved = Import(sections);
        Dictionary<(ulong, ulong), byte[]> again = Export(moved);
        Assert.HasCount(sections.Count, again);
        foreach (((ulong, ulong) key, byte[] body) in sections)
        {
            CollectionAssert.AreEqual(body, again[key], $"section {key} changed on the way");
        }

        return moved;
    }

    public static byte[] Body(TravellingPart part)
    {
        SnapshotWriter writer = new(default);
        part.Export(writer);
        return writer.Written.ToArray();
    }

    public static byte[] Pattern(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
