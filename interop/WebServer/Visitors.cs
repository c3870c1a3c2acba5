using System.Globalization;

namespace WebServer;

/// <summary>What the pages know of their requests: who waits for others, and who was gone before the end.</summary>
internal sealed class Visitors
{
    /// <summary>Fields of the page <c>/headers</c>, and the length of each value: more than a first flight carries.</summary>
    public const int LargeFields = 40, LargeValue = 1000;

    private readonly Lock _gate = new();
    private readonly List<TaskCompletionSource> _together = [];
    private readonly List<(int Count, TaskCompletionSource Reached)> _watching = [];
    private int _aborted;

    /// <summary>Requests that ended before their time, so far.</summary>
    public int Aborted => Volatile.Read(ref _aborted);

    /// <summary>Ends when so many requests are here at the same time.</summary>
    public Task MeetAsync(int count)
    {
        TaskCompletionSource met = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _together.Add(met);
            if (_together.Count == count)
            {
                _together.ForEach(one => one.SetResult());
                _together.Clear();
            }
        }

        return met.Task;
    }

    /// <summary>A client went away in the middle of its request.</summary>
    public void OnAborted()
    {
        lock (_gate)
        {
            _aborted++;
            foreach ((_, TaskCompletionSource reached) in _watching.Where(one => one.Count <= _aborted))
            {
                _ = reached.TrySetResult();
            }
        }
    }

    /// <summary>Ends when so many requests have been aborted.</summary>
    public Task AbortedAsync(int count)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_aborted >= count)
            {
                reached.SetResult();
            }

            _watching.Add((count, reached));
        }

        return reached.Task;
    }

    /// <summary>The number behind a path's last slash.</summary>
    public static int NumberIn(string path) => int.Parse(path.Split('?')[0].Split('/')[^1], CultureInfo.InvariantCulture);

    /// <summary>As many bytes, each other than its neighbours.</summary>
    public static byte[] Large(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)((i * 31) + (i >> 8));
        }

        return bytes;
    }

    public static IEnumerable<(string Name, string Value)> LargeHeaders() => Enumerable.Range(0, LargeFields)
        .Select(i => (string.Create(CultureInfo.InvariantCulture, $"x-large-{i}"), new string((char)('a' + (i % 26)), LargeValue)));
}
