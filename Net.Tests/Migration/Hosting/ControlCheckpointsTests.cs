using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>A checkpoint or a roll-back on its way through the ingress.</summary>
[TestClass]
public sealed class ControlCheckpointsTests
{
    /// <summary>Goal: it goes to the owner, and the owner's answer, under the command's own number, back; nobody else answers; time is bounded.</summary>
    [TestMethod]
    public void It_goes_to_the_owner_and_its_answer_back()
    {
        DeskWorld world = Federation(out FakePeer a, out FakePeer b);
        FakePeer command = Ask(world, "web", TimeSpan.FromDays(300));
        CheckpointMessage order = a.Only<CheckpointMessage>();
        Assert.AreEqual(("web", CheckpointAction.RollBack, 5ul, TimeSpan.FromDays(1)), (order.Component, order.Action, order.Number, order.Timeout));
        CheckpointReport report = new("web", "a", 1, 5, 6, 7, 8, 9, [5], MigrateCode.None, "");
        world.Say(b, new CheckpointReplyMessage(order.Id, report));
        Assert.IsEmpty(command.Heard);
        world.Say(a, new CheckpointReplyMessage(order.Id, report));
        Assert.AreEqual(new CheckpointReplyMessage(4711, report), command.Only<CheckpointReplyMessage>());
        world.Say(a, new CheckpointReplyMessage(order.Id, report));
        _ = command.Only<CheckpointReplyMessage>();
    }

    /// <summary>Goal: what has no owner that could do it is answered at once; an owner that says nothing, or dies, leaves no command without an answer.</summary>
    [TestMethod]
    public void Nobody_waits_for_ever()
    {
        DeskWorld world = Federation(out FakePeer a, out FakePeer b);
        Assert.AreEqual((MigrateCode.UnknownComponent, "there is no component files"), Answer(Ask(world, "files")));
        FakePeer late = Ask(world, "web");
        for (int i = 0; i < 12; i++)
        {
            Assert.IsEmpty(late.Heard);
            world.Beat(a, b);
            world.Pass(1);
        }

        Assert.AreEqual(MigrateCode.Timeout, Answer(late).Item1);
        FakePeer orphan = Ask(world, "web");
        world.Beat(b);
        world.Desk.OnLost(a);
        Assert.AreEqual(MigrateCode.Unreachable, Answer(Ask(world, "web")).Item1);
        Assert.IsEmpty(orphan.Heard, "a lost link is not death");
        world.Pass(2);
        world.Beat(b);
        world.Pass(1);
        Assert.AreEqual(MigrateCode.Unreachable, Answer(orphan).Item1);
    }

    /// <summary>Goal: what waits is limited, and a command that went away waits no more.</summary>
    [TestMethod]
    public void What_waits_is_limited()
    {
        DeskWorld world = Federation(out _, out _, new() { MaxMoves = 1 });
        FakePeer first = Ask(world, "web");
        Assert.AreEqual(MigrateCode.Refused, Answer(Ask(world, "web")).Item1);
        world.Desk.OnLost(first);
        Assert.IsEmpty(Ask(world, "web").Heard);
    }

    private static (MigrateCode, string) Answer(FakePeer command)
    {
        CheckpointReport report = command.Only<CheckpointReplyMessage>().Report;
        return (report.Code, report.Message);
    }

    private static DeskWorld Federation(out FakePeer a, out FakePeer b, ControlDeskOptions? options = null)
    {
        DeskWorld world = new(options);
        a = world.Owner("a", 1);
        b = world.Join("b", 3, "web");
        return world;
    }

    private static FakePeer Ask(DeskWorld world, string component, TimeSpan? timeout = null)
    {
        FakePeer command = world.Connect("command");
        world.Say(command, new CheckpointMessage(4711, component, CheckpointAction.RollBack, 5, timeout ?? TimeSpan.FromSeconds(10)));
        return command;
    }
}
