using System.Runtime.InteropServices;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>CONTINUUM_FAULT in the environment is one order: <c>stop POINT</c>, <c>die POINT</c> or <c>cut POINT</c>; it is carried out once.</summary>
internal static partial class FaultPoints
{
    private const int KillSignal = 9;
    private const int StopSignal = 19;

    /// <summary>What was said before has left the process by then.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(50);

    private static readonly string[] s_order = (Environment.GetEnvironmentVariable("CONTINUUM_FAULT") ?? "").Split(' ');
    private static int s_reached;

    static partial void Reach(string point, string component, Action? cut)
    {
        if (component == HandOverRehearsal.Component || s_order is not [string what, string where] || where != point || Interlocked.Exchange(ref s_reached, 1) != 0)
        {
            return;
        }

        Thread.Sleep(s_settle);
        Console.Error.WriteLine($"fault {point}");
        switch (what)
        {
            case "cut" when cut is not null: cut(); break;
            case "stop": _ = Kill(Environment.ProcessId, StopSignal); break;
            case "die": _ = Kill(Environment.ProcessId, KillSignal); break;
            default: throw new InvalidOperationException($"CONTINUUM_FAULT: nothing at {point} can {what}");
        }
    }

    static partial void ReachWrite(OwnershipRequest request, bool isDone)
    {
        if (request is MoveOwnership or AbortOwnership)
        {
            Reach($"directory:{(request is MoveOwnership ? "move" : "own-write")}-{(isDone ? "done" : "asked")}", request.Component, null);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
