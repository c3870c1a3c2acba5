using Microsoft.Extensions.Hosting;
using Net.Migration.Hosting;

namespace Net.Kestrel.Takeover;

/// <summary>Endpoints that an application takes over, all of them or none.</summary>
/// <remarks>
/// None before it has started. Nothing moves to it before each of them has its port, and none is kept before everything of each has moved: until then an endpoint
/// that fails has all others given back to the process that had them.
/// </remarks>
internal sealed class TakeoverGate(IHostApplicationLifetime application)
{
    private readonly Meeting _ready = new(), _moved = new();
    private readonly Lock _gate = new();
    private int _expected;

    /// <summary>Another endpoint, before the application has started.</summary>
    /// <returns>Takes it over.</returns>
    public Func<CancellationToken, Task<RestartableServer>> Add(RestartableServerOptions server)
    {
        lock (_gate)
        {
            _expected++;
        }

        return cancellationToken => StartAsync(server with { Ready = ReadyAsync, Moved = MovedAsync }, cancellationToken);
    }

    private async Task<RestartableServer> StartAsync(RestartableServerOptions server, CancellationToken cancellationToken)
    {
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using (application.ApplicationStarted.Register(started.SetResult))
        {
            await started.Task.WaitAsync(cancellationToken);
        }

        try
        {
            return await RestartableServer.StartAsync(server, cancellationToken);
        }
        catch (Exception e)
        {
            // The others leave theirs where they are, or give them back.
            IOException failed = new($"another endpoint could not be taken over: {e.Message}", e);
            _ready.All.TrySetException(failed);
            _moved.All.TrySetException(failed);
            throw;
        }
    }

    private Task ReadyAsync(CancellationToken cancellationToken) => ArriveAsync(_ready, cancellationToken);

    private Task MovedAsync(CancellationToken cancellationToken) => ArriveAsync(_moved, cancellationToken);

    private async Task ArriveAsync(Meeting meeting, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (++meeting.Arrived == _expected)
            {
                meeting.All.TrySetResult();
            }
        }

        try
        {
            await meeting.All.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            lock (_gate)
            {
                // Who gives up does not count any more: the others keep nothing that this one cannot.
                meeting.Arrived--;
            }

            throw;
        }
    }

    /// <summary>Where endpoints wait for each other.</summary>
    private sealed class Meeting
    {
        public TaskCompletionSource All { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Arrived { get; set; }
    }
}
