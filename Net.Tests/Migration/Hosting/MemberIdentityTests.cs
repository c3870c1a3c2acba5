using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>Members' certificates: they end, and processes outlive them.</summary>
[TestClass]
public sealed class MemberIdentityTests
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly List<string> _log = [];
    private readonly ManualTimers _time = new(s_now);

    public TestContext TestContext { get; set; } = null!;

    /// <summary>Goal: who would be refused by everybody says so at its start, and not after a long silence.</summary>
    [TestMethod]
    [DataRow(0, null)]
    [DataRow(-400, "the member certificate of a has expired on 2026-01-25: no other member takes it")]
    [DataRow(2, "the member certificate of a is not valid before 2026-03-03: no other member takes it")]
    public void One_that_is_not_valid_does_not_start(int issuedAfterDays, string? message)
    {
        using X509Certificate2 certificate = Issue(s_now.AddDays(issuedAfterDays));
        if (message is null)
        {
            using MemberIdentity identity = new("a", certificate, null, _log.Add, _time);
            Assert.AreSame(certificate, identity.Current());
            return;
        }

        Assert.AreEqual(message, Assert.ThrowsExactly<ArgumentException>(() => new MemberIdentity("a", certificate, null, _log.Add, _time)).Message);
    }

    /// <summary>Goal: from thirty days before its end on it is told, once a day and no more often.</summary>
    [TestMethod]
    public void Its_end_is_told_before_it_comes()
    {
        using X509Certificate2 certificate = Issue(s_now);
        using MemberIdentity identity = new("a", certificate, null, _log.Add, _time);
        _time.Fire();
        _time.Now = certificate.NotAfter - MemberIdentity.WarnBefore;
        _time.Fire();
        Assert.IsEmpty(_log);
        _time.Now += TimeSpan.FromSeconds(1);
        _time.Fire();
        _time.Fire();
        Assert.AreEqual("the member certificate of a ends on 2027-03-01: without another one nothing moves from or to it then", _log.Single());
        _time.Now += TimeSpan.FromDays(1);
        _time.Fire();
        Assert.HasCount(2, _log);
        _time.Now = certificate.NotAfter;
        _time.Fire();
        Assert.Contains("has expired on 2027-03-01", _log[2]);
    }

    /// <summary>Goal: what cannot be renewed stays, is told once, and is asked for again.</summary>
    [TestMethod]
    public void A_renewal_that_fails_leaves_the_former_one()
    {
        using X509Certificate2 first = Issue(s_now), second = Issue(s_now);
        Func<X509Certificate2> renewed = () => first;
        using MemberIdentity identity = new("a", first, () => renewed(), _log.Add, _time);
        renewed = () => throw new IOException("the file is damaged");
        Assert.AreSame(first, identity.Current());
        Assert.AreSame(first, identity.Current());
        Assert.Contains("the file is damaged", _log.Single());
        renewed = () => second;
        Assert.AreSame(second, identity.Current());
    }

    /// <summary>Goal: a certificate is renewed at half of its time, over the same key; when nobody can issue it stays, and is issued as soon as somebody can.</summary>
    [TestMethod]
    public void One_is_issued_anew_at_half_of_its_time()
    {
        using X509Certificate2 authority = Certificates.MakeAuthority("test", s_now);
        using X509Certificate2 first = Certificates.IssueMember(authority, "a", s_now);
        bool canIssue = false;
        RenewedCertificate renewed = new(first, (key, now) => canIssue ? Certificates.IssueMember(authority, "a", now, key) : null, _time);
        _time.Now = s_now.AddDays(180);
        Assert.AreSame(first, renewed.Current());
        _time.Now = s_now.AddDays(183);
        Assert.AreSame(first, renewed.Current());
        canIssue = true;
        X509Certificate2 second = renewed.Current();
        Assert.AreSame(second, renewed.Current());
        Assert.AreNotEqual(first.Thumbprint, second.Thumbprint);
        Assert.AreEqual(Roster.FingerprintOf(first), Roster.FingerprintOf(second), "the roster names the key");
        Assert.IsNull(Certificates.WhyNot(second, s_now.AddDays(500)));
    }

    /// <summary>Goal: processes of one server renew theirs from the authority in their directory.</summary>
    [TestMethod]
    public void Private_members_are_renewed()
    {
        string directory = System.IO.Directory.CreateTempSubdirectory("continuum-private-").FullName;
        try
        {
            PrivateTrust trust = PrivateTrust.Open(directory, "server-1", _time);
            string ingress = trust.Ingress.Thumbprint, node = trust.Node.Thumbprint;
            Assert.AreEqual((ingress, node), (trust.Ingress.Thumbprint, trust.Node.Thumbprint));
            _time.Now = s_now.AddDays(500);
            foreach ((string name, string before, X509Certificate2 now) in ((string, string, X509Certificate2)[])[("ingress", ingress, trust.Ingress), ("server-1", node, trust.Node)])
            {
                Assert.AreNotEqual(before, now.Thumbprint);
                Assert.AreEqual(name, now.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
                Assert.IsNull(Certificates.WhyNot(now, _time.Now));
                Assert.IsTrue(Certificates.IsIssuedBy(now, trust.Roots[0]));
            }
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Goal: a listener that has been there for long shows what it has now, and clients prove themselves to it as ever.</summary>
    [TestMethod]
    [Timeout(60_000)]
    public async Task A_link_shows_the_certificate_of_the_day()
    {
        X509Certificate2 shown = TestFederation.Instance.Member("ingress"), second = TestFederation.Instance.Member("ingress"), own = TestFederation.Instance.Member("a");
        await using QuicListener listener = await ControlServer.ListenAsync(new(IPAddress.Loopback, 0), () => shown, TestFederation.Instance.Roots);
        foreach (X509Certificate2 expected in (X509Certificate2[])[shown, second])
        {
            shown = expected;
            (QuicConnection connection, _) = await ControlTls.ConnectAsync(
                listener.LocalEndPoint, LinkCodec.ControlAlpn, own, TestFederation.Instance.Roots, TestContext.CancellationToken);
            await using (connection)
            {
                await using QuicConnection accepted = await listener.AcceptConnectionAsync(TestContext.CancellationToken);
                Assert.AreEqual(expected.Thumbprint, ((X509Certificate2)connection.RemoteCertificate!).Thumbprint);
                Assert.AreEqual(own.Thumbprint, ((X509Certificate2)accepted.RemoteCertificate!).Thumbprint);
            }
        }
    }

    /// <summary>Goal: hosts check theirs before anything else.</summary>
    [TestMethod]
    public async Task Hosts_with_an_expired_certificate_do_not_start()
    {
        using X509Certificate2 expired = Issue(DateTimeOffset.UtcNow.AddDays(-400));
        string directory = Path.Combine(Path.GetTempPath(), $"continuum-{Guid.NewGuid():N}");
        ArgumentException node = await Assert.ThrowsExactlyAsync<ArgumentException>(() => NodeHost.StartAsync(
            new()
            {
                Name = "a",
                Join = new(IPAddress.Loopback, 1),
                ServerCertificate = expired,
                MemberCertificate = expired,
                FederationRoots = TestFederation.Instance.Roots,
            },
            TestContext.CancellationToken));
        ArgumentException ingress = await Assert.ThrowsExactlyAsync<ArgumentException>(() => IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = directory,
                MemberCertificate = expired,
                FederationRoots = TestFederation.Instance.Roots,
            },
            TestContext.CancellationToken));
        Assert.Contains("of a has expired", node.Message);
        Assert.Contains("of ingress has expired", ingress.Message);
        Assert.IsFalse(System.IO.Directory.Exists(directory));
    }

    private static X509Certificate2 Issue(DateTimeOffset now)
    {
        using X509Certificate2 authority = Certificates.MakeAuthority("test", now);
        return Certificates.IssueMember(authority, "a", now);
    }

    /// <summary>A clock that the test sets, and timers that it fires.</summary>
    private sealed class ManualTimers(DateTimeOffset now) : TimeProvider
    {
        private TimerCallback? _callback;

        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;

        public void Fire() => _callback!(null);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _callback = callback;
            return new Nothing();
        }

        private sealed class Nothing : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
