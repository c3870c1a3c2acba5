using System.Net;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>What a node does about an ingress that refuses it, on a clock on which nobody waits.</summary>
[TestClass]
public sealed class IngressLinksTests : IDisposable
{
    private static readonly IPEndPoint s_control = new(IPAddress.Loopback, 4434);

    private readonly CancellationTokenSource _stop = new();
    private int _attempts;

    public required TestContext TestContext { get; set; }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>
    /// Goal: a node that was killed and is started again at once comes back by itself, however it finds its ingress: that still holds the link of the life before, and says so until its
    /// failure detector does.
    /// </summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_name_in_use_is_asked_for_again(bool searches)
    {
        IngressLinks links = Start(JoinRefusedMessage.NameInUse("a"), refusals: 5, searches, TimeSpan.FromSeconds(30));
        await links.Joined.WaitAsync(TestContext.CancellationToken);
        Assert.AreEqual(6, _attempts);
    }

    /// <summary>Goal: a name that stays in use is somebody else's: after twice the time in which an ingress notices a death, or when joining is to end anyway, the start fails and says so.</summary>
    [TestMethod]
    [DataRow(false, 30, 7)]
    [DataRow(true, 30, 7)]
    [DataRow(false, 3, 4)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_name_that_stays_in_use_is_anothers(bool searches, int joinTimeout, int attempts)
    {
        IngressLinks links = Start(JoinRefusedMessage.NameInUse("a"), refusals: int.MaxValue, searches, TimeSpan.FromSeconds(joinTimeout));
        NodeJoinException refused = await Assert.ThrowsExactlyAsync<NodeJoinException>(() => links.Joined.WaitAsync(TestContext.CancellationToken));
        Assert.AreEqual("a is in use: another process has that name, stop it or choose another one", refused.Message);
        Assert.AreEqual(attempts, _attempts, "one a second");
    }

    /// <summary>Goal: any other refusal ends the start at once when there is one ingress; one of several may not have heard yet of who was added.</summary>
    [TestMethod]
    [DataRow(false, 1)]
    [DataRow(true, 7)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Who_is_no_member_is_refused_for_good(bool searches, int attempts)
    {
        IngressLinks links = Start("a is no member of the federation", refusals: int.MaxValue, searches, TimeSpan.FromSeconds(30));
        NodeJoinException refused = await Assert.ThrowsExactlyAsync<NodeJoinException>(() => links.Joined.WaitAsync(TestContext.CancellationToken));
        Assert.AreEqual("a is no member of the federation", refused.Message);
        Assert.AreEqual(attempts, _attempts);
    }

    /// <summary>Goal: the ingress says what a node looks for.</summary>
    [TestMethod]
    public void The_ingress_says_so()
    {
        DeskWorld world = new();
        _ = world.Join("a", 1, "web");
        Assert.AreEqual(JoinRefusedMessage.NameInUse("a"), world.Join("a", 2, "web").Only<JoinRefusedMessage>().Reason);
    }

    private IngressLinks Start(string reason, int refusals, bool searches, TimeSpan joinTimeout)
    {
        NodeOptions options = new()
        {
            Name = "a",
            Join = s_control,
            ServerCertificate = TestPki.Instance.Server,
            MemberCertificate = TestPki.Instance.Server,
            FederationRoots = [],
            JoinTimeout = joinTimeout,
            FindIngresses = searches ? _ => Task.FromResult<IReadOnlyList<IPEndPoint>>([s_control]) : null,
        };
        IngressLinks links = new(async (_, _, joined) =>
        {
            if (++_attempts <= refusals)
            {
                throw new NodeJoinException(reason);
            }

            joined(1);
            await Never.EndsAsync(_stop.Token);
        }, options, _stop.Token, new JumpingTime());
        links.Start();
        return links;
    }

    /// <summary>Whoever waits for a time has it at once.</summary>
    private sealed class JumpingTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _now);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ = Interlocked.Add(ref _now, dueTime.Ticks);
            return TimeProvider.System.CreateTimer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }
}
