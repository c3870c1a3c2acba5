namespace Interop.Content;

/// <summary>Ties moves to bytes, never to time: at each ninth (say) of a transfer something is done, and the transfer cannot end meanwhile.</summary>
/// <remarks>
/// The harness holds one end of the client's pipe. At a stop it starts the action and goes on slowly, so that packets are in flight
/// while the action runs, but never beyond the next stop: from there back-pressure holds the client until the action is done.
/// </remarks>
internal sealed class Pace(long size, int stops, Func<int, Task> action, TimeSpan? pause = null)
{
    private const int SlowStep = 64 * 1024;

    /// <summary>More than what is between the client and who reads here: two pipes, and what a program between them holds. A client that is rid of its last byte ends.</summary>
    private const int KeptBack = 384 * 1024;

    private readonly TimeSpan _pause = pause ?? TimeSpan.FromMilliseconds(4);
    private int _next = 1;
    private Task? _running;

    /// <summary>Where the transfer stood when each action was done, in bytes.</summary>
    public List<long> DoneAt { get; } = [];

    /// <summary>Waits until bytes may pass, and says how many: at least one, unless the transfer is complete.</summary>
    public async ValueTask<int> AllowAsync(long position, int wanted, CancellationToken cancellationToken)
    {
        while (_next <= stops && position >= Stop(_next))
        {
            _running ??= action(_next);
            // So even the last action is done before the last byte has left the client.
            long room = Stop(_next + 1) - KeptBack - position;
            if (room > 0)
            {
                await Task.WhenAny(_running, Task.Delay(_pause, cancellationToken));
            }

            if (room > 0 && !_running.IsCompleted)
            {
                cancellationToken.ThrowIfCancellationRequested();
                return (int)Math.Min(Math.Min(wanted, SlowStep), room);
            }

            await _running.WaitAsync(cancellationToken);
            _running = null;
            DoneAt.Add(position);
            _next++;
        }

        long limit = _next <= stops ? Stop(_next) : size;
        return (int)Math.Min(wanted, limit - position);
    }

    /// <summary>All actions were done, and each before the last byte had passed.</summary>
    public void MustBeComplete()
    {
        if (DoneAt.Count != stops || DoneAt.Any(at => at >= size))
        {
            throw new CaseFailedException($"{DoneAt.Count} of {stops} moves fell inside the transfer, at bytes {string.Join(", ", DoneAt)} of {size}");
        }
    }

    private long Stop(int index) => size * index / (stops + 1);
}
