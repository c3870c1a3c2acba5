using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Net.Kestrel.Hosting;
using Net.Migration.Hosting;

namespace Net.Kestrel.Takeover;

/// <summary>An endpoint that this process serves, or takes over when Kestrel asks for connections and the application has started.</summary>
internal sealed class ContinuumListener : IMultiplexedConnectionListener
{
    private readonly ComponentListener _component;
    private readonly Func<CancellationToken, Task<RestartableServer>> _start;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Task<RestartableServer>? _server;

    /// <param name="component">Has Kestrel answer requests.</param>
    /// <param name="server">Serves already.</param>
    public ContinuumListener(KestrelComponent component, RestartableServer server) : this(component, server.LocalEndPoint, _ => Task.FromResult(server)) { }

    /// <param name="component">Has Kestrel answer requests.</param>
    /// <param name="endpoint">Of the process that serves.</param>
    /// <param name="start">Takes over from it.</param>
    public ContinuumListener(KestrelComponent component, IPEndPoint endpoint, Func<CancellationToken, Task<RestartableServer>> start) =>
        (_component, _start) = (new(endpoint, component), start);

    public EndPoint EndPoint => _component.EndPoint;

    /// <summary>Ends when another process has taken over and nothing runs here any more; fails when the endpoint is not served; cancelled by Kestrel's end.</summary>
    public Task Completion => _completion.Task;

    public ValueTask<MultiplexedConnectionContext?> AcceptAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_server is null)
            {
                _server = _start(_stop.Token);
                _ = FollowAsync(_server);
            }
        }

        return _component.AcceptAsync(features, cancellationToken);
    }

    /// <summary>New requests are answered with 503; what runs goes on.</summary>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => _component.UnbindAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _component.DisposeAsync();
        _completion.TrySetCanceled();
        await _stop.CancelAsync();
        Task<RestartableServer> server;
        lock (_gate)
        {
            server = _server ??= _start(_stop.Token);
        }

        await ((Task)server).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (server.IsCompletedSuccessfully)
        {
            await server.Result.DisposeAsync();
        }
    }

    private async Task FollowAsync(Task<RestartableServer> starting)
    {
        try
        {
            RestartableServer server = await starting;
            await server.Completion;
            _completion.TrySetResult();
        }
        catch (Exception fault)
        {
            _completion.TrySetException(fault);
        }
    }
}
