using System.Globalization;
using Interop.Content;
using Interop.Federation;

namespace Interop.Cases;

/// <summary>A component that goes to and fro between two nodes while one client is served.</summary>
internal static class MoveLoop
{
    public const int Moves = 8;

    /// <summary>Moves to whichever of the two nodes does not own the component, and looks at what moved.</summary>
    public static Func<int, Task> Between(Cluster cluster, string first, string second, long maximumState = long.MaxValue) => async _ =>
    {
        MoveReport report = await cluster.MoveAsync(cluster.Owner == first ? second : first);
        if (report.Connections != 1)
        {
            throw new CaseFailedException($"{report.Connections} connections moved, where one client has one connection: {report}");
        }

        if (report.StateBytes >= maximumState)
        {
            throw new CaseFailedException($"the move took {report.StateBytes} bytes of state; the limit is {maximumState}");
        }
    };

    public static string Describe(Cluster cluster, Pace pace) => string.Create(
        CultureInfo.InvariantCulture,
        $"{cluster.Moves.Count} moves at MB {string.Join(' ', pace.DoneAt.Select(at => at / 1_000_000))}, {DescribeMoves(cluster)}");

    public static string DescribeMoves(Cluster cluster) => cluster.Moves.Count == 0
        ? "no move"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"freeze at most {cluster.Moves.Max(m => m.FreezeUs!.Value) / 1000.0:0.0} ms, state at most {cluster.Moves.Max(m => m.StateBytes!.Value) / 1024} KiB");
}
