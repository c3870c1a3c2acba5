using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class ControlMovesTests
{
    private static readonly Member A1 = new("a", 1);

    /// <summary>Goal: what is wrong with a move that the ingress can see is said at once, with its code and what to do.</summary>
    [TestMethod]
    [DataRow("files", "b", "unknown-component", "there is no component files")]
    [DataRow("web", "nobody", "unknown-node", "there is no node nobody")]
    [DataRow("web", "c", "refused", "c cannot host web: start it with --serve DIR")]
    [DataRow("web", "dead", "unreachable", "dead is dead")]
    [DataRow("web", "a", null, "a owns web already: nothing to do")]
    public void A_move_that_cannot_be_is_answered_at_once(string component, string to, string? code, string message)
    {
        DeskWorld world = Federation(out FakePeer a, out _);
        MigrateReport report = Ask(world, component, to, out _).Only<MigrateReplyMessage>().Report;
        Assert.AreEqual((code, message, false), (report.CodeName, report.Message, report.Moved));
        Assert.AreEqual(component == "web" ? ("a", 1ul) : ("", 0ul), (report.From, report.Epoch));
        Assert.IsEmpty(a.Heard.OfType<MigrateMessage>());
    }

    /// <summary>Goal: a move goes to the owner, and its answer, under the command's own number, back to the command; nobody else answers.</summary>
    [TestMethod]
    public void A_move_goes_to_the_owner_and_its_answer_back()
    {
        DeskWorld world = Federation(out FakePeer a, out FakePeer b);
        FakePeer command = Ask(world, "web", "b", out ulong id);
        MigrateMessage order = a.Only<MigrateMessage>();
        Assert.AreEqual(("web", "b", TimeSpan.FromSeconds(10)), (order.Component, order.To, order.Timeout));
        MigrateReport report = new("web", "a", "b", 2, true, 3, 1, TimeSpan.FromMilliseconds(2), 999, MigrateCode.None, "");
        world.Say(b, new MigrateReplyMessage(order.Id, report));
        Assert.IsEmpty(command.Heard);
        world.Say(a, new MigrateReplyMessage(order.Id, report));
        Assert.AreEqual((id, report), (command.Only<MigrateReplyMessage>().Id, command.Only<MigrateReplyMessage>().Report));
        world.Say(a, new MigrateReplyMessage(order.Id, report));
        _ = command.Only<MigrateReplyMessage>();
    }

    /// <summary>Goal: an owner that says nothing, dies, or has no link leaves no command without an answer.</summary>
    [TestMethod]
    public void A_silent_owner_is_an_answer_too()
    {
        DeskWorld world = Federation(out FakePeer a, out FakePeer b);
        FakePeer late = Ask(world, "web", "b", out _);
        for (int i = 0; i < 12; i++)
        {
            Assert.IsEmpty(late.Heard);
            world.Beat(a, b);
            world.Pass(1);
        }

        Assert.AreEqual(MigrateCode.Timeout, late.Only<MigrateReplyMessage>().Report.Code);

        FakePeer orphan = Ask(world, "web", "b", out _);
        world.Beat(b);
        world.Desk.OnLost(a);
        FakePeer refused = Ask(world, "web", "b", out _);
        Assert.AreEqual(MigrateCode.Unreachable, refused.Only<MigrateReplyMessage>().Report.Code);
        Assert.IsEmpty(orphan.Heard, "a lost link is not death");
        world.Pass(2);
        world.Beat(b);
        world.Pass(1);
        Assert.AreEqual(MigrateCode.Unreachable, orphan.Only<MigrateReplyMessage>().Report.Code);
    }

    /// <summary>Goal: moves that wait are limited, and a command that went away waits no more.</summary>
    [TestMethod]
    public void Waiting_moves_are_limited()
    {
        DeskWorld world = Federation(out _, out _, new() { MaxMoves = 1 });
        FakePeer first = Ask(world, "web", "b", out _);
        Assert.AreEqual(MigrateCode.Refused, Ask(world, "web", "b", out _).Only<MigrateReplyMessage>().Report.Code);
        world.Desk.OnLost(first);
        Assert.IsEmpty(Ask(world, "web", "b", out _).Heard);
    }

    /// <summary>Goal: a command's idea of time is bounded, by more than any command line gives; up to there it counts.</summary>
    [TestMethod]
    public void Time_is_bounded()
    {
        DeskWorld world = Federation(out FakePeer a, out _);
        world.Say(world.Connect("command"), new MigrateMessage(1, "web", "b", TimeSpan.FromDays(300)));
        Assert.AreEqual(TimeSpan.FromDays(1), a.Only<MigrateMessage>().Timeout);
        world.Say(world.Connect("command"), new MigrateMessage(1, "web", "b", TimeSpan.FromHours(1)));
        Assert.AreEqual(TimeSpan.FromHours(1), a.Last<MigrateMessage>().Timeout);

        world = Federation(out a, out _);
        world.Say(a, new DrainMessage(1, "a", "b", TimeSpan.FromHours(1)));
        Assert.AreEqual(TimeSpan.FromHours(1), a.Only<MigrateMessage>().Timeout, "a drain may well take an hour");
    }

    private static DeskWorld Federation(out FakePeer a, out FakePeer b, ControlDeskOptions? options = null)
    {
        DeskWorld world = new(options);
        _ = world.Join("dead", 5, "web");
        world.Pass(3);
        a = world.Owner("a", 1);
        b = world.Join("b", 3, "web");
        _ = world.Join("c", 4);
        Assert.AreEqual(1ul, world.Routes.Fence(1));
        Assert.IsTrue(world.Routes.Nodes.ContainsKey(A1));
        return world;
    }

    private static FakePeer Ask(DeskWorld world, string component, string to, out ulong id)
    {
        FakePeer command = world.Connect("command");
        id = 4711;
        world.Say(command, new MigrateMessage(id, component, to, TimeSpan.FromSeconds(10)));
        return command;
    }
}
