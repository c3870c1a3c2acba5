using System.Diagnostics;
using Net.Node.Cli;
using Net.Node.Demo;

namespace Net.Tests.Node.Demo;

/// <summary>Goal: children are this same program, say when they are ready, and never outlive the demo.</summary>
[TestClass]
public sealed class ChildProcessTests
{
    [TestMethod]
    public async Task The_program_starts_itself()
    {
        await using ChildProcess child = ChildProcess.Start("child", Executable.Current().Start(Path.GetTempPath(), ["--version"]), _ => { });
        StringAssert.StartsWith(await child.ReadyAsync(CancellationToken.None), "continuum ");
    }

    [TestMethod]
    public async Task One_that_ends_instead_is_a_failure_with_its_own_words()
    {
        await using ChildProcess child = ChildProcess.Start("child", Executable.Current().Start(Path.GetTempPath(), ["node"]), _ => { });
        CommandFailure failure = await Assert.ThrowsExactlyAsync<CommandFailure>(() => child.ReadyAsync(CancellationToken.None));
        Assert.Contains("--name is missing", failure.Message);
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    public async Task One_that_waits_for_its_input_ends_with_it()
    {
        ProcessStartInfo info = new("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add("-c");
        info.ArgumentList.Add("echo ready $$; cat");
        string line;
        await using (ChildProcess child = ChildProcess.Start("child", info, _ => { }))
        {
            line = await child.ReadyAsync(CancellationToken.None);
        }

        int id = int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.ThrowsExactly<ArgumentException>(() => Process.GetProcessById(id).Dispose(), "it has ended");
    }

    [TestMethod]
    public void A_program_that_is_not_there_is_a_failure() =>
        Assert.ThrowsExactly<CommandFailure>(() => ChildProcess.Start("child", new Executable("/nonexistent/continuum", []).Start("/", []), _ => { }));
}
