using Net.Core.Wire;
using Net.Migration.Hosting;
using Net.Migration.Ingress;

namespace Net.Tests.Migration.Hosting;

/// <summary>Datagrams that go with a port.</summary>
[TestClass]
public sealed class KeptDatagramsTests
{
    private static readonly UdpAddress Client = Address("192.0.2.7:7777"), Other = Address("[2001:db8::7]:1"), Public = Address("192.0.2.1:443");

    private static readonly HeldDatagram[] Some = [new(Client, Public, Ecn.Ect0, 12, [1, 2, 3]), new(Other, Public, Ecn.Ce, 13, new byte[1500])];

    /// <summary>Goal: all that the router has to know comes with them, in their order.</summary>
    [TestMethod]
    public void They_come_as_they_went()
    {
        IReadOnlyList<HeldDatagram> read = Read(KeptDatagrams.Write(Some));
        Assert.HasCount(2, read);
        for (int i = 0; i < 2; i++)
        {
            CollectionAssert.AreEqual(Some[i].Bytes, read[i].Bytes);
            Assert.AreEqual(Some[i] with { Bytes = read[i].Bytes }, read[i]);
        }

        Assert.IsEmpty(Read(KeptDatagrams.Write([])));
    }

    /// <summary>Goal: clients that had much waiting do not keep the port from its reader: the first ones go, up to the limit.</summary>
    [TestMethod]
    public void They_are_bounded()
    {
        HeldDatagram large = new(Client, Public, Ecn.NotEct, 1, new byte[65_000]);
        byte[] written = KeptDatagrams.Write([.. Enumerable.Repeat(large, 100)]);
        Assert.IsLessThanOrEqualTo(KeptDatagrams.MaxBytes, KeptDatagrams.ReadPrefix(written));
        Assert.HasCount(KeptDatagrams.MaxBytes / (large.Bytes.Length + IngressHeader.Length + sizeof(int)), Read(written));
    }

    /// <summary>Goal: what is cut, too long, or no datagram of a client's is refused, whatever it is.</summary>
    [TestMethod]
    public void Anything_else_is_refused()
    {
        byte[] written = KeptDatagrams.Write(Some)[KeptDatagrams.PrefixLength..];
        int second = sizeof(int) + IngressHeader.Length + Some[0].Bytes.Length;
        for (int length = 1; length < written.Length; length++)
        {
            Assert.AreEqual(length == second, KeptDatagrams.TryRead(written.AsSpan(0, length), out _), $"{length}");
        }

        byte[] marker = [.. written];
        marker[sizeof(int) + 1] = (byte)IngressDatagram.HandBack;
        Assert.IsFalse(KeptDatagrams.TryRead(marker, out _));
        Assert.IsFalse(KeptDatagrams.TryRead([0xff, 0xff, 0xff, 0xff], out _));
        Assert.AreEqual(-1, KeptDatagrams.ReadPrefix([0x80, 0, 0, 0]));
        Assert.AreEqual(-1, KeptDatagrams.ReadPrefix([0x7f, 0, 0, 0]));
    }

    private static IReadOnlyList<HeldDatagram> Read(byte[] written)
    {
        Assert.AreEqual(written.Length - KeptDatagrams.PrefixLength, KeptDatagrams.ReadPrefix(written));
        Assert.IsTrue(KeptDatagrams.TryRead(written.AsSpan(KeptDatagrams.PrefixLength), out IReadOnlyList<HeldDatagram> read));
        return read;
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new ArgumentException(text);
}
