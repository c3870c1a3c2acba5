using System.Diagnostics;

namespace Interop.Processes;

/// <summary>Notes how long this machine let nobody run: on a busy one, seconds pass between two steps of a program, and then its peer's timers run out.</summary>
internal sealed class StallWatch : IDisposable
{
    /// <summary>From here on a failure may be the machine's.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_sleep = TimeSpan.FromMilliseconds(50);

    private readonly ManualResetEventSlim _end = new();
    private readonly Thread _thread;
    private long _longest;

    public StallWatch()
    {
        _thread = new(Run) { IsBackground = true, Name = "stall watch" };
        _thread.Start();
    }

    /// <summary>The longest time so far in which a thread that wanted to run did not.</summary>
    public TimeSpan Longest => new(Interlocked.Read(ref _longest));

    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
    }

    private void Run()
    {
        long before = Stopwatch.GetTimestamp();
        while (!_end.Wait(s_sleep))
        {
            TimeSpan late = Stopwatch.GetElapsedTime(before) - s_sleep;
            if (late.Ticks > Interlocked.Read(ref _longest))
            {
                Interlocked.Exchange(ref _longest, late.Ticks);
            }

            before = Stopwatch.GetTimestamp();
        }
    }
}
