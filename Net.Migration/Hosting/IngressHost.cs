using System.Net;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Diagnostics;
using Net.Migration.Directory;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>The process in front of the nodes: it has the public UDP port, the ownership directory (or its share in one), and the control port.</summary>
/// <remarks>
/// Two threads carry datagrams (<see cref="IngressForwarder"/>), one decides (<see cref="ControlDesk"/>). The public port stays open until
/// this object is disposed: to clients, a closed port is the end of their connections.
/// </remarks>
public sealed class IngressHost : IAsyncDisposable
{
    private readonly IAsyncDisposable _directory;
    private readonly IngressForwarder _forwarder;
    private readonly Actor _actor;
    private readonly ControlServer _control;
    private readonly IngressMetrics _metrics;
    private readonly LogQueue? _log;
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isDisposed;

    private IngressHost(IAsyncDisposable directory, IngressForwarder forwarder, Actor actor, ControlServer control, LogQueue? log)
    {
        (_directory, _forwarder, _actor, _control, _log) = (directory, forwarder, actor, control, log);
        _metrics = new(forwarder.Counters, forwarder.Unsent);
        Completion = EndAsync();
    }

    /// <summary>Where clients arrive, with the port that the system chose if none was given.</summary>
    public IPEndPoint PublicEndPoint => _forwarder.PublicAddress.ToEndPoint();

    /// <summary>Where members and commands arrive, with the port that the system chose if none was given.</summary>
    public IPEndPoint ControlEndPoint => _control.LocalEndPoint;

    /// <summary>Ends when this is disposed; fails when a thread that carries datagrams has failed, which is a fault of ours.</summary>
    public Task Completion { get; }

    internal IngressForwarder Forwarder => _forwarder;

    /// <summary>Opens the state, binds both ports and serves.</summary>
    /// <exception cref="AddressInUseException">A port is taken.</exception>
    /// <exception cref="ArgumentException">The member certificate is not valid now.</exception>
    /// <exception cref="DirectoryLogException">The log or the key file is damaged. Neither may be guessed at: restore them.</exception>
    /// <exception cref="IOException">The state directory cannot be used, or another process uses it.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">An address is not one of this machine's, or may not be bound.</exception>
    public static async Task<IngressHost> StartAsync(IngressHostOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        Stack<IDisposable> opened = new();
        T Opened<T>(T resource)
            where T : IDisposable
        {
            opened.Push(resource);
            return resource;
        }

        try
        {
            IDatagramChannel publicChannel = Opened(
                options.PublicSocket is { } lent ? UdpChannel.Over(lent) : UdpChannel.Bind(UdpAddress.FromEndPoint(options.Listen)));
            MemberIdentity identity = Opened(new MemberIdentity(Names.Ingress, options.MemberCertificate, options.RenewedMemberCertificate, options.Log));
            QuicListener listener = await ControlServer.ListenAsync(options.Control, identity.Current, options.FederationRoots).ConfigureAwait(false);
            try
            {
                IDatagramChannel nodeChannel = Opened(UdpChannel.Bind(UdpAddress.FromEndPoint(new(options.Control.Address, 0))));
                if (options.OpenDirectory is { } open)
                {
                    SharedDirectoryUser self = new(UdpAddress.FromEndPoint(listener.LocalEndPoint), options.StateDirectory);
                    ISharedDirectory shared = await open(self, cancellationToken).ConfigureAwait(false);
                    return Start(options, publicChannel, nodeChannel, new(shared, shared, new Both(identity, shared), shared), listener);
                }

                FileDirectoryStorage storage = Opened(new FileDirectoryStorage(Path.Combine(options.StateDirectory, "directory.log")));
                // First: the directory makes room for moves ahead, and without keys there is none to make it for.
                FileSecrets secrets = new(options.StateDirectory);
                EmbeddedDirectory directory = new(storage);
                return Start(options, publicChannel, nodeChannel, new(directory, secrets, new Both(identity, new Storage(storage)), null), listener);
            }
            catch
            {
                await listener.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
        catch
        {
            foreach (IDisposable resource in opened)
            {
                resource.Dispose();
            }

            throw;
        }
    }

    /// <summary>Closes everything when another ingress goes on with the public socket: nothing is lost of what this one has read, from clients or from nodes.</summary>
    /// <param name="silence">Has the nodes send no more, as far as they can be told; called when nothing more comes to them.</param>
    /// <returns>What is left of clients, for that ingress.</returns>
    internal async Task<IReadOnlyList<HeldDatagram>> CloseAsync(Func<Task> silence)
    {
        try
        {
            _forwarder.StopPublic();
            await silence().ConfigureAwait(false);
            return _forwarder.StopNodes();
        }
        finally
        {
            // Whatever happens: nobody else has this one, and its log is needed.
            await DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Closes everything, the public port last.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            await _disposed.Task.ConfigureAwait(false);
            return;
        }

        await _control.DisposeAsync().ConfigureAwait(false);
        // The desk's last turn may be writing: the log is closed behind it.
        _actor.Post(_ => _actor.Dispose());
        await _actor.Completion.ConfigureAwait(false);
        await _directory.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
        _forwarder.Dispose();
        await (_log?.FlushAsync() ?? Task.CompletedTask).ConfigureAwait(false);
        _disposed.SetResult();
    }

    private static IngressHost Start(
        IngressHostOptions options, IDatagramChannel publicChannel, IDatagramChannel nodeChannel, Parts parts, QuicListener listener)
    {
        IngressForwarder forwarder = new(publicChannel, nodeChannel, new RouterOptions { DefaultComponent = options.DefaultComponent }, parts.Secrets.Keys.ForRouters());
        // Decisions are told while they are made: they wait for no listener.
        Action<string> log = LogQueue.Over(options.Log, out LogQueue? own)!;
        ControlTrust trust = new(parts.Secrets, options.FederationRoots, log);
        ControlDeskOptions deskOptions = new() { PublicAddress = forwarder.PublicAddress, FailureTimeout = options.FailureTimeout };
        ControlDesk desk = new(parts.Directory, forwarder, trust.Keys, deskOptions, log, MonotonicClock.Now, parts.Shared, trust);
        Actor actor = new("ingress control", () => desk.Deadline, desk.Tick, fault => log($"a fault of the ingress: {fault}"), desk.OnBusy);
        forwarder.Unconfirmed = shard => actor.Post(now => desk.OnCheck(shard, now));
        RosterWatch? watch = options.RosterFile is { } file ? new(file, text => actor.Post(now => desk.OnRoster(text, now)), log) : null;
        // Before anybody can ask: who was removed while this was away stays away.
        watch?.Look();
        forwarder.Start(options.Kept);
        actor.Start();
        parts.Shared?.Start(() => actor.Post(desk.OnDirectory));
        watch?.Start();
        return new(new Both(watch, parts.Owned), forwarder, actor, ControlServer.Start(listener, actor, desk, forwarder.NodeAddress), own);
    }

    private async Task EndAsync() =>
        await (await Task.WhenAny(_disposed.Task, _forwarder.Faulted).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>What the two kinds of directories bring.</summary>
    private sealed record Parts(IOwnershipDirectory Directory, IFederationSecrets Secrets, IAsyncDisposable Owned, ISharedDirectory? Shared);

    private sealed class Both(IDisposable? first, IAsyncDisposable second) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            first?.Dispose();
            return second.DisposeAsync();
        }
    }

    private sealed class Storage(FileDirectoryStorage file) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            file.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
