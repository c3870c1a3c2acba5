using System.Net;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class AddressTests
{
    /// <summary>Goal: text, end point and fixed form all lead back to the same value.</summary>
    [TestMethod]
    [DataRow("127.0.0.1:443")]
    [DataRow("0.0.0.0:0")]
    [DataRow("255.1.2.3:65535")]
    [DataRow("[::1]:443")]
    [DataRow("[::]:1")]
    [DataRow("[2001:db8::7:8]:4433")]
    public void An_address_survives_all_its_forms(string text)
    {
        Assert.IsTrue(UdpAddress.TryParse(text, out UdpAddress address));
        Assert.AreEqual(text, address.ToString());
        Assert.AreEqual(IPEndPoint.Parse(text), address.ToEndPoint());
        Assert.AreEqual(address, UdpAddress.FromEndPoint(address.ToEndPoint()));
        Assert.AreEqual(text[0] == '[', address.IsIPv6);

        ByteWriter writer = new(new byte[UdpAddress.EncodedLength]);
        address.Write(ref writer);
        Assert.AreEqual(0, writer.Free);
        ByteReader reader = new(writer.Written);
        Assert.IsTrue(UdpAddress.TryRead(ref reader, out UdpAddress read));
        Assert.AreEqual(address, read);
        for (int length = 0; length < UdpAddress.EncodedLength; length++)
        {
            reader = new(writer.Written[..length]);
            Assert.IsFalse(UdpAddress.TryRead(ref reader, out _));
        }
    }

    /// <summary>Goal: what is not an address with a port is refused.</summary>
    [TestMethod]
    [DataRow(null)]
    [DataRow("")]
    [DataRow(":443")]
    [DataRow("127.0.0.1")]
    [DataRow("127.0.0.1:")]
    [DataRow("127.0.0.1:65536")]
    [DataRow("127.0.0.1:-1")]
    [DataRow("127.0.0.1: 1")]
    [DataRow("127.1:443")]
    [DataRow("1:443")]
    [DataRow("[127.0.0.1]:443")]
    [DataRow("::1:443")]
    [DataRow("[::1]")]
    [DataRow("[[::1]]:443")]
    [DataRow("[fe80::1%1]:443")]
    [DataRow("example.com:443")]
    public void Other_text_is_refused(string? text)
    {
        Assert.IsFalse(UdpAddress.TryParse(text, out UdpAddress address));
        Assert.IsTrue(address.IsNone);
    }

    /// <summary>Goal: one address has one value, whichever socket family reported it; forms that would give it a second are refused.</summary>
    [TestMethod]
    public void A_mapped_address_is_its_IPv4_address()
    {
        Assert.IsTrue(UdpAddress.TryParse("[::ffff:10.1.2.3]:80", out UdpAddress mapped));
        Assert.IsTrue(UdpAddress.TryParse("10.1.2.3:80", out UdpAddress plain));
        Assert.AreEqual(plain, mapped);

        ByteReader reader = new([6, .. new byte[10], 0xFF, 0xFF, 10, 1, 2, 3, 0, 80]);
        Assert.IsFalse(UdpAddress.TryRead(ref reader, out _), "mapped");
        reader = new([4, .. new byte[11], 1, 10, 1, 2, 3, 0, 80]);
        Assert.IsFalse(UdpAddress.TryRead(ref reader, out _), "more than four bytes");
        reader = new([0, .. new byte[17], 1]);
        Assert.IsFalse(UdpAddress.TryRead(ref reader, out _), "none with a port");
        reader = new([5, .. new byte[18]]);
        Assert.IsFalse(UdpAddress.TryRead(ref reader, out _), "unknown family");
        reader = new(new byte[19]);
        Assert.IsTrue(UdpAddress.TryRead(ref reader, out UdpAddress none) && none.IsNone);
        Assert.ThrowsExactly<InvalidOperationException>(() => default(UdpAddress).ToEndPoint());
    }

    /// <summary>Goal: a rebinding that changes the port alone can be told from a new host.</summary>
    [TestMethod]
    public void Same_host_ignores_the_port()
    {
        Assert.IsTrue(UdpAddress.TryParse("10.1.2.3:80", out UdpAddress address));
        Assert.IsTrue(UdpAddress.TryParse("10.1.2.4:80", out UdpAddress other));
        Assert.IsTrue(address.HasSameHost(address.WithPort(81)));
        Assert.AreNotEqual(address, address.WithPort(81));
        Assert.IsFalse(address.HasSameHost(other));
    }

    /// <summary>Goal: a token equals itself only; each of its 16 bytes counts; its text does not show it.</summary>
    [TestMethod]
    public void Each_byte_of_a_reset_token_counts()
    {
        byte[] bytes = [.. Enumerable.Range(1, 16).Select(i => (byte)i)];
        ResetToken token = new(bytes);
        byte[] copy = new byte[16];
        token.CopyTo(copy);
        CollectionAssert.AreEqual(bytes, copy);
        for (int i = 0; i < 16; i++)
        {
            copy[i] ^= 1;
            Assert.IsTrue(token != new ResetToken(copy), $"{i}");
            copy[i] ^= 1;
        }

        Assert.IsTrue(token == new ResetToken(copy));
        Assert.AreEqual("reset token", token.ToString());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ResetToken(new byte[15]));
    }
}
