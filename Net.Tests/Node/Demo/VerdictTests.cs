using Net.Migration.Link;
using Net.Node.Commands;
using Net.Node.Demo;

namespace Net.Tests.Node.Demo;

/// <summary>Goal: everything that could go wrong in a demo fails it, each by itself, and nothing else does.</summary>
[TestClass]
public sealed class VerdictTests
{
    private static readonly DemoFacts s_good = new(1000, 2, 1000, true, 1, 1, [Move("a", "b", 2, 300), Move("b", "a", 3, 600)], null);

    [TestMethod]
    public void A_good_run_passes()
    {
        DemoJson json = Verdict.Of("move", s_good);
        Assert.AreEqual("pass", json.Verdict);
        Assert.IsEmpty(json.Reasons);
        Assert.AreEqual(new MoveJson("a", "b", 2, 1500, 77, 300), json.Moves[0]);
    }

    [TestMethod]
    public void Each_fault_fails_it_with_its_reason()
    {
        AssertFails("not the right ones", s_good with { Sha256Ok = false });
        AssertFails("999 bytes came", s_good with { Bytes = 999 });
        AssertFails("2 connections", s_good with { Connections = 2 });
        AssertFails("2 handshakes", s_good with { Handshakes = 2 });
        AssertFails("0 handshakes", s_good with { Handshakes = 0 });
        AssertFails("the link broke", s_good with { Broken = "the link broke" });
        AssertFails("1 moves were made", s_good with { Moves = [s_good.Moves[0]] });
        AssertFails("not in the directory", s_good with { Moves = [s_good.Moves[0] with { Owner = "a" }, s_good.Moves[1]] });
        AssertFails("not in the directory", s_good with { Moves = [s_good.Moves[0] with { Epoch = 1 }, s_good.Moves[1]] });
        AssertFails("did not raise the epoch", s_good with { Moves = [s_good.Moves[0], Move("b", "a", 2, 600)] });
        AssertFails("not committed inside", s_good with { Moves = [s_good.Moves[0], Move("b", "a", 3, 300)] });
        AssertFails("not committed inside", s_good with { Moves = [s_good.Moves[0], Move("b", "a", 3, 1000)] });
    }

    [TestMethod]
    public void A_move_that_failed_is_no_move_and_says_why()
    {
        MigrateReport failed = s_good.Moves[1].Report with { Moved = false, Code = MigrateCode.Timeout, Message = "too slow" };
        DemoJson json = Verdict.Of("move", s_good with { Moves = [s_good.Moves[0], s_good.Moves[1] with { Report = failed }] });
        Assert.AreEqual("fail", json.Verdict);
        Assert.HasCount(1, json.Moves);
        Assert.Contains("move 2 to a failed: too slow", json.Reasons);
        Assert.HasCount(2, json.Reasons);
    }

    private static DemoMove Move(string from, string to, ulong epoch, long atByte) => new(
        new("web", from, to, epoch, true, 1, 0, TimeSpan.FromTicks(14999), 77, MigrateCode.None, ""), atByte, to, epoch);

    private static void AssertFails(string reason, DemoFacts facts)
    {
        DemoJson json = Verdict.Of("move", facts);
        Assert.AreEqual("fail", json.Verdict, reason);
        Assert.HasCount(1, json.Reasons);
        Assert.Contains(reason, json.Reasons[0]);
    }
}
