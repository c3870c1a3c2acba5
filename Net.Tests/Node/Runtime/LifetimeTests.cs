using Net.Node.Runtime;

namespace Net.Tests.Node.Runtime;

/// <summary>What ends a command that hosts, and what becomes of its exit code.</summary>
[TestClass]
public sealed class LifetimeTests : IDisposable
{
    private readonly CancellationTokenSource _terminated = new(), _stop = new();

    public void Dispose()
    {
        _terminated.Dispose();
        _stop.Dispose();
    }

    /// <summary>Goal: the order to end in its own time ends a start at once, and well; the one to end now is told.</summary>
    [TestMethod]
    public async Task A_start_is_ended_by_either_order()
    {
        using Lifetime life = new(_terminated.Token, _stop.Token);
        Task run = life.RunAsync(() => Never.EndsAsync(life.Starting));
        await _terminated.CancelAsync();
        await run;

        using Lifetime other = new(CancellationToken.None, _stop.Token);
        Task second = other.RunAsync(() => Never.EndsAsync(other.Starting));
        await _stop.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => second);
    }

    /// <summary>Goal: who serves hears of the order, also when it came before; what is cancelled from then on is no planned end.</summary>
    [TestMethod]
    public async Task Who_serves_is_asked()
    {
        using Lifetime life = new(_terminated.Token, _stop.Token);
        Task<bool> serving = life.ServeAsync(new TaskCompletionSource().Task);
        Assert.IsFalse(serving.IsCompleted);
        await _terminated.CancelAsync();
        Assert.IsTrue(await serving);
        await Assert.ThrowsAsync<OperationCanceledException>(() => life.RunAsync(() => Never.EndsAsync(life.Starting)));

        using Lifetime late = new(_terminated.Token, _stop.Token);
        Assert.IsTrue(await late.ServeAsync(new TaskCompletionSource().Task));
    }

    /// <summary>Goal: a relay is a node and an ingress: whichever fails ends the command with its reason, and whichever ends, without.</summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public async Task Any_part_ends_it(int which)
    {
        TaskCompletionSource[] parts = [new(), new()];
        using Lifetime life = new(_terminated.Token, _stop.Token);
        Task<bool> serving = life.ServeAsync(parts[0].Task, parts[1].Task);
        parts[which].SetException(new IOException("its thread has died"));
        Assert.AreEqual("its thread has died", (await Assert.ThrowsExactlyAsync<IOException>(() => serving)).Message);

        parts = [new(), new()];
        using Lifetime other = new(_terminated.Token, _stop.Token);
        serving = other.ServeAsync(parts[0].Task, parts[1].Task);
        parts[which].SetResult();
        Assert.IsFalse(await serving);
    }
}
