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
    private readonly TaskCompletionSource _allReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _allMoved = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private int _expected;
    private int _ready;
    private int _moved;

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
            _allReady.TrySetException(failed);
            _allMoved.TrySetException(failed);
            throw;
        }
    }

    private Task ReadyAsync(CancellationToken cancellationToken) => ArriveAsync(ref _ready, _allReady, cancellationToken);

    private Task MovedAsync(CancellationToken cancellationToken) => ArriveAsync(ref _moved, _allMoved, cancellationToken);

    private Task ArriveAsync(ref int arrived, TaskCompletionSource all, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (++arrived == _expected)
            {
                all.TrySetResult();
            }
        }

        return all.Task.WaitAsync(cancellationToken);
    }
}
