using CsCheck;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Wire;

/// <summary>Frames and SETTINGS: what is written is what is read, however it is cut; and whole sessions, fed with what is not quite HTTP/3.</summary>
[TestClass]
public sealed class WirePropertyTests
{
    private const int Times = 500;

    private static readonly Gen<ulong> s_varInts = Gen.Int[0, 61].SelectMany(bits => Gen.ULong[0, (2UL << bits) - 1]);

    /// <summary>Goal: a frame's head of any type and length is read from pieces of any size, and not a byte of its payload with it.</summary>
    [TestMethod]
    public void Frame_heads() => Gen.Select(s_varInts, s_varInts, Gen.Byte.Array[0, 10], Gen.Int[1, 20]).Sample(
        (type, length, payload, piece) =>
        {
            byte[] bytes = [.. Frames.Number(type), .. Frames.Number(length), .. payload];
            FrameHead head = default;
            int at = 0;
            while (!head.InFrame)
            {
                Assert.AreEqual(at == 0, head.IsAtBoundary);
                at += head.Read(bytes.AsSpan(at, int.Min(piece, bytes.Length - at)));
            }

            return at == bytes.Length - payload.Length && (ulong)head.Type == type && head.Remaining == length;
        },
        iter: Times, threads: 1);

    /// <summary>Goal: SETTINGS come back, with a reserved setting in front or without; cut, they are refused, and no more is written than is said.</summary>
    [TestMethod]
    public void Settings() => Gen.Select(s_varInts, s_varInts, s_varInts, Gen.Bool, Gen.Bool, Gen.ULong.Nullable()).Sample(
        (size, capacity, blocked, connect, datagrams, seed) =>
        {
            Http3Settings written = new(size, capacity, blocked, connect, datagrams);
            ByteWriter writer = new(new byte[Http3Settings.MaxLength]);
            written.Write(ref writer, seed is ulong some ? new Grease(some).Setting : null);
            FrameHead head = default;
            int start = head.Read(writer.Written);
            Assert.AreEqual((Http3FrameType.Settings, (ulong)(writer.Position - start)), (head.Type, head.Remaining));
            Assert.IsTrue(start == writer.Position || Http3Settings.TryRead(writer.Written[start..^1], out _).IsError, "cut");
            return !Http3Settings.TryRead(writer.Written[start..], out Http3Settings read).IsError && read == written
                && Http3Settings.OfKept(written.ToKept()) == written;
        },
        iter: Times, threads: 1);

    /// <summary>Goal: a payload that is no SETTINGS is refused or read; identifiers may come in any number and order, but none twice.</summary>
    [TestMethod]
    public void Any_payload_of_settings() => Gen.Select(Gen.Select(s_varInts, s_varInts).Array[0, 30], Gen.Byte.Array[0, 3]).Sample(
        (settings, rest) =>
        {
            byte[] payload = [.. settings.SelectMany(setting => (byte[])[.. Frames.Number(setting.Item1), .. Frames.Number(setting.Item2)]), .. rest];
            Http3Error error = Http3Settings.TryRead(payload, out _);
            bool isTwice = settings.Select(setting => setting.Item1).Distinct().Count() < settings.Length;
            bool isBad = isTwice || settings.Any(setting => setting.Item1 is 0 or >= 2 and <= 5 || (setting.Item1 is 8 or 0x33 && setting.Item2 > 1));
            return (!isBad || error.IsError) && (error.IsError || isBad || rest.Length != 1 || rest[0] >= 0x40)
                && (!error.IsError || error.Code is Http3ErrorCode.SettingsError or Http3ErrorCode.FrameError);
        },
        iter: Times, threads: 1);

