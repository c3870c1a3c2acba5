using Net.Core.Connections;
using Net.Core.Time;
using Net.Tests.Core.Recovery;

namespace Net.Tests.Core.Connections;

[TestClass]
public sealed class IdleTimerTests
{
    private static readonly Instant Start = new(TimeSpan.TicksPerDay);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pto = TimeSpan.FromMilliseconds(100);

    /// <summary>Goal: whoever sends to a dead peer gives up in time: of what is sent, only the first after something was received counts.</summary>
    [TestMethod]
    public void Sending_to_nobody_ends()
    {
        IdleTimer timer = new(Timeout, Start);
        Instant first = Start + TimeSpan.FromSeconds(10);
        timer.OnSentAckEliciting(first);
        timer.OnSentAckEliciting(first + TimeSpan.FromSeconds(10));
        Assert.AreEqual(first + Timeout, timer.Deadline(Pto));

        Instant heard = first + TimeSpan.FromSeconds(20);
        timer.OnReceived(heard);
        Assert.AreEqual(heard + Timeout, timer.Deadline(Pto));
        timer.OnSentAckEliciting(heard + Pto);
        Assert.AreEqual(heard + Pto + Timeout, timer.Deadline(Pto));
    }

    /// <summary>Goal: the smaller of the two announcements rules, zero announces none, and three probe timeouts are the least.</summary>
    [TestMethod]
    public void Both_ends_and_the_path_bound_it()
    {
        IdleTimer timer = new(Timeout, Start);
        timer.OnPeerTimeout(TimeSpan.Zero);
        timer.OnPeerTimeout(Timeout * 2);
        Assert.AreEqual(Start + Timeout, timer.Deadline(Pto));
        timer.OnPeerTimeout(TimeSpan.FromSeconds(1));
        Assert.AreEqual(Start + TimeSpan.FromSeconds(1), timer.Deadline(Pto));
        Assert.AreEqual(Start + TimeSpan.FromSeconds(6), timer.Deadline(TimeSpan.FromSeconds(2)));

        IdleTimer none = new(TimeSpan.Zero, Start);
        Assert.AreEqual(Instant.Never, none.Deadline(Pto));
        none.OnPeerTimeout(Timeout);
        Assert.AreEqual(Start + Timeout, none.Deadline(Pto));
    }

    /// <summary>Goal: a successor waits for what is left, and knows whether it has sent since it heard.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        IdleTimer timer = new(Timeout, Start);
        timer.OnSentAckEliciting(Start + Pto);
        PartAssert.EveryFieldTravels(timer, new(TimeSpan.Zero, Start), Start + Timeout);
    }
}
