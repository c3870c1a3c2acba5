using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Migration.Diagnostics;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A node of a federation: joins through an ingress, hosts components, and hands them over.</summary>
/// <remarks>
/// Three kinds of threads: one per hosted component for its packets (<see cref="ComponentShard"/>), one for all decisions
/// (<see cref="Actor"/>, with the <see cref="NodeState"/> that only it touches), and the pool for links and handlers.
/// </remarks>
public sealed class NodeHost : IAsyncDisposable
{
    /// <summary>Links from other nodes at a time; further ones are closed.</summary>
    private const int MaxLinks = 256;

    private static readonly TimeSpan s_lastDatagrams = TimeSpan.FromMilliseconds(100);

    /// <summary>For whatever answer there is to be.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly NodeOptions _options;
    private readonly LogQueue? _log, _joinFailures;
    private readonly NodeState _state;
    private readonly Actor _actor;
    private readonly Dictionary<string, IDatagramChannel> _data;
    private readonly ulong _incarnation = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;
    private SuccessionDoor? _door;
    private readonly SslHost _crypto;
    private readonly MemberIdentity _identity;
    private readonly NodeMetrics _metrics;
    private readonly QuicListener _links;
    private readonly CancellationTokenSource _stop = new();
    private readonly IngressLinks _ingresses;
    private readonly NodeDeparture _departure;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>All links that are open, those to ingresses included.</summary>
    private readonly ConcurrentDictionary<MessageLink, bool> _openLinks = new();

    private volatile Roster? _roster;
    private int _inbound;
    private int _isDisposed;

    private NodeHost(NodeOptions options, MemberIdentity identity, QuicListener links, Dictionary<string, IDatagramChannel> data)
    {
        // Decisions are told while they are made: they wait for no listener.
        _options = options = options with { Log = LogQueue.Over(options.Log, out _log), JoinFailed = LogQueue.Over(options.JoinFailed, out _joinFailures) };
        _identity = identity;
        _links = links;
        Member self = new(options.Name, _incarnation);
        NodeInfo info = new(
            self, UdpAddress.FromEndPoint(links.LocalEndPoint), [.. options.Components.Select(c => new HostInfo(c.Name, data[c.Name].Local, c.Names))]);
        _data = data;
        _crypto = new(Certificates.Shown(options.ServerCertificate, options.ServerIntermediates));
        _metrics = new(options.Name);
        _actor = new($"node {options.Name}", () => _state!.Deadline, now => _state!.Tick(now), fault => _state!.OnFault(fault));
        _state = new(options, info, new(_actor, new ThreadedRunner(), name => data[name], _crypto, ConnectToNodeAsync)
        {
            Failed = Fail,
            Rehearsed = HandOverRehearsal.Once,
            Phases = options.Phases,
            Metrics = _metrics,
            IngressTold = told => _ingresses!.OnTold(told),
            RosterTold = OnRoster,
        });
        _ingresses = new(JoinAsync, options, _stop.Token);
        _departure = new(_actor, _state, options, _stop.Token);
        if (options.Roster is { } roster)
        {
            OnRoster(roster);
        }
    }

    /// <summary>Ends when the node has stopped; with an exception when it had to, as for a name that is in use.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Where other nodes reach it.</summary>
    public IPEndPoint LinkEndPoint => _links.LocalEndPoint;

