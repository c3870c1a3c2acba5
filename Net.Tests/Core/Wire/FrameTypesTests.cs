using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class FrameTypesTests
{
    /// <summary>Goal (checklist S50): a type that is cut or longer than needed is refused; one nobody knows is read and known as such.</summary>
    [TestMethod]
    [DataRow("", false)]
    [DataRow("40", false)]
    [DataRow("4006", false)]
    [DataRow("80000006", false)]
    [DataRow("c000000000000006", false)]
    [DataRow("06", true)]
    [DataRow("4040", true)]
    [DataRow("ffffffffffffffff", true)]
    public void S50_only_the_shortest_form_of_a_type_is_read(string hex, bool expected)
    {
        ByteReader reader = new(FrameCodec.Hex(hex));
        Assert.AreEqual(expected, FrameTypes.TryReadType(ref reader, out _));
    }

    /// <summary>Goal: the types that we know are those of RFC 9000 and RFC 9221, and no other.</summary>
    [TestMethod]
    public void Known_types_are_those_of_the_RFCs()
    {
        ulong[] known = [.. Enumerable.Range(0, 256).Select(i => (ulong)i).Where(t => FrameTypes.IsKnown((FrameType)t))];
        CollectionAssert.AreEqual(Enumerable.Range(0, 0x1F).Select(i => (ulong)i).Append(0x30UL).Append(0x31UL).ToArray(), known);
        Assert.IsFalse(FrameTypes.IsKnown((FrameType)VarInt.MaxValue));
    }

    /// <summary>Goal: the table of section 12.4, column "Pkts", written out by hand (0-RTT as in section 12.5).</summary>
    [TestMethod]
    [DataRow(0x00, "ih01")]
    [DataRow(0x01, "ih01")]
    [DataRow(0x02, "ih_1")]
    [DataRow(0x03, "ih_1")]
    [DataRow(0x04, "__01")]
    [DataRow(0x05, "__01")]
    [DataRow(0x06, "ih_1")]
    [DataRow(0x07, "___1")]
    [DataRow(0x08, "__01")]
    [DataRow(0x0F, "__01")]
    [DataRow(0x10, "__01")]
    [DataRow(0x13, "__01")]
    [DataRow(0x17, "__01")]
    [DataRow(0x18, "__01")]
    [DataRow(0x19, "___1")]
    [DataRow(0x1A, "__01")]
    [DataRow(0x1B, "___1")]
    [DataRow(0x1C, "ih01")]
    [DataRow(0x1D, "__01")]
    [DataRow(0x1E, "___1")]
    [DataRow(0x30, "__01")]
    [DataRow(0x1F, "____")]
    [DataRow(0x32, "____")]
    public void Frames_are_allowed_where_the_table_says(int type, string packets)
    {
        Assert.AreEqual(packets.Contains('i', StringComparison.Ordinal), FrameTypes.IsAllowed((FrameType)type, EncryptionLevel.Initial));
        Assert.AreEqual(packets.Contains('h', StringComparison.Ordinal), FrameTypes.IsAllowed((FrameType)type, EncryptionLevel.Handshake));
        Assert.AreEqual(packets.Contains('0', StringComparison.Ordinal), FrameTypes.IsAllowed((FrameType)type, EncryptionLevel.ZeroRtt));
        Assert.AreEqual(packets.Contains('1', StringComparison.Ordinal), FrameTypes.IsAllowed((FrameType)type, EncryptionLevel.OneRtt));
    }

    /// <summary>Goal: what makes a peer acknowledge, and what merely probes a path.</summary>
    [TestMethod]
    public void Ack_eliciting_and_probing_types()
    {
        FrameType[] silent = [FrameType.Padding, FrameType.Ack, FrameType.AckEcn, FrameType.ConnectionClose, FrameType.ApplicationClose];
        FrameType[] probing = [FrameType.Padding, FrameType.PathChallenge, FrameType.PathResponse, FrameType.NewConnectionId];
        foreach (FrameType type in Enum.GetValues<FrameType>())
        {
            Assert.AreEqual(!silent.Contains(type), FrameTypes.IsAckEliciting(type), $"{type}");
            Assert.AreEqual(probing.Contains(type), FrameTypes.IsProbing(type), $"{type}");
        }

        Assert.IsTrue(FrameTypes.IsStream((FrameType)0x0B));
        Assert.IsFalse(FrameTypes.IsStream(FrameType.NewToken));
        Assert.IsFalse(FrameTypes.IsStream(FrameType.MaxData));
    }

    /// <summary>Goal: padding is passed over up to the next frame or the end.</summary>
    [TestMethod]
    public void Padding_is_skipped()
    {
        ByteReader reader = new([0, 0, 0, 1, 0, 0]);
        FrameTypes.SkipPadding(ref reader);
        Assert.AreEqual(3, reader.Position);
        FrameTypes.SkipPadding(ref reader);
        Assert.AreEqual(3, reader.Position);
        _ = reader.TryReadByte(out _);
        FrameTypes.SkipPadding(ref reader);
        Assert.IsTrue(reader.IsEmpty);
    }
}
