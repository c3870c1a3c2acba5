using Net.Kestrel.Hosting;

namespace Net.Tests.Kestrel;

[TestClass]
public sealed class SerialQueueTests
{
    public required TestContext TestContext { get; init; }

    /// <summary>Goal: a fault in a piece of work is told, ends no process, and the work behind it runs.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_fault_ends_one_piece_of_work_alone()
    {
        List<Exception> told = [];
        SerialQueue queue = new(told.Add);
        TaskCompletionSource behind = new(TaskCreationOptions.RunContinuationsAsynchronously);
        InvalidOperationException fault = new("a fault of ours");
        queue.Post(() => throw fault);
        queue.Post(behind.SetResult);
        await behind.Task.WaitAsync(TestContext.CancellationToken);
        Assert.AreSame(fault, told.Single());
    }
}
