using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Tests.Core.Recovery;

[TestClass]
public sealed class PacketNumbersTests
{
    private static readonly Instant s_now = new(TimeSpan.TicksPerDay);

    /// <summary>Goal: numbers are spent once, ascending, and always inside a promised block.</summary>
    [TestMethod]
    public void Numbers_grow_within_the_reserved_block()
    {
        PacketNumbers numbers = new();
        for (ulong expected = 0; expected < 3000; expected++)
        {
            Assert.AreEqual(expected, numbers.Take());
            Assert.IsTrue(numbers.ReservedEnd >= numbers.Next);
        }
    }

    /// <summary>Goal: a skipped number is left out exactly once, is remembered, and only so many are.</summary>
    [TestMethod]
    public void A_planned_number_is_left_out_and_remembered()
    {
        PacketNumbers numbers = new();
        Assert.IsTrue(numbers.WantsSkip);
        numbers.PlanSkip(random: 4);
        ulong[] taken = [.. Enumerable.Range(0, 8).Select(_ => numbers.Take())];
        CollectionAssert.AreEqual(new ulong[] { 0, 1, 2, 3, 4, 6, 7, 8 }, taken);
        Assert.IsTrue(numbers.HoldsSkipped(5, 5));
        Assert.IsTrue(numbers.HoldsSkipped(0, 8));
        Assert.IsFalse(numbers.HoldsSkipped(6, 8));

        for (int i = 0; i < PacketNumbers.MaxSkipped; i++)
        {
            numbers.PlanSkip(random: 0);
            _ = numbers.Take();
            _ = numbers.Take();
        }

        Assert.IsFalse(numbers.HoldsSkipped(5, 5), "the oldest is forgotten at the limit");
        Assert.IsTrue(numbers.WantsSkip);
    }

    /// <summary>Goal: a standby goes on behind the block, and nothing between counts as never sent or as skipped.</summary>
    [TestMethod]
    public void A_standby_starts_behind_the_reserved_block()
    {
        PacketNumbers numbers = new();
        _ = numbers.Take();
        ulong end = numbers.ReservedEnd;
        PacketNumbers standby = PartAssert.RoundTrip(numbers, s_now);
        standby.SkipReserved();
        Assert.AreEqual(end, standby.Next);
        Assert.IsFalse(standby.IsPerhapsSent(0));
        Assert.IsTrue(standby.IsPerhapsSent(1));
        Assert.IsTrue(standby.IsPerhapsSent(end - 1));
        Assert.IsFalse(standby.IsPerhapsSent(end));
        Assert.AreEqual(end, standby.Take());
    }

    /// <summary>Goal: after a take-over packet numbers are four bytes long until a packet of the new owner is acknowledged.</summary>
    [TestMethod]
    public void A_new_owner_uses_the_widest_encoding_until_it_is_heard()
    {
        PacketNumbers numbers = new();
        for (int i = 0; i < 10; i++)
        {
            _ = numbers.Take();
        }

        numbers.OnAcked(9);
        Assert.AreEqual(1, numbers.EncodedLength(10));
        numbers.OnOwnerChanged();
        Assert.AreEqual(10UL, numbers.FirstOfOwner);
        Assert.AreEqual(4, numbers.EncodedLength(numbers.Take()));
        numbers.OnAcked(9);
        Assert.AreEqual(4, numbers.EncodedLength(11));
        numbers.OnAcked(10);
        Assert.AreEqual(1, numbers.EncodedLength(11));
    }

    /// <summary>Goal: no field of the ledger is forgotten on the way.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        PacketNumbers numbers = new();
        _ = numbers.Take();
        numbers.SkipReserved();
        numbers.PlanSkip(0);
        _ = numbers.Take();
        _ = numbers.Take();
        numbers.PlanSkip(99);
        numbers.OnOwnerChanged();
        numbers.OnAcked(numbers.Next - 1);
        PartAssert.EveryFieldTravels(numbers, new(), s_now);
        PartAssert.EveryCutIsRefused(numbers, s_now);
    }

    /// <summary>Goal: a ledger that contradicts itself is refused.</summary>
    [TestMethod]
    [DataRow(10UL, 9UL, 5UL, DisplayName = "next is not promised")]
    [DataRow(10UL, 20UL, 10UL, DisplayName = "acknowledged before it was sent")]
    [DataRow(10UL, 100_000UL, 5UL, DisplayName = "a block beyond the limit")]
    public void Contradictions_are_refused(ulong next, ulong end, ulong acked)
    {
        SnapshotWriter writer = new(s_now);
        foreach (ulong value in new[] { next, end, 1UL, acked, 0UL, 0UL, 0UL, 0UL, 256UL, 0UL })
        {
            writer.WriteNumber(value);
        }

        Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<PacketNumbers>(writer.Written.ToArray(), s_now));
    }

    /// <summary>Goal: a block that no ring has room for is our own mistake.</summary>
    [TestMethod]
    public void A_block_is_limited() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new PacketNumbers().Reserve(PacketNumbers.MaxBlock + 1));
}
