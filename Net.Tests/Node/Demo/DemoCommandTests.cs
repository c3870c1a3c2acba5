using Net.Core.Wire;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Commands;
using Net.Node.Demo;

namespace Net.Tests.Node.Demo;

/// <summary>Goal: the demo passes in a world that works, and fails in each that does not, also when that was asked for.</summary>
[TestClass]
public sealed class DemoCommandTests : IDisposable
{
    private readonly StringWriter _output = new(), _error = new();

    [TestMethod]
    [DataRow(0, 0)]
    [DataRow(1, 0)]
    [DataRow(1, 1)]
    [DataRow(1, 8)]
    [DataRow(2, 50)]
    public async Task A_world_that_works_passes(int size, int moves)
    {
        (int code, DemoJson json) = await PlayAsync(new(), size, moves);
        Assert.AreEqual(0, code, string.Join(";", json.Reasons));
        Assert.AreEqual((long)size << 20, json.Bytes);
        Assert.HasCount(moves, json.Moves);
        Assert.IsTrue(json.Sha256Ok);
    }

    /// <summary>A move that takes for ever would be waited for at the limit: here it ends only once the client stands there.</summary>
    [TestMethod]
    public async Task While_a_move_is_under_way_the_client_stays_below_the_next_threshold()
    {
        FakeWorld world = new();
        Pacing pacing = new(1 << 20, 4);
        int move = 0;
        world.MoveTakes = async () =>
        {
            long limit = pacing.Limit(move++, isMoving: true);
            long begun = world.Offset;
            for (int spins = 0; world.Offset < begun + 50_000 && spins < 50_000_000; spins++)
            {
                await Task.Yield();
            }

            Assert.IsTrue(world.Offset >= begun + 50_000, "it reads on");
            Assert.IsTrue(world.Offset <= limit, "and stays below");
        };
        (int code, DemoJson json) = await PlayAsync(world, 1, 4);
        Assert.AreEqual(0, code, string.Join(";", json.Reasons));
        Assert.IsTrue(json.Moves[^1].AtByte < 1 << 20);
    }

    [TestMethod]
    [DataRow("wrong-byte", "not the right ones")]
    [DataRow("lost-commit", "not in the directory")]
    [DataRow("second-handshake", "2 handshakes")]
    public async Task A_fault_on_purpose_fails(string fault, string reason)
    {
        Fault kind = fault switch { "wrong-byte" => Fault.WrongByte, "lost-commit" => Fault.LostCommit, _ => Fault.SecondHandshake };
        (int code, DemoJson json) = await PlayAsync(new(), 1, 3, kind);
        Assert.AreEqual(1, code);
        Assert.AreEqual("fail", json.Verdict);
        Assert.IsTrue(json.Reasons.Any(text => text.Contains(reason, StringComparison.Ordinal)), string.Join(";", json.Reasons));
    }

    [TestMethod]
    [DataRow(0, 0)]
    [DataRow(1, 0)]
    [DataRow(1, 1)]
    [DataRow(1, 8)]
    public async Task A_world_that_goes_back_passes(int size, int rounds)
    {
        (int code, DemoJson json) = await PlayAsync(new(), size, rounds, scenario: "rollback");
        Assert.AreEqual(0, code, string.Join(";", json.Reasons));
        Assert.AreEqual((long)size << 20, json.Bytes);
        Assert.HasCount(rounds, json.Moves);
        Assert.HasCount(rounds, json.Rollbacks!);
    }

    /// <summary>A roll-back that forgets a part of what it has to do, one after the other, and the faults on purpose.</summary>
    [TestMethod]
    [DataRow("checkpoint", "no checkpoint was made: no state")]
    [DataRow("roll-back", "roll-back 1 failed: not that one")]
    [DataRow("number", "roll-back 1 went to checkpoint 4, not 3")]
    [DataRow("state", "after roll-back 1 a new request saw '1', not '0'")]
    [DataRow("reset", "roll-back 1 did not reset the download")]
    [DataRow("wrong-byte", "not the right ones")]
    [DataRow("lost-commit", "not in the directory")]
    [DataRow("second-handshake", "handshakes, not 1")]
    public async Task A_world_that_goes_back_wrongly_fails(string forgets, string reason)
    {
        Fault kind = forgets switch { "wrong-byte" => Fault.WrongByte, "lost-commit" => Fault.LostCommit, "second-handshake" => Fault.SecondHandshake, _ => Fault.None };
        (int code, DemoJson json) = await PlayAsync(new() { Forgets = forgets, Piece = 1 << 20 }, 1, 2, kind, "rollback");
        Assert.AreEqual((1, "fail"), (code, json.Verdict));
        Assert.IsTrue(json.Reasons.Any(text => text.Contains(reason, StringComparison.Ordinal)), string.Join(";", json.Reasons));
    }

    [TestMethod]
    public async Task So_does_every_real_one()
    {
        await FailsAsync(new() { BreaksAt = 500_000 }, "the connection was lost at byte");
        await FailsAsync(new() { Excess = 1 }, "more bytes came");
        await FailsAsync(new() { Excess = -1 }, "1048575 bytes came");
        await FailsAsync(new() { Status = 404 }, "the server answered 404");
        await FailsAsync(new() { Refusal = MigrateCode.Refused }, "failed: refused");
        await FailsAsync(new() { MoveTakes = () => Task.FromException(new IOException("the ingress is gone")) }, "the ingress is gone");
    }

    [TestMethod]
    public async Task Standard_output_carries_the_object_and_nothing_else()
    {
        await PlayAsync(new(), 1, 1);
        string line = _output.ToString();
        Assert.AreEqual(1, line.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        StringAssert.StartsWith(line, """{"scenario":"move","bytes":1048576,"sha256_ok":true,"connections":1,"handshakes":1,"moves":[{"from":"a","to":"b","epoch":2,"freeze_us":2000,"state_bytes":1000,"at_byte":""");
        StringAssert.EndsWith(line.TrimEnd(), """}],"verdict":"pass","reasons":[]}""");
        Assert.Contains("move 1 at byte", _error.ToString());
    }

    [TestMethod]
    public void The_ready_line_of_an_ingress_is_read_exactly()
    {
        Assert.IsTrue(Federation.TryReadReady("ready ingress [::1]:4433 control 127.0.0.1:4434", out UdpAddress listen, out UdpAddress control));
        Assert.AreEqual("[::1]:4433", listen.ToString());
        Assert.AreEqual("127.0.0.1:4434", control.ToString());
        Assert.IsFalse(Federation.TryReadReady("ready node a", out _, out _));
        Assert.IsFalse(Federation.TryReadReady("ready ingress x control 127.0.0.1:4434", out _, out _));
    }

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
    }

    private async Task FailsAsync(FakeWorld world, string reason)
    {
        (int code, DemoJson json) = await PlayAsync(world, 1, 2);
        Assert.AreEqual(1, code, reason);
        Assert.IsTrue(json.Reasons.Any(text => text.Contains(reason, StringComparison.Ordinal)), string.Join(";", json.Reasons));
    }

    private async Task<(int Code, DemoJson Json)> PlayAsync(FakeWorld world, int size, int moves, Fault fault = Fault.None, string scenario = "move")
    {
        DemoOptions options = new(scenario, (long)size << 20, moves, Json: true, fault);
        CommandOutput output = new("demo", _output, _error, LogLevel.Info);
        DemoJson json = await DemoCommand.PlayAsync(options, world, TimeProvider.System, output, CancellationToken.None);
        return (DemoCommand.Tell(options, json, TimeSpan.FromSeconds(1), output), json);
    }
}