    /// <summary>
    /// Goal: whatever a peer sends, on whatever stream, a session neither throws nor holds more than its limits, and says nothing more once it has closed.
    /// Method: sound streams of every kind, with bits turned, pieces doubled, cut and moved, delivered in pieces, with resets in between.
    /// </summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Sessions_survive_what_is_not_quite_http(bool isServer)
    {
        int closed = 0, heads = 0;
        for (int seed = 0; seed < 1500; seed++)
        {
            Random random = new(seed);
            FakeLink link = new();
            Http3Session session = new(isServer ? link.Server : link.Client) { Grease = new((ulong)seed) };
            (isServer ? link.Server : link.Client).Attach(session);
            FakeEnd peer = isServer ? link.Client : link.Server;
            session.Start();
            for (int i = 0; i < 3 && !isServer; i++)
            {
                Assert.IsTrue(session.TryOpenRequest(new(i == 0 ? "HEAD" : "GET", "https", "a.test", "/", new()), hasBody: false, out _));
            }

            foreach (byte[] stream in (byte[][])[s_control[random.Next(s_control.Length)], s_tables[random.Next(s_tables.Length)], [0x21, 1, 2, 3]])
            {
                peer.Send(unidirectional: true, Mutate(random, stream), fin: random.Next(50) == 0);
            }

            for (int i = 0; i < 3; i++)
            {
                byte[] message = Mutate(random, isServer ? s_requests[random.Next(s_requests.Length)] : s_responses[random.Next(s_responses.Length)]);
                bool fin = random.Next(3) > 0;
                StreamId id = StreamId.Of((ulong)i, serverInitiated: false, unidirectional: false);
                if (isServer)
                {
                    id = peer.Send(unidirectional: false, message, fin);
                }
                else
                {
                    peer.Write(id, message, fin);
                }

                if (random.Next(20) == 0)
                {
                    peer.Reset(id, (ulong)random.Next(0x200));
                }
            }

            byte[] buffer = new byte[64];
            link.Run(random.Next(2) == 0 ? 1 : 50, () =>
            {
                while (session.TryTakeEvent(out Http3Event e))
                {
                    heads += session.TakeRequest(e.Id) is not null || session.TakeResponse(e.Id) is not null ? 1 : 0;
                    while (e.Kind == Http3EventKind.Readable && session.Read(e.Id, buffer, out _) == ReadOutcome.Data)
                    {
                    }
                }
            });
            closed += session.Error.IsError ? 1 : 0;
            Assert.AreEqual(session.Error.IsError, (isServer ? link.Server : link.Client).Closed is not null, $"seed {seed}");
            Assert.IsLessThanOrEqualTo(3, session.Requests.Count);
            Assert.IsLessThanOrEqualTo(Http3Limits.MaxDecoderBacklog, session.Decoder.Pending.Count);
        }

        Assert.IsTrue(closed is > 300 and < 1400, $"{closed} closed, {heads} heads");
        Assert.IsGreaterThan(500, heads, $"{closed} closed");
    }

    private static readonly byte[][] s_control =
    [
        Frames.Control(),
        [0, 4, 6, 6, 0x44, 0, 1, 0x40, 0x64, .. Frames.Frame(Http3FrameType.GoAway, 8), .. Frames.Frame((Http3FrameType)0x21, 1, 2)],
        Frames.Control([.. Frames.Frame(Http3FrameType.MaxPushId, 3), .. Frames.Frame(Http3FrameType.PriorityUpdate, [0, .. "u=1, i"u8])]),
    ];

    private static readonly byte[][] s_tables =
    [
        // A capacity, insertions of each kind, a duplicate; acknowledgements of nothing.
        [2, .. Convert.FromHexString("3fbd01c00f7777772e6578616d706c652e636f6d4a637573746f6d2d6b65790c637573746f6d2d76616c756502")],
        [3, 0x44, 0x48],
        [2, 0x3F, 0x45, 0xC0, 1, (byte)'a'],
    ];

    private static readonly byte[][] s_requests =
    [
        Frames.Request(),
        [.. Frames.Request("POST", ("content-length", "3"), ("cookie", "a=b"), ("cookie", "c=d")), .. Frames.Data(1, 2), .. Frames.Data(3), .. Frames.Headers(("x-end", "1"))],
        [.. Frames.Frame((Http3FrameType)0x40, 1, 2, 3), .. Frames.Request("CONNECT"), .. Frames.Data(1, 2, 3, 4, 5, 6, 7)],
        // Refers to the table.
        [.. Frames.Frame(Http3FrameType.Headers, 2, 0, 0xD1, 0xD7, 0x80, 0xC1), .. Frames.Data(9)],
    ];

    private static readonly byte[][] s_responses =
    [
        Frames.Headers((":status", "200")),
        [.. Frames.Headers((":status", "103"), ("link", "x")), .. Frames.Headers((":status", "200"), ("content-length", "2")), .. Frames.Data(1, 2)],
        [.. Frames.Headers((":status", "404")), .. Frames.Data(1, 2), .. Frames.Frame((Http3FrameType)0x21), .. Frames.Headers(("x-end", "1"))],
        Frames.Headers((":status", "304"), ("content-length", "2")),
    ];

    private static byte[] Mutate(Random random, byte[] bytes)
    {
        byte[] changed = [.. bytes];
        int at = random.Next(changed.Length), length = random.Next(changed.Length - at) + 1;
        switch (random.Next(12))
        {
            case 0:
                changed[at] ^= (byte)(1 << random.Next(8));
                return changed;
            case 1:
                return changed[..at];
            case 2:
                return [.. changed[..at], .. changed[at..(at + length)], .. changed[at..]];
            case 3:
                random.NextBytes(changed.AsSpan(at));
                return changed;
            default:
                return changed;
        }
    }
}
