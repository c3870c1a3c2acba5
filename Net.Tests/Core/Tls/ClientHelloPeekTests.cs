using Net.Core.Tls;

namespace Net.Tests.Core.Tls;

[TestClass]
public sealed class ClientHelloPeekTests
{
    /// <summary>Goal: the ingress reads name and protocols from a whole ClientHello, waits for one in parts but for the name, and gives up on what is none.</summary>
    [TestMethod]
    public void A_client_hello_in_parts()
    {
        byte[] hello = new HandshakePair(clientAlpn: ["h3"u8.ToArray(), "x"u8.ToArray()]).Run().Log[0].Bytes;
        int named = 0;
        for (int length = 0; length < hello.Length; length++)
        {
            Assert.IsFalse(ClientHelloPeek.TryRead(hello.AsSpan(0, length), out ClientHelloPeek part));
            Assert.IsTrue(part.NeedsMore);
            named += part.ServerName is null ? 0 : 1;
            Assert.IsTrue(part.ServerName is null == (named == 0) && part.ServerName is null or "server.test", "from its last byte on");
        }

        Assert.IsTrue(named > 0 && named < hello.Length - 60, $"{named}");

        Assert.IsTrue(ClientHelloPeek.TryRead([.. hello, 1, 2], out ClientHelloPeek peek));
        Assert.IsFalse(peek.NeedsMore);
        Assert.AreEqual("server.test", peek.ServerName);
        Assert.HasCount(2, peek.AlpnProtocols);
        CollectionAssert.AreEqual("h3"u8.ToArray(), peek.AlpnProtocols[0]);
    }

    /// <summary>Goal: another message, one that is too long and one that does not parse are told from an incomplete one.</summary>
    [TestMethod]
    [DataRow(new byte[] { 2 })]
    [DataRow(new byte[] { 1, 1, 0, 0 })]
    [DataRow(new byte[] { 1, 0, 0, 1, 0 })]
    public void What_will_never_be_a_client_hello(byte[] bytes)
    {
        Assert.IsFalse(ClientHelloPeek.TryRead(bytes, out ClientHelloPeek peek));
        Assert.IsFalse(peek.NeedsMore);
    }
}
