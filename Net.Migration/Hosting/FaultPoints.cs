using System.Diagnostics;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>
/// Steps of a hand-over at which a process of a test build stops or dies, or loses its link, when it is told to. In any other build the compiler
/// leaves out every call, with its arguments: there is nothing that could be switched on.
/// </summary>
/// <remarks>A test build is <c>dotnet build Net.Node -c Faults</c>, which defines CONTINUUM_FAULTS; see interop/README.md.</remarks>
internal static partial class FaultPoints
{
    /// <param name="point">The role and the step.</param>
    /// <param name="component">Whose hand-over it is: the one that is only rehearsed has no faults.</param>
    /// <param name="cut">Loses the link to the other node; null: there is none to lose here.</param>
    /// <param name="before">Lets what was said before this step leave the process, where it would else wait for what is said next.</param>
    [Conditional("CONTINUUM_FAULTS")]
    public static void At(string point, string component, Action? cut = null, Action? before = null)
    {
        before?.Invoke();
        Reach(point, component, cut);
    }

    /// <summary>A write has arrived at the directory, or is durable there and not answered yet.</summary>
    [Conditional("CONTINUUM_FAULTS")]
    public static void AtWrite(OwnershipRequest request, bool isDone) => ReachWrite(request, isDone);

    // Implemented in FaultPoints.Faulty.cs, which is part of test builds alone.
    static partial void Reach(string point, string component, Action? cut);

    static partial void ReachWrite(OwnershipRequest request, bool isDone);
}
