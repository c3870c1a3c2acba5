using Net.Core.Snapshots;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Qpack;

/// <summary>The decoder's side of RFC 9204: instructions of the encoder stream, blocked sections, acknowledgements, and every error.</summary>
[TestClass]
public sealed class QpackDecoderTests
{
    private static readonly byte[] s_capacity220 = Convert.FromHexString("3fbd01");

    /// <summary>Goal: RFC 9204, appendix B.2 to B.5, byte by byte, with a move behind each byte of the encoder stream.</summary>
    [TestMethod]
    public void Appendix_B_decodes_across_moves()
    {
        QpackDecoder decoder = new(220, 16);
        // B.2: capacity, two insertions with static names, a section with references behind its base.
        decoder = Receive(decoder, "3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f70617468");
        AssertFields(decoder, 4, "03811011", (":authority", "www.example.com"), (":path", "/sample/path"));
        AssertSaid(decoder, "84");
        // B.3: an insertion with a literal name, acknowledged by an increment.
        decoder = Receive(decoder, "4a637573746f6d2d6b65790c637573746f6d2d76616c7565");
        decoder.AcknowledgeInsertions();
        AssertSaid(decoder, "01");
        // B.4: a duplicate, and a section that refers to it.
        decoder = Receive(decoder, "02");
        AssertFields(decoder, 8, "050080c181", (":authority", "www.example.com"), (":path", "/"), ("custom-key", "custom-value"));
        decoder.Cancel(8);
        AssertSaid(decoder, "8848");
        // B.5: an insertion that evicts the oldest entry.
        decoder = Receive(decoder, "810d637573746f6d2d76616c756532");
        Assert.AreEqual(5UL, decoder.Inserted);
    }

    /// <summary>Goal: instructions that cannot be carried out are QPACK_ENCODER_STREAM_ERROR (section 4.3 and its parts; S65).</summary>
    [TestMethod]
    [DataRow("3fbe01", DisplayName = "S65 a capacity above the limit (section 4.3.1)")]
    [DataRow("c00161", DisplayName = "S65 an insertion into a table of capacity 0")]
    [DataRow("3fbd01ff2400", DisplayName = "S65 static name 99")]
    [DataRow("3fbd018000", DisplayName = "S65 a name of an empty table")]
    [DataRow("3fbd0100", DisplayName = "S65 a duplicate of nothing")]
    [DataRow("3fbd01c07fffffff7f", DisplayName = "S65 a string longer than any entry, refused by its length")]
    [DataRow("3fbd01c081ff", DisplayName = "S65 bad Huffman padding")]
    [DataRow("3fffffffffffffffffff7f", DisplayName = "S65 an integer above 2^62-1")]
    [DataRow("3f8080808080808080808080", DisplayName = "S65 an integer without end")]
    [DataRow("2f41610161", DisplayName = "S65 an entry that does not fit")]
    public void S65_faulty_instructions(string hex)
    {
        QpackDecoder decoder = new(220, 16);
        Http3Error error = decoder.OnEncoderStream(Convert.FromHexString(hex));
        Assert.AreEqual(Http3ErrorCode.QpackEncoderStreamError, error.Code);
        Assert.IsTrue(error.IsConnectionError);
    }

    /// <summary>Goal: what an encoder may not refer to is QPACK_DECOMPRESSION_FAILED (sections 2.2.3 and 4.5.1).</summary>
    [TestMethod]
    [DataRow("0e00", DisplayName = "an insert count beyond twice the entries that fit")]
    [DataRow("018080", DisplayName = "an insert count that expands to 0")]
    [DataRow("0282", DisplayName = "a base below 0")]
    [DataRow("020081", DisplayName = "an index before the first entry")]
    [DataRow("020010", DisplayName = "an index at the required insert count")]
    [DataRow("0281", DisplayName = "a base below 0 by one")]
    public void Faulty_references(string hex)
    {
        QpackDecoder decoder = new(220, 16);
        Assert.IsFalse(decoder.OnEncoderStream([.. s_capacity220, 0xC0, 1, (byte)'a']).IsError);
        Assert.AreEqual(SectionResult.Failed, decoder.Decode(0, Convert.FromHexString(hex), new(), out Http3Error error));
        Assert.AreEqual(Http3ErrorCode.QpackDecompressionFailed, error.Code);
    }

    /// <summary>Goal: sections wait for insertions; as many as were permitted, and one more is an error (section 2.1.2).</summary>
    [TestMethod]
    public void Sections_wait_for_insertions()
    {
        QpackDecoder decoder = new(220, 2);
        Assert.AreEqual(SectionResult.Blocked, decoder.Decode(0, [2, 0, 0x80], new(), out _));
        Assert.AreEqual(SectionResult.Blocked, decoder.Decode(4, [3, 0, 0x80], new(), out _));
        Assert.AreEqual(SectionResult.Blocked, decoder.Decode(4, [3, 0, 0x80], new(), out _), "again");
        QpackDecoder strict = Move(decoder);
        Assert.AreEqual(SectionResult.Failed, strict.Decode(8, [2, 0, 0x80], new(), out Http3Error error));
        Assert.AreEqual(Http3ErrorCode.QpackDecompressionFailed, error.Code);

        Assert.IsFalse(decoder.TryUnblock(out _));
        decoder = Receive(decoder, "3fbd01c00161");
        Assert.IsTrue(decoder.TryUnblock(out ulong stream));
        Assert.AreEqual(0UL, stream);
        Assert.IsFalse(decoder.TryUnblock(out _));
        decoder.Cancel(4);
        CollectionAssert.AreEqual(Array.Empty<ulong>(), decoder.BlockedStreams.ToArray());
        AssertFields(decoder, 0, "020080", (":authority", "a"));
        decoder.AcknowledgeInsertions();
        AssertSaid(decoder, "4480");
    }

