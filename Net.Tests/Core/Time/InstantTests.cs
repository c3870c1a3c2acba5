using Net.Core.Time;

namespace Net.Tests.Core.Time;

[TestClass]
public sealed class InstantTests
{
    /// <summary>Goal: "never" is later than everything and stays never, whatever is added or taken away.</summary>
    [TestMethod]
    public void Never_stays_never()
    {
        Assert.IsTrue((Instant.Never + TimeSpan.FromDays(1)).IsNever);
        Assert.IsTrue((Instant.Never - TimeSpan.FromDays(1)).IsNever);
        Assert.IsTrue(new Instant(long.MaxValue - 1) < Instant.Never);
        Assert.AreEqual(new Instant(5), Instant.Min(Instant.Never, new(5)));
        Assert.IsTrue(Instant.Max(new(5), Instant.Never).IsNever);
    }

    /// <summary>Goal: order and arithmetic agree.</summary>
    [TestMethod]
    public void Order_and_arithmetic_agree()
    {
        Instant early = new(100), late = early + TimeSpan.FromTicks(7);
        Assert.AreEqual(TimeSpan.FromTicks(7), late - early);
        Assert.AreEqual(early, late - TimeSpan.FromTicks(7));
        Assert.IsTrue(early < late && late > early && early <= late && late >= early);
        Assert.IsTrue(early.CompareTo(late) < 0);
        Assert.AreEqual(early, Instant.Min(early, late));
        Assert.AreEqual(late, Instant.Max(early, late));
    }
}
