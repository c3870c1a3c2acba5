using Net.Core.Wire;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Tests.Migration.Ingress;

[TestClass]
public sealed class IngressTagsTests
{
    private static readonly KeyRing Keys = new(new FederationKey(2, Enumerable.Repeat((byte)3, 32).ToArray()));

    private static IngressHeader Header => new()
    {
        Type = IngressDatagram.Data,
        KeyNumber = 2,
        Epoch = 0x0102030405060708,
        Shard = 9,
        Client = Address("10.0.0.1:5000"),
        Public = Address("[::1]:4433"),
        Ecn = Ecn.Ce,
        ReceiveMicroseconds = 1234567,
    };

    /// <summary>Goal: what is written is read, by another instance, from its cache as well; hints may differ in one flow.</summary>
    [TestMethod]
    public void A_header_comes_back()
    {
        IngressTags sender = new(Keys, 1, 2), receiver = new(Keys, 3, 4);
        foreach (IngressHeader header in new[] { Header, Header with { Ecn = Ecn.Ect0, ReceiveMicroseconds = 5 }, Header with { Epoch = 3 }, Header })
        {
            byte[] datagram = new byte[IngressHeader.Length + 3];
            sender.Write(datagram, header);
            Assert.IsTrue(receiver.TryOpen(datagram, out IngressHeader back));
            Assert.AreEqual(header, back);
        }

        Assert.AreEqual(2, receiver.Flows);
    }

    /// <summary>Goal: a datagram counts as one of those before only if every octet of the header but the time is the same, and all of it is there.</summary>
    [TestMethod]
    public void Only_the_time_may_differ_in_headers_that_are_alike()
    {
        byte[] opened = new byte[IngressHeader.Length + 3];
        new IngressTags(Keys, 1, 2).Write(opened, Header);
        for (int octet = 0; octet < IngressHeader.Length; octet++)
        {
            byte[] other = [.. opened];
            other[octet] ^= 0x10;
            bool isTime = octet is > IngressHeader.PrefixLength and < IngressHeader.Length - 1;
            Assert.AreEqual(isTime, IngressTags.IsAlike(other, opened), $"octet {octet}");
        }

        Assert.IsTrue(IngressTags.IsAlike(opened.AsSpan(0, IngressHeader.Length), opened));
        Assert.IsFalse(IngressTags.IsAlike(opened.AsSpan(0, IngressHeader.Length - 1), opened));
    }

    /// <summary>Goal: no bit of the tagged fields or of the tag can change, a marker's body neither; wrong tags are not remembered.</summary>
    [TestMethod]
    public void A_changed_field_is_noticed()
    {
        IngressTags tags = new(Keys, 1, 2);
        byte[] datagram = new byte[IngressHeader.Length];
        tags.Write(datagram, Header);
        byte[] marker = tags.WriteMarker(IngressDatagram.Marker, 9, 4, 77);
        IngressTags receiver = new(Keys, 1, 2);
        Assert.IsTrue(receiver.TryOpen(marker, out IngressHeader header));
        Assert.AreEqual((IngressDatagram.Marker, 9u, 4ul), (header.Type, header.Shard, header.Epoch));
        for (int round = 0; round < 2; round++)
        {
            foreach (byte[] original in new[] { datagram, marker })
            {
                for (int bit = 0; bit < original.Length * 8; bit++)
                {
                    byte[] changed = [.. original];
                    changed[bit / 8] ^= (byte)(1 << (bit % 8));
                    bool isHint = bit / 8 is >= IngressHeader.PrefixLength and < IngressHeader.Length;
                    Assert.IsTrue(isHint || !receiver.TryOpen(changed, out _), $"bit {bit}");
                }
            }

            Assert.AreEqual(round, receiver.Flows);
            Assert.IsTrue(receiver.TryOpen(datagram, out _));
        }

        for (int length = 0; length < marker.Length; length++)
        {
            Assert.IsFalse(receiver.TryOpen(marker.AsSpan(0, length), out _) && length != IngressHeader.Length);
        }
    }

    /// <summary>Goal: an earlier key is honoured while it is in the ring, and not one datagram longer, cache or not.</summary>
    [TestMethod]
    public void A_retired_key_opens_nothing()
    {
        IngressTags old = new(Keys, 1, 2), receiver = new(Keys, 1, 2);
        byte[] datagram = new byte[IngressHeader.Length];
        old.Write(datagram, Header);
        KeyRing rotated = Keys.Rotate(new(3, new byte[32]));
        receiver.Use(rotated);
        Assert.IsTrue(receiver.TryOpen(datagram, out _));
        receiver.Use(rotated.Retire());
        Assert.IsFalse(receiver.TryOpen(datagram, out _));
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new ArgumentException(text);
}
