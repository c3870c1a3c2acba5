using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Sessions;
using Net.Tests.Http3;
using Net.Tests.Http3.Sessions;

namespace Net.Tests.Fuzz;

/// <summary>HTTP/3 and QPACK: sessions that are told anything on any stream, and their codecs.</summary>
internal static class Http3Targets
{
    private const int Streams = 8;
    private const byte Fin = 0x80;
    private const byte Reset = 0x40;
    private const byte Move = 0x20;

    public static IEnumerable<FuzzTarget> All =>
    [
        new("http3-server", "pieces of streams; of the kind: stream 0-7 (below 4 unidirectional), 0x20 the session moves, 0x40 reset, 0x80 end", Requests, Serve),
        new("http3-client", "as http3-server; stream 4 is the response to one request", Responses, Ask),
        new("qpack", "kind 0: encoder stream; 1: a field section; 2: decoder stream; 3: a Huffman string", Instructions, Qpack),
        new("fields", "the values of Priority and Alt-Svc", Values, Fields),
    ];

    private static IEnumerable<byte[]> Requests() =>
    [
        [.. Cut.Piece(0, Frames.Control(0x0D, 1, 4)), .. Cut.Piece(4 | Fin, Frames.Request())],
        [.. Cut.Piece(1, [2, 0x3F, 0xE1, 1, 0x4A, .. "custom-key"u8]), .. Cut.Piece(2 | Move, [3, 0x80]), .. Cut.Piece(4, Frames.Request("POST", ("content-length", "3")))],
        [.. Cut.Piece(5, Frames.Request("CONNECT")), .. Cut.Piece(5 | Reset, Frames.Data(1, 2)), .. Cut.Piece(0, [0, 4, 2, 7, 0])],
        [.. Cut.Piece(4 | Move, [.. Frames.Request("POST"), .. Frames.Data(1, 2, 3)]), .. Cut.Piece(4 | Fin, Frames.Headers(("a", "b")))],
        [.. Cut.Piece(3, [0x40, 0x21, 1, 2, 3]), .. Cut.Piece(6, [0x21, 3, 1, 2, 3]), .. Cut.Piece(0, [0, 4, 0, 0x80, 0x0F, 7, 0, 5, 0, .. "u=1"u8])],
    ];

    private static IEnumerable<byte[]> Responses() =>
    [
        [.. Cut.Piece(0, Frames.Control(7, 1, 4)), .. Cut.Piece(4, Frames.Headers((":status", "200"))), .. Cut.Piece(4 | Fin, Frames.Data(1, 2))],
        [.. Cut.Piece(4, [.. Frames.Headers((":status", "103")), .. Frames.Headers((":status", "204"))]), .. Cut.Piece(4 | Fin)],
        [.. Cut.Piece(1, [1, 0, 1, 2]), .. Cut.Piece(4, [5, 2, 0, 0])],
        [.. Cut.Piece(4, [.. Frames.Headers((":status", "200"), ("content-length", "2")), .. Frames.Data(1)]), .. Cut.Piece(4 | Reset)],
    ];

