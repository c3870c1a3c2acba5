using Net.Core.Crypto;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Tls;

namespace Net.Tests.Core.Tls;

[TestClass]
public sealed class TlsSessionTests
{
    /// <summary>Goal: every field of a session travels. Method: each has left its default.</summary>
    [TestMethod]
    public void A_session_travels()
    {
        TlsSession session = Session(CipherSuite.Aes256GcmSha384, 48);
        TlsSession copy = TlsSession.Import(Reader(session));

        Assert.AreEqual(session.Suite, copy.Suite);
        Assert.AreEqual(session.ServerName, copy.ServerName);
        CollectionAssert.AreEqual(session.Alpn.ToArray(), copy.Alpn.ToArray());
        CollectionAssert.AreEqual(session.ExporterSecret.ToArray(), copy.ExporterSecret.ToArray());
        CollectionAssert.AreEqual(session.ResumptionSecret.ToArray(), copy.ResumptionSecret.ToArray());
        Assert.IsTrue(copy.IsResumed);
        Assert.AreEqual(EarlyDataState.Rejected, copy.EarlyData);
        Assert.IsTrue(copy.TakesTickets);
        Assert.HasCount(2, copy.PeerCertificates);
        CollectionAssert.AreEqual(session.PeerCertificates[1].ToArray(), copy.PeerCertificates[1].ToArray());
    }

    /// <summary>Goal: a session that contradicts itself is not restored.</summary>
    [TestMethod]
    public void An_unsound_session_is_refused()
    {
        Assert.ThrowsExactly<SnapshotException>(() => TlsSession.Import(Reader(Session(CipherSuite.Aes256GcmSha384, 32))));
        Assert.ThrowsExactly<SnapshotException>(() => TlsSession.Import(Reader(Session((CipherSuite)0x1399, 32))));
        Assert.ThrowsExactly<SnapshotException>(() => TlsSession.Import(Reader(Session(CipherSuite.Aes128GcmSha256, 32, alpn: 256))));
        Assert.ThrowsExactly<SnapshotException>(() => TlsSession.Import(Reader(Session(CipherSuite.Aes128GcmSha256, 32, certificates: 17))));
    }

    private static SnapshotReader Reader(TlsSession session)
    {
        SnapshotWriter writer = new(default);
        session.Export(writer);
        return new(writer.Written, default);
    }

    private static TlsSession Session(CipherSuite suite, int secretLength, int alpn = 2, int certificates = 2) => new()
    {
        Suite = suite,
        Alpn = Enumerable.Repeat((byte)'h', alpn).ToArray(),
        ServerName = "server.test",
        PeerCertificates = [.. Enumerable.Range(0, certificates).Select(i => (ReadOnlyMemory<byte>)new byte[] { 1, (byte)i })],
        ExporterSecret = Enumerable.Repeat((byte)3, secretLength).ToArray(),
        ResumptionSecret = Enumerable.Repeat((byte)4, secretLength).ToArray(),
        IsResumed = true,
        EarlyData = EarlyDataState.Rejected,
        TakesTickets = true,
    };
}
