using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class HeadersTests
{
    private static readonly ConnectionId Destination = new([1, 2, 3, 4, 5, 6, 7, 8]);
    private static readonly ConnectionId Source = new([9, 10]);

    /// <summary>Goal: each type of each version is read as it was written, behind another packet as well.</summary>
    [TestMethod]
    [DataRow(LongPacketType.Initial, 1u, 0xC0)]
    [DataRow(LongPacketType.ZeroRtt, 1u, 0xD0)]
    [DataRow(LongPacketType.Handshake, 1u, 0xE0)]
    [DataRow(LongPacketType.Initial, 0x6b3343cfu, 0xD0)]
    [DataRow(LongPacketType.ZeroRtt, 0x6b3343cfu, 0xE0)]
    [DataRow(LongPacketType.Handshake, 0x6b3343cfu, 0xF0)]
    public void A_long_header_is_read_as_it_was_written(object type, uint version, int first)
    {
        LongPacketType packetType = (LongPacketType)type;
        byte[] token = packetType == LongPacketType.Initial ? [.. Enumerable.Range(0, 70).Select(i => (byte)i)] : [];
        byte[] buffer = new byte[300];
        ByteWriter writer = new(buffer);
        LongHeader.Write(ref writer, packetType, version, Destination, Source, token, out int lengthOffset);
        int headerLength = writer.Position;
        Assert.AreEqual(LongHeader.HeaderLength(packetType, Destination, Source, token.Length), headerLength);
        LongHeader.PatchLength(buffer, lengthOffset, 100);

        Assert.AreEqual((byte)first, buffer[0]);
        Assert.IsTrue(LongHeader.TryRead(buffer, out LongHeader header));
        Assert.AreEqual(packetType, header.Type);
        Assert.AreEqual(version, header.Version);
        Assert.AreEqual(Destination, header.Destination);
        Assert.AreEqual(Source, header.Source);
        CollectionAssert.AreEqual(token, buffer[header.TokenOffset..(header.TokenOffset + header.TokenLength)]);
        Assert.AreEqual(headerLength, header.PacketNumberOffset);
        Assert.AreEqual(headerLength + 100, header.PacketLength);

        Assert.IsTrue(InvariantHeader.TryRead(buffer, 8, out InvariantHeader invariant));
        Assert.AreEqual(new InvariantHeader(true, version, Destination, Source), invariant);
        Assert.IsFalse(invariant.IsNegotiation);

        // Cut anywhere within what Length announces, it is refused.
        for (int length = 0; length < headerLength + 100; length++)
        {
            Assert.IsFalse(LongHeader.TryRead(buffer.AsSpan(0, length), out _), $"{length}");
        }

        Assert.IsTrue(LongHeader.TryRead(buffer.AsSpan(0, headerLength + 100), out _));
    }

    /// <summary>Goal (checklist S31): IDs beyond 20 bytes, unknown versions and a short form are refused, not thrown at.</summary>
    [TestMethod]
    public void S31_long_headers_that_are_not_ours_are_refused()
    {
        byte[] longId = [0xC0, 0, 0, 0, 1, 21, .. new byte[21], 0, 0, 0];
        Assert.IsFalse(LongHeader.TryRead(longId, out _));
        Assert.IsFalse(InvariantHeader.TryRead(longId, 8, out _));
        longId[4] = 0x7F;
        Assert.IsFalse(InvariantHeader.TryRead(longId, 8, out _));
        byte[] longSource = [0xC0, 0, 0, 0, 1, 0, 255, .. new byte[255], 0, 0];
        Assert.IsFalse(InvariantHeader.TryRead(longSource, 8, out _));

        byte[] sound = [0xC0, 0, 0, 0, 1, 0, 0, 0, 0];
        Assert.IsTrue(LongHeader.TryRead(sound, out LongHeader empty));
        Assert.AreEqual(0, empty.Destination.Length);
        Assert.AreEqual(9, empty.PacketLength);
        Assert.IsTrue(LongHeader.TryRead([(byte)(sound[0] & ~0x40), .. sound[1..]], out _), "the fixed bit is greased (RFC 9287)");
        Assert.IsFalse(LongHeader.TryRead([0x40, .. sound[1..]], out _), "short form");
        Assert.IsFalse(LongHeader.TryRead([0xC0, 0x1A, 0x2A, 0x3A, 0x4A, .. sound[5..]], out _), "unknown version");
        Assert.IsFalse(LongHeader.TryRead([0xC0, 0, 0, 0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0], out _), "token of 2^62-1");
        Assert.IsFalse(LongHeader.TryRead([0xE0, 0, 0, 0, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0], out _), "length of 2^62-1");
    }

    /// <summary>Goal: a short header gives the ID of the length that we issue, and is refused when it is not there in full.</summary>
    [TestMethod]
    public void A_short_header_holds_an_ID_of_our_length()
    {
        ByteWriter writer = new(new byte[20]);
        ShortHeader.Write(ref writer, Destination, spin: true);
        Assert.AreEqual(0x60, writer.Written[0]);
        Assert.AreEqual(ShortHeader.HeaderLength(Destination), writer.Position);
        Assert.IsTrue(InvariantHeader.TryRead(writer.Written, 8, out InvariantHeader header));
        Assert.AreEqual(new InvariantHeader(false, 0, Destination, default), header);
        for (int length = 0; length < writer.Position; length++)
        {
            Assert.IsFalse(InvariantHeader.TryRead(writer.Written[..length], 8, out _));
        }

        writer = new(new byte[20]);
        ShortHeader.Write(ref writer, Destination, spin: false);
        Assert.AreEqual(0x40, writer.Written[0]);
    }

    /// <summary>Goal: a length that its two bytes cannot hold is our own mistake.</summary>
    [TestMethod]
    public void A_length_beyond_two_bytes_throws()
    {
        byte[] buffer = new byte[2];
        LongHeader.PatchLength(buffer, 0, 16_383);
        CollectionAssert.AreEqual(new byte[] { 0x7F, 0xFF }, buffer);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => LongHeader.PatchLength(buffer, 0, 16_384));
    }

    /// <summary>Goal: Version Negotiation is read as written, names its versions, and is refused cut or empty.</summary>
    [TestMethod]
    public void Version_negotiation_is_read_as_it_was_written()
    {
        byte[] buffer = new byte[VersionNegotiationPacket.Length(Destination, Source, 2)];
        ByteWriter writer = new(buffer);
        VersionNegotiationPacket.Write(ref writer, 0x2A, Destination, Source, [0x1a2a3a4a, QuicVersion.V1]);
        Assert.AreEqual(0, writer.Free);

        Assert.IsTrue(VersionNegotiationPacket.TryRead(buffer, out VersionNegotiationPacket packet));
        Assert.AreEqual(Destination, packet.Destination);
        Assert.AreEqual(Source, packet.Source);
        Assert.AreEqual(2, packet.Count);
        Assert.IsTrue(packet.Contains(QuicVersion.V1));
        Assert.IsTrue(QuicVersion.IsReserved(packet[0]));
        Assert.IsFalse(packet.Contains(QuicVersion.V2));
        Assert.IsTrue(InvariantHeader.TryRead(buffer, 8, out InvariantHeader header) && header.IsNegotiation);
        Assert.IsFalse(LongHeader.TryRead(buffer, out _));

        for (int length = 0; length < buffer.Length; length++)
        {
            Assert.AreEqual(length == buffer.Length - 4, VersionNegotiationPacket.TryRead(buffer.AsSpan(0, length), out _), $"{length}");
        }

        buffer[4] = 1;
        Assert.IsFalse(VersionNegotiationPacket.TryRead(buffer, out _));
    }

    /// <summary>Goal: a Retry is read as written in both versions; without a token or with a cut tag it is discarded.</summary>
    [TestMethod]
    [DataRow(1u, 0xF0)]
    [DataRow(0x6b3343cfu, 0xC0)]
    public void A_retry_is_read_as_it_was_written(uint version, int first)
    {
        byte[] buffer = new byte[RetryPacket.Length(Destination, Source, 3)];
        ByteWriter writer = new(buffer);
        RetryPacket.Write(ref writer, version, Destination, Source, [1, 2, 3]);
        Assert.AreEqual(RetryPacket.TagLength, writer.Free);
        buffer.AsSpan(^16).Fill(0xEE);

        Assert.AreEqual((byte)first, buffer[0]);
        Assert.IsTrue(RetryPacket.TryRead(buffer, out RetryPacket packet));
        Assert.AreEqual(version, packet.Version);
        Assert.AreEqual(Destination, packet.Destination);
        Assert.AreEqual(Source, packet.Source);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, packet.Token.ToArray());
        CollectionAssert.AreEqual(buffer[..^16], packet.Covered.ToArray());
        CollectionAssert.AreEqual(buffer[^16..], packet.Tag.ToArray());

        // Down to one byte of token any cut is another packet, which its tag will tell; below that there is no token.
        for (int length = 0; length <= buffer.Length - 3; length++)
        {
            Assert.IsFalse(RetryPacket.TryRead(buffer.AsSpan(0, length), out _), $"{length}");
        }
    }
}
