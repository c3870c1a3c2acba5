using Net.Core.Snapshots;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Qpack;

/// <summary>The encoder's side of RFC 9204: against our decoder, under every order of acknowledgements, and every error.</summary>
[TestClass]
public sealed class QpackEncoderTests
{
    /// <summary>Goal: instructions about what was never sent are QPACK_DECODER_STREAM_ERROR (section 4.4; S65), with integers cut anywhere.</summary>
    [TestMethod]
    [DataRow("48", false, DisplayName = "cancel a stream without references, as in appendix B.5")]
    [DataRow("7f00487fffffffff0f40", false, DisplayName = "several, of several lengths")]
    [DataRow("7fffffffffffffffff7f", true, DisplayName = "S65 a stream above 2^62-1")]
    [DataRow("7f80808080808080808080", true, DisplayName = "S65 an integer without end")]
    [DataRow("84", true, DisplayName = "an acknowledgement of no section")]
    [DataRow("8080", true, DisplayName = "two acknowledgements of one section")]
    [DataRow("80", false, DisplayName = "an acknowledgement")]
    [DataRow("01", false, DisplayName = "an increment")]
    [DataRow("0101", true, DisplayName = "an increment beyond what was inserted")]
    [DataRow("00", true, DisplayName = "an increment of 0")]
    public void Decoder_instructions_are_checked_across_moves(string hex, bool fails)
    {
        QpackEncoder encoder = Encoder(4096, 16);
        Encode(encoder, 0, ("x-name", "a value that comes again"));
        Assert.AreEqual(1UL, encoder.Inserted);
        Http3Error error = default;
        foreach (byte next in Convert.FromHexString(hex))
        {
            error = error.IsError ? error : encoder.OnDecoderStream([next]);
            encoder = error.IsError ? encoder : Move(encoder);
        }

        Assert.AreEqual(fails ? Http3ErrorCode.QpackDecoderStreamError : 0, error.Code);
    }

    /// <summary>
    /// Goal: whatever comes when, each section decodes to what was encoded; no entry is evicted that is referred to; no more streams
    /// block than permitted. Method: random fields, random delays of both streams, random cancellations, moves of both ends.
    /// </summary>
    [TestMethod]
    [DataRow(64, 4)]
    [DataRow(200, 0)]
    [DataRow(200, 2)]
    [DataRow(1000, 16)]
    [DataRow(4096, 100)]
    public void Both_ends_agree_in_every_order(int capacity, int blocked)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Random random = new(seed);
            QpackEncoder encoder = Encoder(capacity, blocked);
            QpackDecoder decoder = new(capacity, blocked);
            List<byte> toDecoder = [], toEncoder = [];
            Dictionary<ulong, (byte[] Bytes, FieldSection Fields)> sent = [];
            int decoded = 0;
            for (ulong stream = 0; stream < 600; stream += 4)
            {
                FieldSection fields = new();
                for (int i = random.Next(6); i >= 0; i--)
                {
                    fields.Add($"n{random.Next(8)}", new string((char)('a' + random.Next(20)), 1 + random.Next(30)));
                }

                byte[] buffer = new byte[FieldSectionEncoder.MaxLength(fields)];
                int length = encoder.Encode(stream, fields, random.Next(4) == 0 ? 0 : 10_000, buffer);
                toDecoder.AddRange(encoder.Pending.Waiting);
                encoder.Pending.Take(encoder.Pending.Count);
                sent.Add(stream, (buffer[..length], fields));

                int delivered = random.Next(toDecoder.Count + 1);
                Assert.IsFalse(decoder.OnEncoderStream(toDecoder.GetRange(0, delivered).ToArray()).IsError);
                toDecoder.RemoveRange(0, delivered);
                foreach (ulong id in sent.Keys.Order().ToArray())
                {
                    if (random.Next(12) == 0)
                    {
                        decoder.Cancel(id);
                        sent.Remove(id);
                        continue;
                    }

                    FieldSection got = new();
                    SectionResult result = decoder.Decode(id, sent[id].Bytes, got, out Http3Error error);
                    Assert.AreNotEqual(SectionResult.Failed, result, $"seed {seed}: {error}");
                    if (result == SectionResult.Decoded)
                    {
                        CollectionAssert.AreEqual(sent[id].Fields.ToArray(), got.ToArray());
                        sent.Remove(id);
                        decoded++;
                    }
                }

                if (random.Next(3) == 0)
                {
                    decoder.AcknowledgeInsertions();
                }

                toEncoder.AddRange(decoder.Pending.Waiting);
                decoder.Pending.Take(decoder.Pending.Count);
                delivered = random.Next(toEncoder.Count + 1);
                Assert.IsFalse(encoder.OnDecoderStream(toEncoder.GetRange(0, delivered).ToArray()).IsError);
                toEncoder.RemoveRange(0, delivered);
                if (random.Next(10) == 0)
                {
                    (encoder, decoder) = (Move(encoder), QpackDecoderTests.Move(decoder));
                }
            }

