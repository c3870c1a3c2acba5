using System.Buffers.Binary;
using System.Text;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Qpack;

[TestClass]
public sealed class FieldSectionCodecTests
{
    /// <summary>Goal: RFC 9204, appendix B.1: a literal with a name reference, both ways.</summary>
    [TestMethod]
    public void Appendix_B1_decodes()
    {
        byte[] bytes = [0x00, 0x00, 0x51, 0x0b, .. "/index.html"u8];
        FieldSection fields = Decode(bytes, out Http3Error error);
        Assert.IsFalse(error.IsError);
        CollectionAssert.AreEqual(new Field[] { new(":path", "/index.html") }, fields.ToArray());
    }

    /// <summary>Goal: all entries of the static table go through the codec unchanged, each as one index.</summary>
    [TestMethod]
    public void Every_static_entry_is_an_index()
    {
        Assert.AreEqual(99, StaticTable.Count);
        for (ulong i = 0; i < 99; i++)
        {
            Assert.IsTrue(StaticTable.TryGet(i, out string name, out string value));
            byte[] encoded = Frames.Section((name, value));
            bool sensitive = name is "authorization" or "cookie" or "set-cookie";
            Assert.IsTrue(sensitive || encoded.Length <= 4, name);
            CollectionAssert.AreEqual(new Field[] { new(name, value) }, Decode(encoded, out _).ToArray());
        }

        Assert.IsFalse(StaticTable.TryGet(99, out _, out _));
    }

    /// <summary>Goal: fields with unknown names, binary values and secrets survive; secrets are marked "never index".</summary>
    [TestMethod]
    public void Literals_come_back()
    {
        (string, string)[] fields = [("x-thing", "a\u00e9\u00ff b"), ("authorization", "Basic eA=="), (":path", "/x"), ("cookie", ""), ("a", new string('~', 300))];
        byte[] encoded = Frames.Section(fields);
        FieldSection decoded = Decode(encoded, out Http3Error error);
        Assert.IsFalse(error.IsError);
        CollectionAssert.AreEqual(fields, decoded.Select(field => (field.Name, field.Value)).ToArray());
        // 01N1: the N bit of a literal with a name reference (section 4.5.4).
        Assert.AreEqual(0x70, Frames.Section(("authorization", "s"))[2] & 0xF0);
    }

    /// <summary>Goal: everything that needs a dynamic table, or is cut or out of range, is QPACK_DECOMPRESSION_FAILED.</summary>
    [TestMethod]
    [DataRow("", DisplayName = "no prefix")]
    [DataRow("00", DisplayName = "half a prefix")]
    [DataRow("0200", DisplayName = "a required insert count")]
    [DataRow("0080", DisplayName = "a negative base")]
    [DataRow("000080", DisplayName = "an indexed field of the dynamic table")]
    [DataRow("000010", DisplayName = "an indexed field behind the base")]
    [DataRow("00004000", DisplayName = "a name of the dynamic table")]
    [DataRow("00000000", DisplayName = "a name behind the base")]
    [DataRow("0000ff24", DisplayName = "static index 99")]
    [DataRow("00005f5400", DisplayName = "static name 99")]
    [DataRow("0000510b2f", DisplayName = "a value that is cut")]
    [DataRow("00002361", DisplayName = "a name that is cut")]
    [DataRow("000051ffffffffffffffffff7f", DisplayName = "a length of 2^62 and more")]
    [DataRow("00005181ff", DisplayName = "bad Huffman padding")]
    public void Malformed_sections_fail(string hex)
    {
        Decode(Convert.FromHexString(hex), out Http3Error error);
        Assert.AreEqual(Http3ErrorCode.QpackDecompressionFailed, error.Code);
        Assert.IsTrue(error.IsConnectionError);
    }

    /// <summary>Goal: decoding stops at the announced size, however small the encoded form is (S63).</summary>
    [TestMethod]
    public void A_section_above_the_limit_is_not_built()
    {
        byte[] bomb = [0, 0, .. Enumerable.Repeat((byte)(0xC0 | 25), 3000)];
        FieldSection fields = new();
        Assert.AreEqual(SectionResult.TooLarge, new QpackDecoder(0, 0).Decode(0, bomb, fields, out Http3Error error));
        Assert.IsFalse(error.IsError);
        Assert.IsLessThanOrEqualTo(Http3Limits.MaxFieldSectionSize, fields.Size);
    }

    /// <summary>Goal: nghttp3's encodings without a dynamic table decode to the header sets of the public corpus.</summary>
    [TestMethod]
    [DataRow("netbsd")]
    [DataRow("netbsd-hq")]
    [DataRow("fb-req")]
    public void The_public_corpus_decodes(string set)
    {
        string root = Vectors();
        string[] expected = File.ReadAllText(Path.Combine(root, set + ".qif")).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        byte[] encoded = File.ReadAllBytes(Path.Combine(root, "encoded", set + ".out.0.0.0"));
        int decoded = 0;
        for (int at = 0; at < encoded.Length;)
        {
            ulong stream = BinaryPrimitives.ReadUInt64BigEndian(encoded.AsSpan(at));
            int length = BinaryPrimitives.ReadInt32BigEndian(encoded.AsSpan(at + 8));
            ReadOnlySpan<byte> payload = encoded.AsSpan(at + 12, length);
            at += 12 + length;
            if (stream == 0)
            {
                Assert.IsFalse(new QpackDecoder(0, 0).OnEncoderStream(payload).IsError);
                continue;
            }

            FieldSection fields = Decode(payload, out Http3Error error);
            Assert.IsFalse(error.IsError, error.ToString());
            string text = string.Join('\n', fields.Select(field => $"{field.Name}\t{field.Value}"));
            string wanted = string.Join('\n', expected[(int)stream - 1].Trim('\n').Split('\n').Where(line => !line.StartsWith('#')));
            Assert.AreEqual(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(wanted)), text);
            decoded++;
        }

        Assert.HasCount(decoded, expected);
    }

    /// <summary>qpackers/qifs, commit da52cd93 (2021-01-27), three of its sets, beside the sources.</summary>
    private static string Vectors()
    {
        DirectoryInfo at = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Net.sln")))
        {
            at = at.Parent!;
        }

        return Path.Combine(at.FullName, "Net.Tests/Http3/Vectors/qifs");
    }

    private static FieldSection Decode(ReadOnlySpan<byte> bytes, out Http3Error error)
    {
        FieldSection fields = new();
        new QpackDecoder(0, 0).Decode(0, bytes, fields, out error);
        return fields;
    }
}
