using Microsoft.Extensions.Hosting;
using Net.Migration.Hosting;

namespace Net.Kestrel.Takeover;

/// <summary>Endpoints that an application takes over: none before it has started, and nothing moves to it before each of them has its port.</summary>
internal sealed class TakeoverGate(IHostApplicationLifetime application)
{
    private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private int _expected;
    private int _ready;

    /// <summary>Another endpoint, before the application has started.</summary>
    /// <returns>Takes it over.</returns>
    public Func<CancellationToken, Task<RestartableServer>> Add(RestartableServerOptions server)
    {
        lock (_gate)
        {
            _expected++;
        }

        return cancellationToken => StartAsync(server with { Ready = ReadyAsync }, cancellationToken);
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
            // The others leave theirs where they are.
            _all.TrySetException(new IOException($"another endpoint could not be taken over: {e.Message}", e));
            throw;
        }
    }

    private async Task ReadyAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (++_ready == _expected)
            {
                _all.TrySetResult();
            }
        }

        await _all.Task.WaitAsync(cancellationToken);
    }
}
