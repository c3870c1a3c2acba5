using System.Globalization;
using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>Server-sent events that count on across moves, without a gap and without a repeat.</summary>
internal static class Counter
{
    private const int Moves = 4;
    private const int BetweenMoves = 2;

    public static async Task<string> RunAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        Curl client = Curl.Start(context, curl, cluster.Url("/counter"));
        Func<int, Task> move = MoveLoop.Between(cluster, "a", "b");
        int last = 0;
        for (int moves = 0; ; moves++)
        {
            for (int i = 0; i < BetweenMoves; i++)
            {
                last = await NextAsync(client, last, context.Cancellation);
            }

            if (moves == Moves)
            {
                return string.Create(CultureInfo.InvariantCulture, $"counted to {last} across {Moves} moves, {MoveLoop.DescribeMoves(cluster)}");
            }

            await move(moves);
        }
    }

    private static async Task<int> NextAsync(Curl client, int last, CancellationToken cancellationToken)
    {
        string expected = string.Create(CultureInfo.InvariantCulture, $"data: {last + 1}");
        string? line;
        try
        {
            line = await client.Child.OutputLines.ReadLineAsync(cancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(15), cancellationToken);
            if (line == expected && await client.Child.OutputLines.ReadLineAsync(cancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(15), cancellationToken) == "")
            {
                return last + 1;
            }
        }
        catch (TimeoutException)
        {
            line = "(nothing for 15 s)";
        }

        throw new CaseFailedException($"after {last} came '{line ?? "the end"}', not '{expected}' and an empty line: {Child.LastLine(client.Child.Errors)}");
    }
}
