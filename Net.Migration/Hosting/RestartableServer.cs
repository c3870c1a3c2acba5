using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
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

    /// <summary>For the word of the process before, beyond the time that it has.</summary>
    private static readonly TimeSpan s_lastWord = TimeSpan.FromSeconds(10);

    private readonly RestartableServerOptions _options;
    private readonly LogQueue? _log;
    private readonly PrivateTrust _trust;
    private readonly ServedPort _port;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _serves = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _serving = [];
    private NodeHost? _node;
    private PortDoor? _door;
    private Task _awaiting = Task.CompletedTask;
    private int _isDisposed;

    private RestartableServer(RestartableServerOptions options, PrivateTrust trust, Socket socket, PassedPort? passed)
    {
        // Whoever takes over, or is taken over from, is waited for: so nobody here waits for a listener.
        _options = options = options with { Log = LogQueue.Over(options.Log, out _log) };
        _trust = trust;
        _port = new(options, trust, socket, passed?.Kept ?? []) { Failed = fault => _completion.TrySetException(fault) };
    }

    /// <summary>Where clients arrive.</summary>
    public IPEndPoint LocalEndPoint => _port.LocalEndPoint;

    /// <summary>
    /// Ends when another process has taken over and the last request that began here has ended: then this process may go. Also when the server has been
    /// disposed; with an exception when it cannot go on.
    /// </summary>
    public Task Completion => _completion.Task;

    /// <summary>Takes over from the process that serves, or begins to serve when there is none. Ends when this one serves.</summary>
    /// <param name="options">What, and where.</param>
    /// <param name="cancellationToken">Gives up; a process that serves goes on. Once that one has been asked to move everything, its answer is awaited.</param>
    /// <exception cref="AddressInUseException">The port is taken by somebody else.</exception>
    /// <exception cref="IOException">
    /// The directory cannot be used, or is not private; or the process that serves does not answer, or gives nothing away: it is being replaced by another
    /// one, or has a component that this one lacks. It goes on.
    /// </exception>
    /// <exception cref="SocketException">The address is not one of this machine's.</exception>
    /// <exception cref="Directory.DirectoryLogException">The log in the directory is damaged.</exception>
    /// <exception cref="NodeJoinException">The process that serves keeps something: it goes on.</exception>
    /// <exception cref="ArgumentException">There is no component, or names are wrong or not unique.</exception>
    public static async Task<RestartableServer> StartAsync(RestartableServerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(options.Components.Count, nameof(options));
        HostedComponent.ThrowIfAmbiguous(options.Components);
        PrivateDirectory.Open(options.Directory);
        PrivateDirectory.Open(Path.Combine(options.Directory, "state"));
        PrivateTrust trust = PrivateTrust.Open(options.Directory, $"server-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}");
        // Closed last: for the process before it is the sign that this one has let go of everything.
        using PassedPort? passed = await TakePortAsync(options, cancellationToken).ConfigureAwait(false);
        RestartableServer server = new(options, trust, passed is null ? ServedPort.Bind(options) : new Socket(passed.Handle), passed);
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
    /// <exception cref="IOException">One is there, and does not answer.</exception>
    public static async Task<int?> FindAsync(string directory, CancellationToken cancellationToken = default) =>
        SocketLoan.IsSupported ? await PassedPort.AskAsync(DoorOf(directory), cancellationToken).ConfigureAwait(false) : null;

    /// <summary>
    /// Ends at once. Clients are told, unless another process has taken over; requests that are still finished here for that one are reset. For an end without
    /// a loss let another process take over, and await <see cref="Completion"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            await _disposed.Task.ConfigureAwait(false);
            return;
        }

        try
        {
            await _stop.CancelAsync().ConfigureAwait(false);
            _door?.Dispose();
            await _awaiting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_node is NodeHost node)
            {
                if (_port.IsRead)
                {
                    await CloseConnectionsAsync(node).ConfigureAwait(false);
                }

                await node.DisposeAsync().ConfigureAwait(false);
            }

            await _port.DisposeAsync().ConfigureAwait(false);
            await (_log?.FlushAsync() ?? Task.CompletedTask).ConfigureAwait(false);
        }
        finally
        {
            _completion.TrySetResult();
            _disposed.SetResult();
        }
    }

    internal static string DoorOf(string directory) => Path.Combine(directory, "port.sock");

    private static async Task<PassedPort?> TakePortAsync(RestartableServerOptions options, CancellationToken cancellationToken)
    {
        if (!SocketLoan.IsSupported || await PassedPort.AskAsync(DoorOf(options.Directory), cancellationToken).ConfigureAwait(false) is null)
        {
            return null;
        }

        // Clients wait from when the port is passed until it is read again: nothing is compiled meanwhile.
        await HandOverRehearsal.Once.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        IEnumerable<string> components = options.Components.Select(component => component.Name);
        try
        {
            return await PassedPort.TakeAsync(DoorOf(options.Directory), components, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Unless it has ended with the port half passed: then nobody serves, and the port is there for this one.
            if (await PassedPort.AskAsync(DoorOf(options.Directory), cancellationToken).ConfigureAwait(false) is not null)
            {
                throw;
            }

            return null;
        }
    }

    private async Task StartAsync(PassedPort? passed, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.TakeOverTimeout);
        PortWord word;
        try
        {
            IPEndPoint control = await _port.ReadAsync(patience.Token).ConfigureAwait(false);
            // The process before is a member first: what it has must not look like a dead owner's when this one can take it.
            word = passed is null ? PortWord.Gone : await passed.FollowAsync(control.Port, patience.Token).ConfigureAwait(false);
            ThrowIfKept(word);
            _node = await StartNodeAsync(control, patience.Token).ConfigureAwait(false);
            _ = WatchAsync(_node.Completion);
            await (_options.Ready?.Invoke(patience.Token) ?? Task.CompletedTask).ConfigureAwait(false);
            if (passed is null)
            {
                await ServedAsync(patience.Token).ConfigureAwait(false);
                // The process before may have ended between two ports, and have passed one: that one waits for this.
                using CancellationTokenSource others = OthersPatience(cancellationToken);
                await OthersAsync(others.Token).ConfigureAwait(false);
            }
            else
            {
                word = word is PortWord.Gone ? word : await MoveAsync(passed, _node).ConfigureAwait(false);
                // When that one has ended, nobody else serves; what it had is given to this one.
                await ServedAsync(word is PortWord.Done ? CancellationToken.None : cancellationToken).ConfigureAwait(false);
                word = await KeepAsync(passed, word, _node, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NodeJoinException($"it was not served after {_options.TakeOverTimeout.TotalSeconds:0.#} s", e);
        }

        OpenDoor(isFirst: passed is null);
        if (word is PortWord.Gone)
        {
            // Unless it has ended: it may have been stopped, and must not come back to what is this one's.
            passed?.GoOn();
        }

        _awaiting = RunAsync(_node);
    }

    /// <summary>Has everything moved here. There is no way back before the other process has answered: what has moved already would be lost.</summary>
    private async Task<PortWord> MoveAsync(PassedPort passed, NodeHost node)
    {
        using CancellationTokenSource patience = new(_options.TakeOverTimeout + s_lastWord);
        PortWord word;
        try
        {
            word = await passed.MoveAsync(_trust.Name, _options.TakeOverTimeout, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_serves.Task.IsCompletedSuccessfully)
        {
            // It hangs, and was taken for dead: all that it had has been given to this one.
            return PortWord.Gone;
        }

        return await MovedBackAsync(passed, word, node).ConfigureAwait(false);
    }

    /// <summary>
    /// Keeps what has been moved here as soon as everything else has that this process takes over; else gives it back, and fails. Who waits for the others
    /// hears meanwhile whether it still has what it came with: a word of the process before, or an end of its own, and none of the others keeps anything.
    /// </summary>
    private async Task<PortWord> KeepAsync(PassedPort passed, PortWord word, NodeHost node, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = OthersPatience(cancellationToken);
        Task others = OthersAsync(patience.Token);
        if (word is PortWord.Done)
        {
            word = await HearAsync(passed, others, patience.Token).ConfigureAwait(false);
            if (word is PortWord.Keep)
            {
                // The others must not count on this one while it gives back. It goes on only when the process before ends meanwhile.
                await patience.CancelAsync().ConfigureAwait(false);
                await others.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return await KeepAsync(passed, await MovedBackAsync(passed, word, node).ConfigureAwait(false), node, cancellationToken).ConfigureAwait(false);
            }
        }

        try
        {
            await others.ConfigureAwait(false);
        }
        catch when (word is PortWord.Done)
        {
            if (await AnswerAsync(passed.ReturnAsync).ConfigureAwait(false) is PortWord.Keep)
            {
                await MoveBackAsync(passed, node).ConfigureAwait(false);
            }

            throw;
        }

        word = word is PortWord.Done ? await AnswerAsync(passed.KeepAsync).ConfigureAwait(false) : word;
        return await MovedBackAsync(passed, word, node).ConfigureAwait(false);
    }

    private CancellationTokenSource OthersPatience(CancellationToken cancellationToken)
    {
        CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.TakeOverTimeout + s_lastWord);
        return patience;
    }

    /// <summary>Ends when everything else is here that this process takes over; fails when that cannot be, or this one cannot go on.</summary>
    private async Task OthersAsync(CancellationToken cancellationToken)
    {
        Task moved = _options.Moved?.Invoke(cancellationToken) ?? Task.CompletedTask;
        await (await Task.WhenAny(moved, _completion.Task).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary>What the process before says until the others are here.</summary>
    /// <returns><see cref="PortWord.Done"/> when it has said nothing.</returns>
    private static async Task<PortWord> HearAsync(PassedPort passed, Task others, CancellationToken cancellationToken)
    {
        using CancellationTokenSource hearing = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<PortWord> heard = passed.HearAsync(hearing.Token);
        await Task.WhenAny(heard, others).ConfigureAwait(false);
        await hearing.CancelAsync().ConfigureAwait(false);
        try
        {
            return await heard.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return PortWord.Done;
        }
    }

    /// <summary>The answer of a process that has nothing any more: should it hang, this one serves.</summary>
    private static async Task<PortWord> AnswerAsync(Func<CancellationToken, Task<PortWord>> say)
    {
        using CancellationTokenSource patience = new(s_lastWord);
        try
        {
            return await say(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return PortWord.Gone;
        }
    }

    /// <summary>When the process before wants back what it had, it gets it.</summary>
    /// <exception cref="NodeJoinException">It did.</exception>
    private async Task<PortWord> MovedBackAsync(PassedPort passed, PortWord word, NodeHost node)
    {
        if (word is PortWord.Keep)
        {
            await MoveBackAsync(passed, node).ConfigureAwait(false);
            if (passed.IsGone)
            {
                // It has ended meanwhile, and so has its wish.
                return PortWord.Gone;
            }
        }

        ThrowIfKept(word);
        return word;
    }

    private Task MoveBackAsync(PassedPort passed, NodeHost node) => node.GiveAsync(passed.Predecessor, _options.GiveBackTimeout);

    private static void ThrowIfKept(PortWord word)
    {
        if (word is PortWord.Keep)
        {
            throw new NodeJoinException("the process that serves keeps something back, and goes on: look at its log");
        }
    }

    private async Task ServedAsync(CancellationToken cancellationToken) =>
        await (await Task.WhenAny(_serves.Task, _completion.Task).WaitAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);

    private void OpenDoor(bool isFirst)
    {
        if (!SocketLoan.IsSupported)
        {
            return;
        }

        try
        {
            _door = PortDoor.Open(DoorOf(_options.Directory));
        }
        catch (IOException e) when (!isFirst)
        {
            // It has everything, and serves.
            _options.Log?.Invoke($"no process can take over from this one: {e.Message}");
        }
    }

    private Task<NodeHost> StartNodeAsync(IPEndPoint control, CancellationToken cancellationToken) => NodeHost.StartAsync(
        new()
        {
            Name = _trust.Name,
            Join = control,
            Components = [.. _options.Components.Select(component => component with { Served = _ => OnServed(component) })],
            ServerCertificate = _options.ServerCertificate,
            ServerIntermediates = _options.ServerIntermediates,
            MemberCertificate = _trust.Node,
            RenewedMemberCertificate = () => _trust.Node,
            FederationRoots = _trust.Roots,
            Log = _options.Log,
        },
        cancellationToken);

    private void OnServed(HostedComponent component)
    {
        lock (_serving)
        {
            _ = _serving.Add(component.Name);
            if (_serving.Count == _options.Components.Count)
            {
                _serves.TrySetResult();
            }
        }
    }

    private async Task RunAsync(NodeHost node)
    {
        try
        {
            PortOwner owner = new(_options, _trust.Name, _port, node, _stop.Token);
            Task passing = _door is PortDoor door ? door.ServeAsync(owner, _stop.Token) : Task.Delay(Timeout.Infinite, _stop.Token);
            await passing.ConfigureAwait(false);
            _options.Log?.Invoke("another process has taken over");
            // Should that one die, the next one has to find the port free.
            await _port.DisposeAsync().ConfigureAwait(false);
            _ = FollowAsync(node);
            await node.LeaveAsync().WaitAsync(_stop.Token).ConfigureAwait(false);
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
        IPEndPoint? known = null;
        while (!_stop.IsCancellationRequested && !node.Completion.IsCompleted)
        {
            if (await _port.TryFindIngressAsync().ConfigureAwait(false) is IPEndPoint control && !control.Equals(known))
            {
                known = control;
                _ = node.FollowAsync(control);
            }

            await Task.Delay(s_look, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
        bool hasAny = false;
        foreach (HostedComponent component in _options.Components)
        {
            if (await node.FindShardAsync(component.Name).ConfigureAwait(false) is ComponentShard shard)
            {
                hasAny = true;
                TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                shard.Run(now =>
                {
                    shard.CloseAll(now);
                    closed.SetResult();
                });
                await closed.Task.WaitAsync(s_patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        if (hasAny)
        {
            await Task.Delay(s_lastDatagrams).ConfigureAwait(false);
        }
    }
}
