using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Core.Connections;

/// <summary>What connections share when they come with one component.</summary>
[TestClass]
public sealed class ImportCacheTests
{
    private static readonly PeerStreamLimits s_limits = new(1, 2, 3, 4, 5, 6);

    /// <summary>Goal: equal parameters are one object, and nobody gets those of another connection: one differing byte or limit is enough.</summary>
    [TestMethod]
    public void Equal_parameters_are_shared_and_others_are_not()
    {
        ImportCache cache = new();
        TransportParameters first = cache.Local(Section(exponent: 5), s_limits);
        Assert.AreEqual((5, 1ul), (first.AckDelayExponent, first.InitialMaxData));
        Assert.AreSame(first, cache.Local(Section(exponent: 5), s_limits));

        TransportParameters other = cache.Local(Section(exponent: 6), s_limits);
        Assert.AreEqual((6, 1ul), (other.AckDelayExponent, other.InitialMaxData));
        TransportParameters limited = cache.Local(Section(exponent: 6), s_limits with { MaxData = 9 });
        Assert.AreEqual((6, 9ul), (limited.AckDelayExponent, limited.InitialMaxData));
        Assert.AreEqual(5, cache.Local(Section(exponent: 5), s_limits).AckDelayExponent);
    }

    /// <summary>Goal: the two ends do not take each other's place.</summary>
    [TestMethod]
    public void Each_end_has_its_own()
    {
        ImportCache cache = new();
        TransportParameters local = cache.Local(Section(exponent: 5), s_limits), peer = cache.Peer(Section(exponent: 7), s_limits);
        Assert.AreSame(local, cache.Local(Section(exponent: 5), s_limits));
        Assert.AreSame(peer, cache.Peer(Section(exponent: 7), s_limits));
    }

    /// <summary>Goal: what is malformed is refused each time, and nothing is kept of it.</summary>
    [TestMethod]
    public void Malformed_parameters_are_refused_each_time()
    {
        ImportCache cache = new();
        TransportParameters first = cache.Local(Section(exponent: 5), s_limits);
        for (int i = 0; i < 2; i++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => cache.Local(new(new byte[] { 2, 0x0A, 9 }, default), s_limits));
            byte[] longer = [.. Section(exponent: 5).Rest, 0];
            Assert.ThrowsExactly<SnapshotException>(() => cache.Local(new(longer, default), s_limits));
        }

        Assert.AreSame(first, cache.Local(Section(exponent: 5), s_limits));
    }

    private static SnapshotReader Section(int exponent)
    {
        SnapshotWriter writer = new(default);
        new TransportParameters { AckDelayExponent = exponent }.Export(writer);
        return new(writer.Written.ToArray(), default);
    }
}