    /// <summary>Joins, and serves what the directory gives it. Retries for <see cref="NodeOptions.JoinTimeout"/>; with a name that is in use for six seconds of that, as a process that was killed still has it for a while.</summary>
    /// <param name="options">Who it is.</param>
    /// <param name="cancellationToken">Ends the attempts to join.</param>
    /// <exception cref="NodeJoinException">Nobody answers in time, or the federation does not want it.</exception>
    /// <exception cref="AddressInUseException">The link address is taken.</exception>
    /// <exception cref="IOException"><see cref="NodeOptions.Door"/> cannot be opened. One that has taken over goes on without, and says so.</exception>
    /// <exception cref="ArgumentException">Components' names are wrong, or not unique; or the member certificate is not valid now.</exception>
    public static async Task<NodeHost> StartAsync(NodeOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        HostedComponent.ThrowIfAmbiguous(options.Components);
        IPAddress local = options.Link?.Address ?? LocalSockets.AddressTowards(options.Join);
        MemberIdentity identity = new(options.Name, options.MemberCertificate, options.RenewedMemberCertificate, options.Log);
        QuicListener? links = null;
        NodeHost node;
        Dictionary<string, IDatagramChannel> data = new(StringComparer.Ordinal);
        try
        {
            links = await QuicListener.ListenAsync(
                ControlTls.Server(options.Link ?? new(local, 0), LinkCodec.MigrationAlpn, identity.Current, options.FederationRoots), cancellationToken)
                .ConfigureAwait(false);
            foreach (HostedComponent component in options.Components)
            {
                data.Add(component.Name, UdpChannel.Bind(UdpAddress.FromEndPoint(new(local, 0))));
            }

            node = new(options, identity, links, data);
        }
        catch
        {
            LocalSockets.Close(data.Values);
            identity.Dispose();
            if (links is not null)
            {
                await links.DisposeAsync().ConfigureAwait(false);
            }

            throw;
        }

        node._actor.Start();
        try
        {
            using CancellationTokenSource joining = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, options.UntilJoined);
            using Socket? predecessor = options.TakeOver ? await SuccessionDoor.AskAsync(options, node._incarnation, joining.Token).ConfigureAwait(false) : null;
            _ = node.AcceptLinksAsync();
            node._ingresses.Start();
            await node.JoinedAsync(joining.Token, cancellationToken).ConfigureAwait(false);
            if (predecessor is not null && !await SuccessionDoor.IsDoneAsync(predecessor, options.TakeOverTimeout + s_patience, cancellationToken).ConfigureAwait(false))
            {
                node._options.Log?.Invoke("the process before this one keeps something, and goes on beside it");
            }

            node.OpenDoor();
            return node;
        }
        catch
        {
            await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes a checkpoint of a component that this node owns: its state, and how far its running requests are, at one instant.</summary>
    /// <param name="component">Name of its record.</param>
    /// <param name="timeout">How long the requests may take to come to a safe point; new ones wait meanwhile.</param>
    /// <param name="cancellationToken">Stops waiting; the checkpoint may be made all the same.</param>
    /// <exception cref="CheckpointException">The component is not this node's, is being moved, has no state, or has requests that come to no safe point.</exception>
    public async Task<ComponentCheckpoint> CheckpointAsync(string component, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        CheckpointReport report = await AskAsync(new(0, component, CheckpointAction.Take, 0, timeout), cancellationToken).ConfigureAwait(false);
        return new(report.Number, (long)report.Bytes, report.Kept);
    }

    /// <summary>Has a component that this node owns go back to a checkpoint. Its connections live on; what depended on what is discarded is reset.</summary>
    /// <param name="component">Name of its record.</param>
    /// <param name="checkpoint">To which; 0: to the newest.</param>
    /// <param name="timeout">How long the requests may take to come to a safe point; new ones wait meanwhile.</param>
    /// <param name="cancellationToken">Stops waiting; the component may go back all the same.</param>
    /// <exception cref="CheckpointException">As for <see cref="CheckpointAsync"/>; or there is no such checkpoint, or the component does not take its state.</exception>
    public async Task<ComponentRollBack> RollBackAsync(string component, ulong checkpoint, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        CheckpointReport report = await AskAsync(new(0, component, CheckpointAction.RollBack, checkpoint, timeout), cancellationToken).ConfigureAwait(false);
        return new(report.Number, (int)report.Resumed, (int)report.Reset, report.Kept);
    }

    private async Task<CheckpointReport> AskAsync(CheckpointMessage ask, CancellationToken cancellationToken)
    {
        TaskCompletionSource<CheckpointReport> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Post(now => _state.Checkpoint(ask, ended.SetResult, now));
        using CancellationTokenSource stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        CheckpointReport report = await ended.Task.WaitAsync(stopped.Token).ConfigureAwait(false);
        CheckpointException.ThrowIfFailed(report);
        return report;
    }

    /// <summary>Moves everything away, as before the process ends: to whichever other hosts there are, one component after the other.</summary>
    /// <param name="timeout">What has not moved by then stays. It ends at once when there is no other host.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Names of the components that are still here.</returns>
    public Task<IReadOnlyList<string>> DrainAsync(TimeSpan timeout, CancellationToken cancellationToken = default) => _departure.DrainAsync("", timeout, cancellationToken);

    /// <inheritdoc cref="DrainAsync"/>
    /// <param name="to">The node that everything moves to; none: any other host.</param>
    internal Task<IReadOnlyList<string>> DrainToAsync(string to, TimeSpan timeout, CancellationToken cancellationToken) =>
        _departure.DrainAsync(to, timeout, cancellationToken);

    /// <summary>Moves everything to a node, and waits for the requests that stay behind for as long as is left of the time. What still runs then is this process's to end.</summary>
    internal Task GiveAsync(string to, TimeSpan timeout) => _departure.GiveAsync(to, timeout);

    /// <summary>
    /// Clients are shown another certificate from now on, without a restart: it was renewed, say. Connections that there are go on as they are. From any thread. As every
    /// node that hosts a component shows the same name, each is told.
    /// </summary>
    /// <param name="certificate">With its key.</param>
    /// <param name="intermediates">Sent behind it.</param>
    /// <exception cref="ArgumentException">It has no key that can be used: nothing has changed.</exception>
    public void ReloadServerCertificate(X509Certificate2 certificate, X509Certificate2Collection intermediates)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        ArgumentNullException.ThrowIfNull(intermediates);
        _crypto.Replace(Certificates.Shown(certificate, intermediates));
    }

