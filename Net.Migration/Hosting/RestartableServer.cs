using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Net.Core.Io;

namespace Net.Migration.Hosting;

/// <summary>
/// A server on one UDP port whose next process takes over from it while it serves: the port, all connections with their requests, and nothing is asked of
/// the clients. What a handler has begun it finishes in the process that it began in (as a tether, <c>docs/tethers.md</c>), which leaves then.
/// </summary>
/// <remarks>
/// <para>Every process does the same: it starts the server. When another one of the same <see cref="RestartableServerOptions.Directory"/> serves, it takes over
/// from that one, whose <see cref="Completion"/> ends when nothing is left to do. Taking over needs Linux; elsewhere a server just serves.</para>
/// <para>Inside are a node and an ingress of their own, and a takeover is an ordinary hand-over between two nodes. First the port is passed, so
/// that the new process is in front, then the components. Who fails in between is gone as if it had never come: the port is the old process's all the
/// while, and so are the components until the hand-over has committed.</para>
/// </remarks>
/// <example>
/// <code>
/// await using RestartableServer server = await RestartableServer.StartAsync(new()
/// {
///     ListenEndPoint = new(IPAddress.Any, 443), Directory = "/run/shop", ServerCertificate = certificate, Components = [new("shop", component)],
/// });
/// await server.Completion;
/// </code>
/// </example>
public sealed class RestartableServer : IAsyncDisposable
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100), s_lastDatagrams = TimeSpan.FromMilliseconds(100);

    /// <summary>For a thread that may have died.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly RestartableServerOptions _options;
    private readonly PrivateTrust _trust;
    private readonly Socket _socket;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _serves = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IngressHost? _ingress;
    private NodeHost? _node;
    private PortDoor? _door;
    private Task _awaiting = Task.CompletedTask;
    private readonly HashSet<string> _serving = [];
    private int _isDisposed;

    private RestartableServer(RestartableServerOptions options, PrivateTrust trust, Socket socket)
    {
        (_options, _trust, _socket) = (options, trust, socket);
        LocalEndPoint = (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>Where clients arrive.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>
    /// Ends when another process has taken over and the last request that began here has ended: then this process may go. Also when the server has been
    /// disposed; with an exception when it cannot go on.
    /// </summary>
    public Task Completion => _completion.Task;

    /// <summary>Takes over from the process that serves, or begins to serve when there is none. Ends when this one serves.</summary>
    /// <param name="options">What, and where.</param>
    /// <param name="cancellationToken">Gives up; a process that serves goes on.</param>
    /// <exception cref="AddressInUseException">The port is taken by somebody else.</exception>
    /// <exception cref="IOException">The directory cannot be used, or the process that serves gives nothing away: it is being replaced by another one, say.</exception>
    /// <exception cref="NodeJoinException">The process that serves keeps something: it goes on.</exception>
    /// <exception cref="ArgumentException">There is no component, or names are wrong or not unique.</exception>
    public static async Task<RestartableServer> StartAsync(RestartableServerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(options.Components.Count, nameof(options));
        HostedComponent.ThrowIfAmbiguous(options.Components);
        StateFiles.CreateDirectory(options.Directory);
        StateFiles.CreateDirectory(StateOf(options));
        PrivateTrust trust = PrivateTrust.Open(options.Directory, $"server-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}");
        using PortDoor.PassedPort? passed = await TakePortAsync(options, cancellationToken).ConfigureAwait(false);
        RestartableServer server = new(options, trust, passed is null ? Bind(options) : new Socket(passed.Handle));
        try
        {
            await server.StartAsync(passed, cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Whether a process of this directory serves, and where: this one would take over from it.</summary>
    /// <param name="directory">As in <see cref="RestartableServerOptions.Directory"/>.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <returns>Its port; null: none serves.</returns>
    public static async Task<int?> FindAsync(string directory, CancellationToken cancellationToken = default) =>
        SocketLoan.IsSupported ? await PortDoor.AskAsync(DoorOf(directory), cancellationToken).ConfigureAwait(false) : null;

    /// <summary>
    /// Ends at once. Clients are told, unless another process has taken over; requests that are still finished here for that one are reset. For an end without
    /// a loss let another process take over, and await <see cref="Completion"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        _door?.Dispose();
        await _awaiting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_node is NodeHost node)
        {
            if (_ingress is not null)
            {
                await CloseConnectionsAsync(node).ConfigureAwait(false);
            }

            await node.DisposeAsync().ConfigureAwait(false);
        }

        await ReleaseAsync().ConfigureAwait(false);
        _socket.Dispose();
        _completion.TrySetResult();
    }

    private static string DoorOf(string directory) => Path.Combine(directory, "port.sock");

    private static async Task<PortDoor.PassedPort?> TakePortAsync(RestartableServerOptions options, CancellationToken cancellationToken)
    {
        if (!SocketLoan.IsSupported || await PortDoor.AskAsync(DoorOf(options.Directory), cancellationToken).ConfigureAwait(false) is null)
        {
            return null;
        }

        // Clients wait from when the port is passed until it is read again: nothing is compiled meanwhile.
        await HandOverRehearsal.Once.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return await PortDoor.TakeAsync(DoorOf(options.Directory), cancellationToken).ConfigureAwait(false);
    }

    private static Socket Bind(RestartableServerOptions options)
    {
        // With the port nobody else can have it: whoever has written there is gone, and with it all connections.
        Socket socket = LocalSockets.BindPublic(options.ListenEndPoint);
        File.Delete(Path.Combine(StateOf(options), "directory.log"));
        return socket;
    }

    /// <summary>Says where the ingress is that has the port.</summary>
    private string ControlFile => Path.Combine(_options.Directory, "control");

    private static string StateOf(RestartableServerOptions options) => Path.Combine(options.Directory, "state");

    private async Task StartAsync(PortDoor.PassedPort? passed, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.TakeOverTimeout);
        try
        {
            _ingress = await StartIngressAsync(patience.Token).ConfigureAwait(false);
            if (passed is not null)
            {
                await passed.FollowAsync(_ingress.ControlEndPoint.Port, patience.Token).ConfigureAwait(false);
            }

            _node = await StartNodeAsync(_ingress.ControlEndPoint, patience.Token).ConfigureAwait(false);
            if (passed is not null && !await passed.MoveAsync(_trust.Name, patience.Token).ConfigureAwait(false))
            {
                throw new NodeJoinException("the process that serves keeps something back, and goes on: look at its log");
            }

            await _serves.Task.WaitAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NodeJoinException($"it was not served after {_options.TakeOverTimeout.TotalSeconds:0.#} s", e);
        }

        if (SocketLoan.IsSupported)
        {
            _door = PortDoor.Open(DoorOf(_options.Directory));
        }

        _awaiting = RunAsync(_node);
    }

    private async Task<IngressHost> StartIngressAsync(CancellationToken cancellationToken)
    {
        IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = LocalEndPoint,
                // To be closed by nobody who uses it: it is passed on.
                PublicSocket = new(_socket.SafeHandle.DangerousGetHandle(), ownsHandle: false),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = StateOf(_options),
                DefaultComponent = _options.Components[0].Name,
                MemberCertificate = _trust.Ingress,
                FederationRoots = _trust.Roots,
                FailureTimeout = _options.FailureTimeout,
                Log = line => _options.Log?.Invoke(line),
            },
            cancellationToken).ConfigureAwait(false);
        _ = WatchAsync(ingress.Completion);
        StateFiles.WriteWhole(ControlFile, Encoding.ASCII.GetBytes(ingress.ControlEndPoint.Port.ToString(CultureInfo.InvariantCulture)));
        return ingress;
    }

    private Task<NodeHost> StartNodeAsync(IPEndPoint control, CancellationToken cancellationToken) => NodeHost.StartAsync(
        new()
        {
            Name = _trust.Name,
            Join = control,
            Components = [.. _options.Components.Select(component => component with { Serving = epoch => OnServing(component, epoch) })],
            ServerCertificate = _options.ServerCertificate,
            ServerIntermediates = _options.ServerIntermediates,
            MemberCertificate = _trust.Node,
            FederationRoots = _trust.Roots,
            Log = _options.Log,
        },
        cancellationToken);

    private void OnServing(HostedComponent component, ulong epoch)
    {
        lock (_serving)
        {
            _ = _serving.Add(component.Name);
            if (_serving.Count == _options.Components.Count)
            {
                _serves.TrySetResult();
            }
        }

        component.Serving?.Invoke(epoch);
    }

    private async Task RunAsync(NodeHost node)
    {
        try
        {
            Task passing = _door is PortDoor door ? door.ServeAsync(new Owner(this, node), _stop.Token) : Task.Delay(Timeout.Infinite, _stop.Token);
            _ = WatchAsync(node.Completion);
            await passing.ConfigureAwait(false);
            _options.Log?.Invoke("another process has taken over");
            _ = FollowAsync(node);
            await node.LeaveAsync().ConfigureAwait(false);
            await node.DisposeAsync().ConfigureAwait(false);
            _completion.TrySetResult();
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException && _stop.IsCancellationRequested)
        {
            // It is being disposed.
        }
#pragma warning disable CA1031 // Whatever it was, who awaits the end has to hear of it.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _completion.TrySetException(fault);
        }
    }

    /// <summary>Requests still run here, and the ingress is another process's, which the next one may take over from meanwhile.</summary>
    private async Task FollowAsync(NodeHost node)
    {
        int known = 0;
        while (!_stop.IsCancellationRequested && !node.Completion.IsCompleted)
        {
            if (await TryReadControlAsync().ConfigureAwait(false) is int port && port != known)
            {
                known = port;
                node.Follow(new(IPAddress.Loopback, port));
            }

            await Task.Delay(s_look, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<int?> TryReadControlAsync()
    {
        try
        {
            string text = await File.ReadAllTextAsync(ControlFile).ConfigureAwait(false);
            return int.TryParse(text, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= ushort.MaxValue ? port : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Ends the server when something of it has failed.</summary>
    private async Task WatchAsync(Task part)
    {
        await part.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (part.Exception?.InnerException is Exception fault)
        {
            _completion.TrySetException(fault);
        }
    }

    /// <summary>Tells all clients that their connections end, with H3_NO_ERROR.</summary>
    private async Task CloseConnectionsAsync(NodeHost node)
    {
        foreach (HostedComponent component in _options.Components)
        {
            if (await node.FindShardAsync(component.Name).ConfigureAwait(false) is ComponentShard shard)
            {
                TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                shard.Run(now =>
                {
                    shard.CloseAll(now);
                    closed.SetResult();
                });
                await closed.Task.WaitAsync(s_patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await Task.Delay(s_lastDatagrams).ConfigureAwait(false);
    }

    private async Task ReleaseAsync()
    {
        if (Interlocked.Exchange(ref _ingress, null) is IngressHost ingress)
        {
            await ingress.DisposeAsync().ConfigureAwait(false);
        }
    }

    private sealed class Owner(RestartableServer server, NodeHost node) : IPortOwner
    {
        public int PublicPort => server.LocalEndPoint.Port;

        public TimeSpan Patience => server._options.PortPatience ?? server._options.TakeOverTimeout;

        public SafeSocketHandle PublicSocket => server._socket.SafeHandle;

        public Task ReleaseAsync() => server.ReleaseAsync();

        public void Follow(int controlPort) => node.Follow(new(IPAddress.Loopback, controlPort));

        public async Task<bool> MoveAsync(string name)
        {
            IReadOnlyList<string> remaining = await node.DrainToAsync(name, server._options.TakeOverTimeout, server._stop.Token).ConfigureAwait(false);
            return remaining.Count == 0;
        }

        public async Task TakeBackAsync()
        {
            server._options.Log?.Invoke("the process that was to take over has not: this one goes on");
            server._ingress = await server.StartIngressAsync(server._stop.Token).ConfigureAwait(false);
            node.Follow(server._ingress.ControlEndPoint);
        }
    }
}