    /// <summary>Goal: entries of 4 kB, referred to thousands of times, are not built (S63): decoding stops at the announced size.</summary>
    [TestMethod]
    public void S63_a_bomb_of_references_stops_at_the_limit()
    {
        QpackDecoder decoder = new(4096, 16);
        Assert.IsFalse(decoder.OnEncoderStream([0x3F, 0xE1, 0x1F, 0xC0, 0x7F, 0xA1, 0x1E, .. Enumerable.Repeat((byte)'a', 4000)]).IsError);
        Assert.AreEqual(1UL, decoder.Inserted);
        FieldSection fields = new();
        byte[] bomb = [2, 0, .. Enumerable.Repeat((byte)0x80, 60_000)];
        Assert.AreEqual(SectionResult.TooLarge, decoder.Decode(0, bomb, fields, out _));
        Assert.IsLessThanOrEqualTo(Http3Limits.MaxFieldSectionSize, fields.Size);
    }

    /// <summary>Goal: insert counts expand correctly through many wraps (section 4.5.1.1), against an encoder that knows no wrap.</summary>
    [TestMethod]
    public void Insert_counts_wrap()
    {
        // 3 entries fit: counts are sent modulo 6.
        QpackDecoder decoder = new(102, 16);
        Assert.IsFalse(decoder.OnEncoderStream(Convert.FromHexString("3f47")).IsError);
        for (int i = 0; i < 50; i++)
        {
            Assert.IsFalse(decoder.OnEncoderStream([0x41, (byte)'n', 1, (byte)('A' + i)]).IsError);
            FieldSection fields = new();
            Assert.AreEqual(SectionResult.Decoded, decoder.Decode(0, [(byte)(((i + 1) % 6) + 1), 0, 0x80], fields, out _), $"{i}");
            Assert.AreEqual(((char)('A' + i)).ToString(), fields[0].Value);
        }
    }

    /// <summary>Goal: a snapshot that is cut anywhere is refused.</summary>
    [TestMethod]
    public void Cut_snapshots_are_refused()
    {
        QpackDecoder decoder = new(220, 2);
        decoder.OnEncoderStream([.. s_capacity220, 0xC0, 1, (byte)'a', 0xC0]);
        decoder.Decode(4, [3, 0, 0x80], new(), out _);
        decoder.AcknowledgeInsertions();
        decoder.Stream = new(11);
        SnapshotWriter writer = new(default);
        decoder.Export(writer);
        for (int cut = 0; cut < writer.Written.Length; cut++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => QpackDecoder.Import(new(writer.Written[..cut], default)));
        }

        Assert.AreEqual(new Net.Core.Wire.StreamId(11), Move(decoder).Stream);
    }

    /// <summary>Goal: a decoder that nothing was said to costs a connection's snapshot a few bytes (issue 5: 600 in all).</summary>
    [TestMethod]
    public void An_idle_decoder_is_small()
    {
        SnapshotWriter writer = new(default);
        new QpackDecoder(4096, 16).Export(writer);
        Assert.IsLessThanOrEqualTo(8, writer.Written.Length);
    }

    internal static QpackDecoder Move(QpackDecoder decoder)
    {
        SnapshotWriter writer = new(default), again = new(default);
        decoder.Export(writer);
        QpackDecoder moved = QpackDecoder.Import(new(writer.Written.ToArray(), default));
        moved.Stream = moved.Stream;
        moved.Export(again);
        CollectionAssert.AreEqual(decoder.Changes == 0 ? [] : writer.Written.ToArray(), decoder.Changes == 0 ? [] : again.Written.ToArray());
        return moved;
    }

    private static QpackDecoder Receive(QpackDecoder decoder, string hex)
    {
        foreach (byte next in Convert.FromHexString(hex))
        {
            Assert.IsFalse(decoder.OnEncoderStream([next]).IsError);
            decoder = Move(decoder);
        }

        return decoder;
    }

    private static void AssertFields(QpackDecoder decoder, ulong stream, string hex, params (string, string)[] expected)
    {
        FieldSection fields = new();
        SectionResult result = decoder.Decode(stream, Convert.FromHexString(hex), fields, out Http3Error error);
        Assert.AreEqual(SectionResult.Decoded, result, error.ToString());
        CollectionAssert.AreEqual(expected, fields.Select(field => (field.Name, field.Value)).ToArray());
    }

    private static void AssertSaid(QpackDecoder decoder, string hex)
    {
        Assert.AreEqual(hex, Convert.ToHexStringLower(decoder.Pending.Waiting));
        decoder.Pending.Take(decoder.Pending.Count);
    }
}
