using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Sessions;

/// <summary>What peers have to ignore: it is sent, it is reserved, and it changes nothing.</summary>
[TestClass]
public sealed class GreaseTests
{
    /// <summary>Goal: each type is 0x1f * N + 0x21 and fits a variable-length integer of whatever length (RFC 9114, section 7.2.8).</summary>
    [TestMethod]
    public void Types_are_reserved()
    {
        Random random = new(1);
        HashSet<int> lengths = [];
        foreach (ulong number in (ulong[])[0, ulong.MaxValue, ulong.MaxValue - 3, .. Enumerable.Range(0, 2000).Select(_ => (ulong)random.NextInt64())])
        {
            ulong type = Grease.TypeOf(number);
            Assert.AreEqual(0UL, (type - 0x21) % 0x1F);
            Assert.IsLessThanOrEqualTo(VarInt.MaxValue, type);
            lengths.Add(VarInt.Length(type));
        }

        Assert.HasCount(4, lengths, "of 1 (the least), 2, 4 and 8 bytes");
    }

    /// <summary>
    /// Goal: over many connections with requests and responses, whole and byte by byte, across a move, everything of the kind is sent, and the other end
    /// reads every message as if it were not there; the same seed gives the same bytes, and without the option there is nothing.
    /// </summary>
    [TestMethod]
    public void It_is_sent_now_and_then_and_changes_nothing()
    {
        int streams = 0, frames = 0, settings = 0, behindSettings = 0;
        byte[]? first = null;
        for (int run = 0; run < 40; run++)
        {
            // The first two have the same seed.
            ulong seed = (ulong)int.Max(run, 1) * 0x1234567;
            FakeLink link = new();
            link.Server.Seed = link.Client.Seed = seed;
            Http3Session server = new(link.Server) { Grease = new(seed) }, client = new(link.Client) { Grease = new(seed) };
            link.Server.Attach(server);
            link.Client.Attach(client);
            server.Start();
            client.Start();
            byte[] control = [.. link.Server.Sending[server.State.LocalControl!.Value].Sent];
            Assert.IsFalse(Http3Settings.TryRead(SettingsOf(control, out ulong firstId, out int rest), out Http3Settings told).IsError);
            Assert.AreEqual(Http3Settings.Ours, told);
            settings += firstId >= 0x21 && (firstId - 0x21) % 0x1F == 0 ? 1 : 0;
            behindSettings += rest > 0 ? 1 : 0;
            for (int i = 0; i < 4; i++)
            {
                RequestHead head = new("POST", "https", "a.test", "/", new(("x-some", "a value that stays the same")));
                Assert.IsTrue(client.TryOpenRequest(head, hasBody: true, out StreamId id));
                frames += IsReserved(link.Client.Sending[id].Sent[0]) ? 1 : 0;
                client.Write(id, [1, 2, 3]);
                client.TryFinish(id);
                List<byte> body = [];
                ResponseHead? response = null;
                byte[] buffer = new byte[10];
                bool isEnded = false;
                link.Run(run % 2 == 0 ? int.MaxValue : 1, () =>
                {
                    while (server.TryTakeEvent(out Http3Event e))
                    {
                        if (server.TakeRequest(e.Id) is RequestHead got)
                        {
                            Assert.AreEqual("a value that stays the same", got.Headers["x-some"]);
                            server.Respond(e.Id, new(103, new()));
                            server.Respond(e.Id, new(200, new(("x-some", "a value that stays the same"))));
                            frames += IsReserved(link.Server.Sending[e.Id].Sent[0]) ? 1 : 0;
                        }

                        while (e.Kind == Http3EventKind.Readable && server.Read(e.Id, buffer, out int count) is ReadOutcome.Data or ReadOutcome.End)
                        {
                            body.AddRange(buffer.AsSpan(0, count));
                            if (count == 0)
                            {
                                server.Write(e.Id, [4, 5]);
                                server.TryFinish(e.Id);
                                break;
                            }
                        }
                    }

                    while (client.TryTakeEvent(out Http3Event e))
                    {
                        response ??= client.TakeResponse(e.Id);
                        ReadOutcome outcome;
                        while (response is not null && (outcome = client.Read(id, buffer, out int count)) is ReadOutcome.Data or ReadOutcome.End && !isEnded)
                        {
                            body.AddRange(buffer.AsSpan(0, count));
                            isEnded |= outcome == ReadOutcome.End;
                        }
                    }
                });
                CollectionAssert.AreEqual(new byte[] { 1, 2, 3, 4, 5 }, body);
                Assert.IsTrue(isEnded);
                if (i == 1)
                {
                    server = SessionSnapshotTests.Move(server, link);
                    server.Grease = new(seed);
                }
            }

            Assert.IsFalse(server.Error.IsError || client.Error.IsError, $"{server.Error} {client.Error}");
            Assert.IsEmpty(server.Requests);
            streams += server.State.UnknownStreams + client.State.UnknownStreams;
            Assert.IsTrue(server.State.UnknownStreams <= 1 && client.State.UnknownStreams <= 1);
            byte[] all = [.. control, .. link.Server.Sending.OrderBy(pair => pair.Key.Value).SelectMany(pair => Number(pair.Key, pair.Value))];
            Assert.IsTrue(run != 1 || all.SequenceEqual(first!), "the same seed, the same bytes");
            first ??= all;
        }

        Assert.AreEqual(40, settings);
        Assert.IsTrue(behindSettings is > 2 and < 25, $"{behindSettings}");
        Assert.IsTrue(streams is > 8 and < 40, $"{streams}");
        Assert.IsTrue(frames is > 5 and < 50, $"{frames}");
    }