    /// <summary>How it is now.</summary>
    /// <param name="cancellationToken">Stops waiting: a node that does not answer is not well.</param>
    public async Task<NodeHealth> GetHealthAsync(CancellationToken cancellationToken = default)
    {
        if (_completion.Task.IsCompleted)
        {
            return new(0, [], _completion.Task.Exception?.InnerException?.Message ?? "it has stopped");
        }

        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        TaskCompletionSource<NodeHealth> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Post(_ => told.SetResult(_state.Health));
        try
        {
            return await told.Task.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(0, [], "it stops");
        }
    }

    /// <summary>The shard of a component, for who measures it; null while there is none.</summary>
    internal async Task<ComponentShard?> FindShardAsync(string component)
    {
        TaskCompletionSource<ComponentShard?> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Post(_ => found.SetResult(_state.FindShard(component)));
        return await found.Task.ConfigureAwait(false);
    }

    /// <summary>
    /// Drains, waits for the requests that have stayed behind, for as long as is left of the time, says goodbye, and stops: what a planned end is.
    /// </summary>
    /// <inheritdoc cref="DrainAsync"/>
    public async Task<IReadOnlyList<string>> StopAsync(TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<string> remaining = await _departure.EmptyAsync(timeout, cancellationToken).ConfigureAwait(false);
        if (remaining.Count == 0)
        {
            // Nothing of it sends any more, so it need not be waited for. What is on its way to it still goes back to its ingress meanwhile.
            _actor.Post(_ => _state.Leave());
            await Task.Delay(s_lastDatagrams, cancellationToken).ConfigureAwait(false);
        }

        await DisposeAsync().ConfigureAwait(false);
        return remaining;
    }

    /// <summary>The ingress is elsewhere from now on, and nowhere else. Ends when it has this node as a member.</summary>
    internal Task FollowAsync(IPEndPoint control) => _ingresses.FollowAsync(control);

