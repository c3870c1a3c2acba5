using System.Globalization;
using Interop.Content;
using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>Many clients at once, each a process of its own, behind a node that is drained and one that gets SIGTERM.</summary>
internal static class Crowd
{
    private const long Size = 4_000_000;
    private const int Stops = 2;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    public static async Task<string> RunAsync(CaseContext context, Peer curl, int count)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b", "c");
        long moved = 0;
        Meeting drain = new(count, async () => moved = await cluster.DrainOwnerAsync()), terminate = new(count, cluster.TerminateOwnerAsync);
        await Task.WhenAll(Enumerable.Range(0, count).Select(async _ =>
        {
            Curl client = Curl.Start(context, curl, cluster.Url($"/bytes/{Size}"));
            Pace pace = new(Size, Stops, number => (number == 1 ? drain : terminate).ArriveAsync(), s_pause);
            await PacedStreams.ReadAsync(client.Child.Output, Size, pace, context.Cancellation);
            await client.MustEndWellAsync(context.Cancellation);
            pace.MustBeComplete();
        }));
        return moved == count
            ? string.Create(CultureInfo.InvariantCulture, $"{count} clients in the middle of a download, a drain and a SIGTERM, {MoveLoop.DescribeMoves(cluster)}")
            : throw new CaseFailedException($"the drain moved {moved} connections of {count} clients");
    }

    /// <summary>The last one to arrive starts what all wait for.</summary>
    private sealed class Meeting(int count, Func<Task> action)
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _arrived;

        public async Task ArriveAsync()
        {
            if (Interlocked.Increment(ref _arrived) == count)
            {
                try
                {
                    await action();
                    _done.SetResult();
                }
                catch (Exception e)
                {
                    _done.SetException(e);
                }
            }

            await _done.Task;
        }
    }
}
