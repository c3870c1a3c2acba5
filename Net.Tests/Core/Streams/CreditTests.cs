using Net.Core.Streams;
using Net.Core.Time;
using Net.Tests.Core.Recovery;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class CreditTests
{
    private const ulong Window = 1000;

    /// <summary>Goal: the last byte of the window is accepted, the one behind it is not, and a refusal changes nothing.</summary>
    [TestMethod]
    public void The_window_is_exact()
    {
        Credit credit = new(Window);
        Assert.IsTrue(credit.TryReceive(Window - 1));
        Assert.IsFalse(credit.TryReceive(2));
        Assert.IsTrue(credit.TryReceive(1));
        Assert.IsFalse(credit.TryReceive(1));
        Assert.AreEqual(Window, credit.Received);
    }

    /// <summary>Goal: whatever changes what is written down is counted, or the delta of a move would leave it out.</summary>
    [TestMethod]
    public void Every_change_is_counted()
    {
        Credit credit = new(Window);
        (string Name, Action Change)[] changes =
        [
            (nameof(Credit.OnMaxData), () => credit.OnMaxData(500)),
            (nameof(Credit.TryReceive), () => credit.TryReceive(800)),
            (nameof(Credit.Spend), () => credit.Spend(500)),
            (nameof(Credit.NoteBlocked), credit.NoteBlocked),
            (nameof(Credit.OnBlockedTold), credit.OnBlockedTold),
            (nameof(Credit.OnBlockedLost), () => credit.OnBlockedLost(500)),
            (nameof(Credit.Return), () => credit.Return(100)),
            (nameof(Credit.OnDataBlocked), () => credit.OnDataBlocked(Window)),
            (nameof(Credit.OnLimitTold), credit.OnLimitTold),
            (nameof(Credit.OnLimitLost), () => credit.OnLimitLost(Window + 100)),
        ];
        Instant now = new(TimeSpan.TicksPerDay);
        foreach ((string name, Action change) in changes)
        {
            byte[] before = PartAssert.Export(credit, now);
            ulong counted = credit.Changes;
            change();
            CollectionAssert.AreNotEqual(before, PartAssert.Export(credit, now), $"{name} changed nothing: the test proves nothing about it");
            Assert.IsGreaterThan(counted, credit.Changes, name);
        }
    }
}
