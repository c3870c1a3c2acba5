using Net.Core.Crypto;
using Net.Core.Wire;
using Net.Migration.Ingress;

namespace Net.Tests.Migration.Ingress;

[TestClass]
public sealed class InitialInspectorTests
{
    private static readonly byte[] Destination = [1, 2, 3, 4, 5, 6, 7, 8];
    private static readonly byte[] Source = [9];

    /// <summary>Goal: the name is found when the ClientHello is cut in pieces that overlap, come backwards and span datagrams (checklist S40).</summary>
    [TestMethod]
    public void A_shuffled_ClientHello_is_put_together()
    {
        byte[] hello = ClientFlight.Hello("Web.Example.org", padding: 900);
        int half = hello.Length / 2;
        using InitialInspector inspector = new(ProtectionSuites.BaseLibrary, QuicVersion.V1, new(Destination));
        (int, int)[] backwards = [.. Enumerable.Range(0, 60).Select(i => (hello.Length - 1 - i, 1))];
        Assert.AreEqual(Inspection.NeedsMore, inspector.OnDatagram(ClientFlight.Initial(Destination, Source, 0, hello, backwards)));
        Assert.AreEqual(Inspection.NeedsMore, inspector.OnDatagram(ClientFlight.Initial(Destination, Source, 1, hello, (half, hello.Length - half), (half, 10))));
        Assert.IsNull(inspector.ServerName);
        Assert.AreEqual(Inspection.Complete, inspector.OnDatagram(ClientFlight.Initial(Destination, Source, 2, hello, (20, half - 10), (0, 25))));
        Assert.AreEqual("web.example.org", inspector.ServerName);
    }

    /// <summary>Goal: what is not sealed with these keys is foreign, whatever its length; a datagram is not changed by looking at it.</summary>
    [TestMethod]
    public void Foreign_datagrams_are_told_apart()
    {
        byte[] hello = ClientFlight.Hello("web");
        byte[] datagram = ClientFlight.Initial(Destination, Source, 0, hello, (0, hello.Length));
        using InitialInspector inspector = new(ProtectionSuites.BaseLibrary, QuicVersion.V1, new(Destination));
        for (int length = 0; length < datagram.Length; length += length < 60 ? 1 : 100)
        {
            Assert.AreEqual(Inspection.Foreign, inspector.OnDatagram(datagram.AsSpan(0, length)));
        }

        byte[] forged = [.. datagram];
        forged[^1] ^= 1;
        Assert.AreEqual(Inspection.Foreign, inspector.OnDatagram(forged));
        byte[] copy = [.. datagram];
        Assert.AreEqual(Inspection.Complete, inspector.OnDatagram(datagram));
        CollectionAssert.AreEqual(copy, datagram);
    }

    /// <summary>Goal: CRYPTO beyond the limit, and another message than a ClientHello, are malformed and take no more memory.</summary>
    [TestMethod]
    public void Beyond_the_limit_is_malformed()
    {
        byte[] large = new byte[InitialInspector.MaxCrypto + 1];
        using InitialInspector inspector = new(ProtectionSuites.BaseLibrary, QuicVersion.V1, new(Destination));
        Assert.AreEqual(Inspection.Malformed, inspector.OnDatagram(ClientFlight.Initial(Destination, Source, 0, large, (InitialInspector.MaxCrypto, 1))));
        Assert.AreEqual(Inspection.NeedsMore, inspector.OnDatagram(ClientFlight.Initial(Destination, Source, 1, large, (InitialInspector.MaxCrypto - 1, 1))));
        Assert.AreEqual(2 * InitialInspector.MaxCrypto, inspector.Memory);
        using InitialInspector other = new(ProtectionSuites.BaseLibrary, QuicVersion.V1, new(Destination));
        Assert.AreEqual(Inspection.Malformed, other.OnDatagram(ClientFlight.Initial(Destination, Source, 0, [2, 0, 0, 1, 0], (0, 5))));
    }
}
