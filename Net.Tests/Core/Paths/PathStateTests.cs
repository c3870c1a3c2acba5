using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Tests.Core.Paths;

[TestClass]
public sealed class PathStateTests
{
    /// <summary>Goal: RFC 9000, section 8.1: an address that is not proven gets three bytes for each that came from it, and not one more.</summary>
    [TestMethod]
    public void An_unproven_address_gets_three_bytes_for_one()
    {
        PathState path = new(Somewhere(), isProven: false);
        Assert.AreEqual(0, path.Allowance);

        path.OnReceived(Somewhere(), 1200);
        Assert.AreEqual(3600, path.Allowance);
        path.OnSent(3599);
        Assert.AreEqual(1, path.Allowance);
        path.OnSent(1200);
        Assert.AreEqual(0, path.Allowance);
        path.OnReceived(Somewhere(), 1200);
        Assert.AreEqual(7200 - 4799, path.Allowance);
    }

    /// <summary>Goal: proof lifts the limit for good.</summary>
    [TestMethod]
    public void Proof_lifts_the_limit()
    {
        PathState path = new(Somewhere(), isProven: false);
        path.OnProven();
        path.OnSent(1_000_000);
        Assert.AreEqual(long.MaxValue, path.Allowance);
    }

    private static NetworkPath Somewhere()
    {
        Assert.IsTrue(UdpAddress.TryParse("192.0.2.1:5000", out UdpAddress remote));
        Assert.IsTrue(UdpAddress.TryParse("192.0.2.2:443", out UdpAddress local));
        return new(remote, local, Ingress: 0);
    }
}
