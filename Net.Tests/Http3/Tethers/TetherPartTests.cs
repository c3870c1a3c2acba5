using System.Reflection;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Tethers;
using Net.Tests.Core.Recovery;

namespace Net.Tests.Http3.Tethers;

/// <summary>The owner's end on its journey to the next owner.</summary>
[TestClass]
public sealed class TetherPartTests
{
    private static readonly Instant s_now = new(5_000);

    /// <summary>Goal: a <see cref="Tether"/> comes back with all that it holds, on a machine with another clock; one that is cut is refused.</summary>
    [TestMethod]
    public void A_tether_travels()
    {
        Tether tether = Make();
        Tether copy = PartAssert.RoundTrip(tether, s_now);
        Assert.AreEqual((tether.Id, tether.Number, tether.Origin), (copy.Id, copy.Number, copy.Origin));
        Assert.AreEqual(s_now + TimeSpan.FromDays(77) + TimeSpan.FromMinutes(3), copy.Deadline);
        foreach (string field in (ReadOnlySpan<string>)["_isRequestRead", "_body"])
        {
            Assert.AreEqual(Field(tether, field), Field(copy, field), field);
            Assert.AreNotEqual(Field(new Tether(tether.Id, 1, tether.Origin, s_now), field), Field(copy, field), $"{field} has left its default");
        }

        PartAssert.EveryCutIsRefused(tether, s_now);
    }

    /// <summary>Goal: what no tether can be is refused: a stream of the wrong kind, no end, no name, more than a window.</summary>
    [TestMethod]
    public void What_no_tether_can_be_is_refused()
    {
        TetherOrigin origin = Make().Origin;
        Refuse(new Tether(new(2), 1, origin, s_now));
        Refuse(new Tether(new(1), 1, origin, s_now));
        Refuse(new Tether(new(0), 1, origin, Instant.Never));
        Refuse(new Tether(new(0), 1, origin with { Name = "" }, s_now));
        Refuse(new Tether(new(0), 1, origin with { Name = new('a', TetherLimits.MaxName + 1) }, s_now));
        Tether full = new(new(0), 1, origin, s_now);
        Channel(full).Queue(new byte[TetherLimits.MaxUnacknowledged + 1]);
        Refuse(full);
    }

    private static void Refuse(Tether tether) =>
        Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<Tether>(PartAssert.Export(tether, s_now), s_now));

    /// <summary>In the middle of everything: bytes wait in both directions, the request was read, a record is half consumed.</summary>
    private static Tether Make()
    {
        Assert.IsTrue(UdpAddress.TryParse("10.0.0.1:6000", out UdpAddress link));
        Tether tether = new(new(8), 77, new("alpha", 99, link), s_now + TimeSpan.FromMinutes(3));
        TetherChannel channel = Channel(tether);
        channel.Queue(new byte[10]);
        tether.Attach();
        Assert.IsTrue(tether.OnMessage(new TetherAttach(77, 3, 100)));
        Assert.IsTrue(tether.OnMessage(new TetherData(77, 0, new byte[9], IsLast: true)));
        channel.Consume(4);
        typeof(Tether).GetField("_isRequestRead", BindingFlags.NonPublic | BindingFlags.Instance)!.SetValue(tether, true);
        typeof(Tether).GetField("_body", BindingFlags.NonPublic | BindingFlags.Instance)!.SetValue(tether, new TetherRecord(TetherRecordKind.Data, 12));
        return tether;
    }

    private static TetherChannel Channel(Tether tether) => (TetherChannel)Field(tether, "_channel")!;

    private static object? Field(Tether tether, string name) => typeof(Tether).GetField(name, BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(tether);
}