            Assert.IsGreaterThan(50, decoded);
        }
    }

    /// <summary>Goal: two sections of one stream block one stream, and a section costs the same memory however many are under way.</summary>
    [TestMethod]
    public void Several_sections_of_a_stream_block_it_once()
    {
        QpackEncoder encoder = Encoder(4096, 2);
        for (int i = 0; i < 3; i++)
        {
            Encode(encoder, 0, ($"x-name-{i}", "a value that comes again"));
        }

        Assert.AreEqual(3UL, encoder.Inserted);
        byte[] second = Encode(encoder, 4, ("x-name-0", "a value that comes again")), third = Encode(encoder, 8, ("x-name-0", "a value that comes again"));
        Assert.AreNotEqual(0, second[0], "the second stream may wait");
        Assert.AreEqual(0, third[0], "the third must not");
    }

    /// <summary>Goal: a peer that acknowledges nothing makes us remember no more than the limit; then the static table has to do.</summary>
    [TestMethod]
    public void Outstanding_sections_are_bounded()
    {
        QpackEncoder encoder = Encoder(4096, int.MaxValue);
        byte[] last = [];
        for (int i = 0; i <= Http3Limits.MaxOutstandingSections; i++)
        {
            last = Encode(encoder, (ulong)i * 4, ("x-name", "a value that comes again"));
            Assert.AreEqual(i < Http3Limits.MaxOutstandingSections, last[0] != 0, $"{i}");
        }
    }

    /// <summary>Goal: what an attacker might guess by its compressed size enters no table and is marked so (section 7.1.3).</summary>
    [TestMethod]
    [DataRow("authorization", "Bearer abcdefghijklmnopqrstuvwxyz")]
    [DataRow("proxy-authorization", "Basic abcdefghijklmnopqrstuvwxyz")]
    [DataRow("cookie", "id=1234567")]
    [DataRow("set-cookie", "id=abcdefghijklmnopqrstuvwxyz")]
    public void Secrets_are_never_indexed(string name, string value)
    {
        QpackEncoder encoder = Encoder(4096, 16);
        for (int i = 0; i < 5; i++)
        {
            byte[] section = Encode(encoder, (ulong)i * 4, (name, value));
            // 01N1 or 001N: the bit that says so.
            Assert.AreNotEqual(0, section[2] & ((section[2] & 0x40) != 0 ? 0x20 : 0x10));
        }

        Assert.AreEqual(0UL, encoder.Inserted);
    }

    /// <summary>Goal: every field travels, and cut snapshots are refused.</summary>
    [TestMethod]
    public void Cut_snapshots_are_refused()
    {
        QpackEncoder encoder = Encoder(4096, 16);
        Encode(encoder, 0, ("x-name", "a value that comes again"));
        Encode(encoder, 4, ("x-name", "a value that comes again"), ("x-other", "another value"));
        encoder.OnDecoderStream([0x80, 0x7F]);
        encoder.Stream = new(7);
        SnapshotWriter writer = new(default);
        encoder.Export(writer);
        for (int cut = 0; cut < writer.Written.Length; cut++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => QpackEncoder.Import(new(writer.Written[..cut], default)));
        }

        QpackEncoder moved = Move(encoder);
        Assert.AreEqual(new Net.Core.Wire.StreamId(7), moved.Stream);
        Assert.AreEqual(encoder.KnownReceived, moved.KnownReceived);
        CollectionAssert.AreEqual(Encode(encoder, 8, ("x-name", "a value that comes again")), Encode(moved, 8, ("x-name", "a value that comes again")));
    }

    private static QpackEncoder Encoder(int capacity, int blocked)
    {
        QpackEncoder encoder = new(capacity) { Stream = new(3) };
        encoder.OnSettings((ulong)capacity, (ulong)blocked);
        return encoder;
    }

    private static byte[] Encode(QpackEncoder encoder, ulong stream, params (string Name, string Value)[] fields)
    {
        FieldSection section = new();
        foreach ((string name, string value) in fields)
        {
            section.Add(name, value);
        }

        byte[] bytes = new byte[FieldSectionEncoder.MaxLength(section)];
        return bytes[..encoder.Encode(stream, section, 10_000, bytes)];
    }

    private static QpackEncoder Move(QpackEncoder encoder)
    {
        SnapshotWriter writer = new(default), again = new(default);
        encoder.Export(writer);
        QpackEncoder moved = QpackEncoder.Import(new(writer.Written.ToArray(), default));
        moved.Export(again);
        CollectionAssert.AreEqual(writer.Written.ToArray(), again.Written.ToArray());
        return moved;
    }
}