    /// <summary>Goal: a peer without credit for a stream that nobody needs gets none, or one that is reset: nothing waits, and nothing is an error.</summary>
    [TestMethod]
    public void A_reserved_stream_without_room_is_reset()
    {
        int resets = 0;
        for (ulong seed = 0; seed < 20; seed++)
        {
            FakeLink link = new() { Window = 0 };
            new Grease(seed).OpenStream(link.Client);
            foreach ((StreamId id, FakePipe pipe) in link.Client.Sending)
            {
                Assert.AreEqual((ulong)Http3ErrorCode.NoError, pipe.ResetCode);
                Assert.AreEqual((7, false), link.Client.Priorities[id], "behind all requests");
                resets++;
            }
        }

        Assert.IsGreaterThan(0, resets);
    }

    /// <summary>Goal: a peer that stops a reserved stream, as it should, is told H3_NO_ERROR (section 6.2.3).</summary>
    [TestMethod]
    public void A_reserved_stream_that_is_stopped_ends_without_an_error()
    {
        FakeLink link = new();
        Http3Session server = ServerRulesTests.Serve(link);
        link.Server.TryOpen(unidirectional: true, out StreamId id);
        server.OnStopped(id, (ulong)Http3ErrorCode.StreamCreationError);
        Assert.AreEqual((ulong)Http3ErrorCode.NoError, link.Server.Sending[id].ResetCode);
        Assert.IsFalse(server.Error.IsError);
    }

    private static IEnumerable<byte> Number(StreamId id, FakePipe pipe) => [(byte)id.Value, .. pipe.Delivered];

    private static bool IsReserved(byte type) => type is not (byte)Http3FrameType.Headers;

    /// <summary>The payload of SETTINGS, its first identifier, and how many bytes follow.</summary>
    private static byte[] SettingsOf(byte[] control, out ulong firstId, out int rest)
    {
        ByteReader reader = new(control);
        Assert.IsTrue(reader.TryReadVarInt(out _) & reader.TryReadVarInt(out _) & reader.TryReadVarInt(out ulong length));
        Assert.IsTrue(reader.TryReadBytes(length, out ReadOnlySpan<byte> payload));
        Assert.IsTrue(new ByteReader(payload).TryReadVarInt(out firstId));
        rest = reader.Remaining;
        return payload.ToArray();
    }
}