    private static void Serve(byte[] input)
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        Feed(input, link, link.Client, link.Server, () =>
        {
            Answer(server);
            return server.Error.IsError;
        }, () => server = SessionSnapshotTests.Move(server, link));
    }

    private static void Ask(byte[] input)
    {
        FakeLink link = new();
        Http3Session client = new(link.Client);
        link.Client.Attach(client);
        client.Start();
        Assert.IsTrue(client.TryOpenRequest(new("GET", "https", "a.test", "/", new()), hasBody: false, out StreamId id));
        link.Run();
        byte[] buffer = new byte[64];
        Feed(input, link, link.Server, link.Client, () =>
        {
            while (client.TryTakeEvent(out Http3Event e))
            {
                _ = client.TakeResponse(e.Id);
                while (e.Kind == Http3EventKind.Readable && client.Read(e.Id, buffer, out _) == ReadOutcome.Data)
                {
                }
            }

            return client.Error.IsError;
        }, () => { }, id);
    }

    private static void Answer(Http3Session server)
    {
        byte[] buffer = new byte[64];
        while (server.TryTakeEvent(out Http3Event e))
        {
            if (server.TakeRequest(e.Id) is RequestHead head && head.Path.Length % 2 == 0)
            {
                server.Answer(e.Id, 200);
            }

            while (e.Kind == Http3EventKind.Readable && server.Read(e.Id, buffer, out _) == ReadOutcome.Data)
            {
            }
        }
    }

    /// <param name="by">Who says it.</param>
    /// <param name="to">Whose session is tried.</param>
    /// <param name="settle">Takes what the session tells; whether it has ended.</param>
    /// <param name="move">The session goes on elsewhere.</param>
    /// <param name="first">Stands for stream 4.</param>
    private static void Feed(byte[] input, FakeLink link, FakeEnd by, FakeEnd to, Func<bool> settle, Action move, StreamId? first = null)
    {
        Dictionary<int, StreamId> streams = [];
        if (first is StreamId id)
        {
            streams[4] = id;
        }

        Cut cut = new(input);
        bool ended = false;
        while (!ended && cut.TryTake(out byte kind, out ReadOnlySpan<byte> piece))
        {
            int number = kind % Streams;
            if (!streams.TryGetValue(number, out StreamId stream))
            {
                if (first is not null && number >= 4)
                {
                    continue;
                }

                Assert.IsTrue(by.TryOpen(unidirectional: number < 4, out stream));
                streams[number] = stream;
            }

            by.Write(stream, piece, (kind & Fin) != 0);
            if ((kind & Reset) != 0)
            {
                by.Reset(stream, kind);
            }

            link.Run(between: () => ended = settle());
            ended |= settle();
            if (!ended && (kind & Move) != 0)
            {
                move();
                link.Run(between: () => ended = settle());
            }
        }

        Assert.AreEqual(ended, to.Closed is not null, "a connection error closes the connection, and nothing else does");
    }

    private static IEnumerable<byte[]> Instructions() =>
    [
        [
            .. Cut.Piece(0, Convert.FromHexString("3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f70617468")), .. Cut.Piece(1, Convert.FromHexString("03811011")),
            .. Cut.Piece(0, Convert.FromHexString("4a637573746f6d2d6b65790c637573746f6d2d76616c7565")), .. Cut.Piece(0, [2]), .. Cut.Piece(1, Convert.FromHexString("050080c181")),
        ],
        [.. Cut.Piece(2, [0x84]), .. Cut.Piece(2, [1]), .. Cut.Piece(2, [0x48])],
        [.. Cut.Piece(3, Convert.FromHexString("f1e3c2e5f23a6ba0ab90f4ff")), .. Cut.Piece(1, Frames.Section((":method", "GET"), ("x", "y")))],
    ];

    private static void Qpack(byte[] input)
    {
        QpackDecoder decoder = new(220, 4);
        QpackEncoder encoder = new(220);
        encoder.OnSettings(220, 4);
        Cut cut = new(input);
        for (ulong stream = 0; cut.TryTake(out byte kind, out ReadOnlySpan<byte> piece); stream += 4)
        {
            switch (kind % 4)
            {
                case 0:
                    if (decoder.OnEncoderStream(piece).IsError)
                    {
                        return;
                    }

                    while (decoder.TryUnblock(out ulong unblocked))
                    {
                        decoder.Cancel(unblocked);
                    }

                    decoder = Again(decoder);
                    break;

                case 1:
                    FieldSection fields = new();
                    SectionResult result = decoder.Decode(stream, piece, fields, out _);
                    if (result == SectionResult.Decoded)
                    {
                        _ = RequestHead.TryRead(fields, out _);
                        _ = ResponseHead.TryRead(fields, out _);
                        Recode(encoder, stream, fields);
                    }

                    break;

                case 2:
                    if (encoder.OnDecoderStream(piece).IsError)
                    {
                        return;
                    }

                    break;

                default:
                    byte[] text = new byte[Huffman.MaxDecodedLength(piece.Length) + 1];
                    _ = Huffman.TryDecode(piece, text, out _);
                    break;
            }
        }
    }

    /// <summary>What was read can be sent on, unless it is no field that HTTP knows.</summary>
    private static void Recode(QpackEncoder encoder, ulong stream, FieldSection fields)
    {
        byte[] room = new byte[16_384];
        if (fields.Size < 8000)
        {
            _ = encoder.Encode(stream, fields, 64, room);
        }
    }

    private static QpackDecoder Again(QpackDecoder decoder)
    {
        SnapshotWriter writer = new(default);
        decoder.Export(writer);
        return QpackDecoder.Import(new(writer.Written, default));
    }

    private static IEnumerable<byte[]> Values() => [[.. "u=1, i"u8], [.. "u=9;x=\"a\", i=?0"u8], [.. "h3=\":443\"; ma=3600, h3-29=\"a.test:1\"; persist=1"u8], [.. "clear"u8]];

    private static void Fields(byte[] input)
    {
        string text = System.Text.Encoding.Latin1.GetString(input);
        Priority priority = Priority.Parse(text, Priority.Default);
        Assert.IsTrue(priority.Urgency is >= 0 and <= 7);
        Assert.AreEqual(priority, Priority.Parse(priority.ToString(), Priority.Default));
        if (AlternativeServices.TryParse(text, "a.test", out string host, out int port, out long age))
        {
            Assert.IsTrue(host.Length > 0 && port is > 0 and <= 65535 && age >= 0);
        }
    }
}
