using System.Globalization;
using System.Runtime;

namespace Bench.Migration;

/// <summary>What the runtime has done so far, or meanwhile.</summary>
internal readonly record struct RuntimeWork(int Collections, TimeSpan Paused, long Compiled, long Allocated)
{
    public static RuntimeWork Now => new(GC.CollectionCount(0), GC.GetTotalPauseDuration(), JitInfo.GetCompiledMethodCount(), GC.GetTotalAllocatedBytes());

    public static RuntimeWork operator -(RuntimeWork a, RuntimeWork b) => new(a.Collections - b.Collections, a.Paused - b.Paused, a.Compiled - b.Compiled, a.Allocated - b.Allocated);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Collections} collections paused {Paused.TotalMilliseconds:0.0} ms, {Compiled} methods compiled, {Allocated / 1000} kB allocated");
}