    /// <summary>
    /// The ingress is about to end, and another one comes in its place: what is for clients waits for that one. Ends when nothing more leaves, or this node does
    /// not come to it in time.
    /// </summary>
    internal async Task AwaitIngressAsync()
    {
        TaskCompletionSource<Task> begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Post(_ => begun.SetResult(_state.AwaitIngress()));
        await begun.Task.Unwrap().WaitAsync(s_patience, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>What could not be drained stays here, and what has gone may come back. Ends when it may.</summary>
    internal async Task StayAsync()
    {
        TaskCompletionSource stays = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Post(_ =>
        {
            _state.Stay();
            stays.SetResult();
        });
        await stays.Task.WaitAsync(_stop.Token).ConfigureAwait(false);
    }

    /// <summary>Stops at once: connections end without a word, as in a crash. Move components away before.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        _door?.Dispose();
        await _links.DisposeAsync().ConfigureAwait(false);
        // Behind its present turn: what it decides is ended by nobody else.
        TaskCompletionSource last = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actor.Post(_ =>
        {
            _actor.Dispose();
            last.SetResult();
        });
        await last.Task.ConfigureAwait(false);
        await _state.DisposeAsync().ConfigureAwait(false);
        LocalSockets.Close(_data.Values);
        _crypto.Dispose();
        _identity.Dispose();
        _metrics.Dispose();
        await Task.WhenAll(_log?.FlushAsync() ?? Task.CompletedTask, _joinFailures?.FlushAsync() ?? Task.CompletedTask).ConfigureAwait(false);
        _completion.TrySetResult();
    }

    private async Task JoinedAsync(CancellationToken joining, CancellationToken cancellationToken)
    {
        try
        {
            await _ingresses.Joined.WaitAsync(joining).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_ingresses.Joined.IsCompletedSuccessfully && !cancellationToken.IsCancellationRequested)
        {
            // At the same moment: it is a member, and what a process before this one had may be here.
        }
    }

    /// <exception cref="IOException">It cannot be opened, and nothing is lost by that.</exception>
    private void OpenDoor()
    {
        _door = SuccessionDoor.TryOpen(_options);
        if (_door is not null)
        {
            _ = AwaitSuccessorAsync(_door);
        }
    }

    /// <summary>Lets a process that takes over from this one in, and ends when it has everything.</summary>
    private async Task AwaitSuccessorAsync(SuccessionDoor door)
    {
        try
        {
            TaskCompletionSource joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
            bool isDone = await door.ServeAsync(
                incarnation =>
                {
                    TaskCompletionSource<bool> noted = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    _actor.Post(_ => _state.OfferSuccession(incarnation, noted, joined));
                    return noted.Task;
                },
                () => HandOverAsync(joined.Task), _stop.Token).ConfigureAwait(false);
            if (isDone)
            {
                await LeaveAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The node ends in another way.
        }
    }

    /// <summary>A successor serves by now: waits for requests that have stayed here, which end within their own time, and ends the node.</summary>
    internal async Task LeaveAsync()
    {
        await _departure.FinishAsync().ConfigureAwait(false);
        _actor.Post(_ => _state.Leave());
        await Task.Delay(s_lastDatagrams, _stop.Token).ConfigureAwait(false);
        _completion.TrySetResult();
    }

    private async Task<bool> HandOverAsync(Task joined)
    {
        try
        {
            await joined.WaitAsync(_options.JoinTimeout, _stop.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _actor.Post(_ => _state.OfferSuccession(0, new(), new()));
            return false;
        }

        IReadOnlyList<string> remaining = await DrainToAsync(_options.Name, _options.TakeOverTimeout, _stop.Token).ConfigureAwait(false);
        if (remaining.Count > 0)
        {
            _options.Log?.Invoke($"keeps {string.Join(", ", remaining)}, which its successor does not take");
            _actor.Post(_ => _state.Stay());
            return false;
        }

        return true;
    }

    /// <summary>One control link, from its opening until it is lost.</summary>
    /// <exception cref="NodeJoinException">The federation does not want this node.</exception>
    private async Task JoinAsync(IPEndPoint control, TimeSpan within, Action<uint> joined)
    {
        TaskCompletionSource lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        patience.CancelAfter(within);
        MessageLink link = await OpenAsync(
            control, LinkCodec.ControlAlpn,
            (l, message) => _actor.Do(now => _state.OnControl(l, message, now)),
            l =>
            {
                _ = _openLinks.TryRemove(l, out _);
                _actor.Post(now => _state.OnControlLost(l, now));
                _ = lost.TrySetResult();
            },
            patience.Token).ConfigureAwait(false);
        try
        {
            TaskCompletionSource<string?> welcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _actor.Post(_ => _state.OnControlOpen(link, welcome));
            Task first = await Task.WhenAny(welcome.Task, lost.Task).WaitAsync(s_patience, _stop.Token).ConfigureAwait(false);
            if (first == lost.Task)
            {
                throw new IOException("the link was lost before there was an answer");
            }

            if (await welcome.Task.ConfigureAwait(false) is string refusal)
            {
                throw new NodeJoinException(refusal);
            }

            joined((uint)link.State!);
            await lost.Task.WaitAsync(_stop.Token).ConfigureAwait(false);
        }
        finally
        {
            // Also when it was refused: the next attempt has a link of its own.
            await link.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Fail(Exception reason)
    {
        _completion.TrySetException(reason);
    }

    private async Task AcceptLinksAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                QuicConnection connection = await _links.AcceptConnectionAsync(_stop.Token).ConfigureAwait(false);
                _ = Interlocked.Increment(ref _inbound) <= MaxLinks ? AcceptLinkAsync(connection) : EndAsync(connection);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or QuicException)
            {
                return;
            }
        }
    }

    private async Task AcceptLinkAsync(QuicConnection connection)
    {
        try
        {
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            patience.CancelAfter(s_patience);
            QuicStream stream = await connection.AcceptInboundStreamAsync(patience.Token).ConfigureAwait(false);
            MessageLink link = new(
                connection, stream,
                OnNodeMessage,
                l =>
                {
                    OnNodeLinkLost(l);
                    _ = EndAsync(connection);
                },
                MessageLink.MaxNodeQueue);
            if (!TryAdmit(link))
            {
                _options.Log?.Invoke($"{link.PeerName} is no member of the federation: link closed");
                await link.DisposeAsync().ConfigureAwait(false);
                await EndAsync(connection).ConfigureAwait(false);
                return;
            }

            link.Start();
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException or ObjectDisposedException)
        {
            await EndAsync(connection).ConfigureAwait(false);
        }
    }

    private void OnNodeMessage(MessageLink link, LinkMessage message)
    {
        // Bytes of requests are no decision: they go straight to their shard.
        if (!TetherLinks.TryDeliver(link, message))
        {
            _actor.Do(now => _state.OnNodeMessage(link, message, now));
        }
    }

    private void OnNodeLinkLost(MessageLink link)
    {
        _ = _openLinks.TryRemove(link, out _);
        _actor.Post(now => _state.OnNodeLinkLost(link, now));
    }

    private async Task EndAsync(QuicConnection connection)
    {
        _ = Interlocked.Decrement(ref _inbound);
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<ILink?> ConnectToNodeAsync(NodeInfo node)
    {
        try
        {
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            patience.CancelAfter(TimeSpan.FromSeconds(3));
            MessageLink link = await OpenAsync(
                node.Link.ToEndPoint(), LinkCodec.MigrationAlpn,
                OnNodeMessage,
                OnNodeLinkLost,
                patience.Token).ConfigureAwait(false);
            if (link.PeerName == node.Member.Name)
            {
                return link;
            }

            // Another member has got the address meanwhile.
            await link.DisposeAsync().ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException or IOException)
        {
            return null;
        }
    }

    private async Task<MessageLink> OpenAsync(
        IPEndPoint remote, string alpn, Action<MessageLink, LinkMessage> onMessage, Action<MessageLink> onLost, CancellationToken cancellationToken)
    {
        (QuicConnection connection, QuicStream stream) =
            await ControlTls.ConnectAsync(remote, alpn, _identity.Current(), _options.FederationRoots, cancellationToken).ConfigureAwait(false);
        bool isControl = alpn == LinkCodec.ControlAlpn;
        MessageLink link = new(connection, stream, onMessage, onLost, isControl ? MessageLink.MaxControlQueue : MessageLink.MaxNodeQueue);
        if (isControl && link.PeerName != Names.Ingress)
        {
            // Any member has a certificate of the federation; who gives out epochs and keys needs the one that says so.
            await connection.DisposeAsync().ConfigureAwait(false);
            throw new IOException($"{link.PeerName} is a member of the federation, but no ingress");
        }

        if (!TryAdmit(link))
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw new IOException($"{link.PeerName} is no member of the federation any more");
        }

        link.Start();
        return link;
    }

    /// <summary>Noted first, then looked at: a roster that comes in between finds it.</summary>
    private bool TryAdmit(MessageLink link)
    {
        _openLinks[link] = true;
        bool isMember = Admits(link);
        if (!isMember)
        {
            _ = _openLinks.TryRemove(link, out _);
        }

        return isMember;
    }

    private bool Admits(MessageLink link) => _roster is not { } roster || roster.Admits(link.PeerName, link.PeerFingerprint);

    /// <summary>Only what the authority has signed counts, and never less than what is known already. One at a time: at the start, then on the actor.</summary>
    private void OnRoster(string text)
    {
        if (text == _roster?.Text || !Roster.TryRead(text, _options.FederationRoots, out Roster? roster) || roster.Generation <= _roster?.Generation)
        {
            return;
        }

        _roster = roster;
        // Nothing more comes from those that are no members any more, and nothing more goes to them.
        foreach (MessageLink link in _openLinks.Keys.Where(link => !Admits(link)))
        {
            _options.Log?.Invoke($"{link.PeerName} is no member of the federation any more: link closed");
            _ = link.DisposeAsync().AsTask();
        }
    }
}
