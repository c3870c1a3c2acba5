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
            case "stop": Signal(StopSignal); break;
            case "die": Signal(KillSignal); break;
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

    /// <summary>To this thread, which takes it before it does anything else: one to the process may be taken by another thread, and later.</summary>
    private static void Signal(int signal) => _ = Kill(Self(), signal);

    [LibraryImport("libc", EntryPoint = "pthread_self")]
    private static partial nint Self();

    [LibraryImport("libc", EntryPoint = "pthread_kill")]
    private static partial int Kill(nint thread, int signal);
}
