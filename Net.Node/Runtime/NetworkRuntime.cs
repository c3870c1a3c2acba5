using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Etcd;
using Net.Node.Web;

namespace Net.Node.Runtime;

/// <summary>The commands' network: the hosts of Net.Migration and the client of Net.Http3.</summary>
internal sealed class NetworkRuntime : ICommandRuntime
{
    private static readonly TimeSpan s_findInterval = TimeSpan.FromSeconds(1);

    public async Task RunIngressAsync(
        IngressSetup setup, Action<UdpAddress, UdpAddress> ready, CommandOutput output, CancellationToken cancellationToken)
    {
        using Lifetime life = new(setup.Terminated, cancellationToken);
        await life.RunAsync(async () =>
        {
            SafeSocketHandle? activated = SocketLoan.FromServiceManager(Environment.GetEnvironmentVariable);
            using BorrowedSocket? borrowed = activated is null && setup.HolderDoor is string door
                ? await HolderProcess.BorrowAsync(setup.Options.Listen, door, output, life.Starting).ConfigureAwait(false) : null;
            try
            {
                IngressHost ingress = await StartIngressAsync(setup, activated ?? borrowed?.Handle, output, life.Starting).ConfigureAwait(false);
                await using (ingress.ConfigureAwait(false))
                {
                    ready(UdpAddress.FromEndPoint(ingress.PublicEndPoint), UdpAddress.FromEndPoint(ingress.ControlEndPoint));
                    _ = await life.ServeAsync(ingress.Completion).ConfigureAwait(false);
                }
            }
            finally
            {
                if (borrowed is not null && setup.Terminated.IsCancellationRequested)
                {
                    // So a service manager restarts an ingress, also one that does not come to serve: the clients of this one are the next one's.
                    output.Info($"{setup.Options.Listen} stays held for the next ingress");
                    borrowed.GiveBack();
                }
            }
        }).ConfigureAwait(false);
    }

    /// <summary>A relay is a node with the ingress inside: it keeps its socket and its clients, whoever owns their component, and fences as an ingress does.</summary>
    public async Task RunNodeAsync(NodeSetup setup, INodeEvents events, CommandOutput output, CancellationToken cancellationToken)
    {
        using Lifetime life = new(setup.Terminated, cancellationToken);
        await life.RunAsync(async () =>
        {
            if (setup.Relay is not IngressSetup relay)
            {
                await RunNodeAsync(setup, setup.Options.Join, null, events, output, life, cancellationToken).ConfigureAwait(false);
                return;
            }

            using BorrowedSocket? borrowed = relay.HolderDoor is string door
                ? await HolderProcess.BorrowAsync(relay.Options.Listen, door, output, life.Starting).ConfigureAwait(false) : null;
            IngressHost ingress = await StartIngressAsync(relay, borrowed?.Handle, output, life.Starting).ConfigureAwait(false);
            await using (ingress.ConfigureAwait(false))
            {
                await RunNodeAsync(setup, UdpAddress.FromEndPoint(ingress.ControlEndPoint), ingress, events, output, life, cancellationToken).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }

    private static Task<IngressHost> StartIngressAsync(IngressSetup setup, SafeSocketHandle? socket, CommandOutput output, CancellationToken cancellationToken) =>
        IngressHost.StartAsync(
            new()
            {
                PublicSocket = socket,
                Listen = setup.Options.Listen.ToEndPoint(),
                Control = setup.Options.Control.ToEndPoint(),
                StateDirectory = setup.StateDirectory,
                DefaultComponent = setup.Options.DefaultComponent,
                MemberCertificate = setup.Member.Certificate,
                RenewedMemberCertificate = setup.Member.Renewed,
                FederationRoots = [setup.Member.Authority],
                OpenDirectory = setup.Options.Directory is { } etcd
                    ? (self, token) => EtcdOpening.OpenAsync(etcd, () => EtcdOpening.Connect(etcd, setup.DataDirectory), self, setup.Member.Secret, token) : null,
                RosterFile = setup.Member.RosterFile,
                Log = output.Post,
            },
            cancellationToken);

    /// <summary>With a directory: the first ingress that is found there, which tells of the others, and how to find them again.</summary>
    private static async Task<(UdpAddress Join, Func<CancellationToken, Task<IReadOnlyList<IPEndPoint>>>? Find)> FindAsync(
        NodeSetup setup, UdpAddress join, IEtcd? etcd, INodeEvents events, CancellationToken cancellationToken)
    {
        if (etcd is null)
        {
            return (join, null);
        }

        Task<IReadOnlyList<IPEndPoint>> Find(CancellationToken token) => EtcdOpening.FindAsync(setup.Options.Directory!, etcd, token);
        long begun = Environment.TickCount64;
        while (true)
        {
            try
            {
                return (UdpAddress.FromEndPoint((await Find(cancellationToken).ConfigureAwait(false))[0]), Find);
            }
            catch (EtcdException e)
            {
                events.JoinFailed(e.Message);
                if (Environment.TickCount64 - begun >= setup.Options.JoinTimeout.TotalMilliseconds)
                {
                    throw new CommandFailure(e.Message, "start etcd and continuum ingress, both with the same --directory");
                }
            }

            await Task.Delay(s_findInterval, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task RunNodeAsync(
        NodeSetup setup, UdpAddress join, IngressHost? relay, INodeEvents events, CommandOutput output, Lifetime life, CancellationToken cancellationToken)
    {
        if (setup.Options.TakeOver && setup.Door is null)
        {
            throw new CommandFailure("--takeover needs a data directory with a short path", "set CONTINUUM_HOME to a shorter one for both processes");
        }

        HostedComponent[] components = setup.CreateWeb is null ? [] : [.. setup.Options.Components.Split(',').Select(name =>
        {
            Identity identity = new(setup.Options.Name, name);
            return new HostedComponent(name, setup.CreateWeb(identity))
            {
                Running = setup.Options.Tether ? RunningRequests.Tether : RunningRequests.Default, Served = epoch => identity.Epoch = epoch, HandshakeCompleted = events.HandshakeCompleted,
            };
        })];
        IEtcd? etcd = setup.Options.Directory is { } directory ? EtcdOpening.Connect(directory, setup.DataDirectory) : null;
        await using ConfiguredAsyncDisposable closing = new Closing(etcd).ConfigureAwait(false);
        (join, Func<CancellationToken, Task<IReadOnlyList<IPEndPoint>>>? find) = await FindAsync(setup, join, etcd, events, life.Starting).ConfigureAwait(false);
        NodeHost node;
        try
        {
            node = await NodeHost.StartAsync(
                new()
                {
                    Name = setup.Options.Name,
                    Join = join.ToEndPoint(),
                    FindIngresses = find,
                    Roster = setup.Member.RosterFile is { } roster && File.Exists(roster) ? await File.ReadAllTextAsync(roster, life.Starting).ConfigureAwait(false) : null,
                    Link = setup.Options.Link?.ToEndPoint(),
                    Components = components,
                    ServerCertificate = setup.ServerCertificate,
                    ServerIntermediates = setup.Intermediates,
                    MemberCertificate = setup.Member.Certificate,
                    RenewedMemberCertificate = setup.Member.Renewed,
                    FederationRoots = [setup.Member.Authority],
                    Door = setup.Door,
                    TakeOver = setup.Options.TakeOver,
                    JoinTimeout = setup.Options.JoinTimeout,
                    JoinFailed = events.JoinFailed,
                    UntilJoined = setup.Terminated,
                    Log = output.Post,
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (NodeJoinException e)
        {
            throw new CommandFailure(setup.Options.Directory is { } shared ? $"cannot join the federation of {shared}" : $"cannot join at {join}", e.Message);
        }

        await using (node.ConfigureAwait(false))
        {
            using ServerRenewal? renewal = setup.ReadServer is { } read
                ? new(setup.ServerCertificate, read, node.ReloadServerCertificate, output.Post, TimeProvider.System) : null;
            renewal?.Start();
            events.Ready(relay is null ? null : (UdpAddress.FromEndPoint(relay.PublicEndPoint), UdpAddress.FromEndPoint(relay.ControlEndPoint)));
            if (!await life.ServeAsync(relay is null ? [node.Completion] : [node.Completion, relay.Completion]).ConfigureAwait(false))
            {
                return;
            }

            output.Info($"{setup.Options.Name} moves its components away, for at most {setup.Options.DrainTimeout.TotalSeconds:0.#} s");
            long begun = Environment.TickCount64;
            IReadOnlyList<string> remaining = await node.StopAsync(setup.Options.DrainTimeout, cancellationToken).ConfigureAwait(false);
            if (relay is not null && remaining.Count == 0)
            {
                // Its clients know no other address: what it has moved away is passed on for as long as it was given.
                TimeSpan left = setup.Options.DrainTimeout - TimeSpan.FromMilliseconds(Environment.TickCount64 - begun);
                output.Info($"{setup.Options.Name} passes datagrams on for another {left.TotalSeconds:0} s");
                Task over = Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellationToken);
                await (await Task.WhenAny(over, relay.Completion).ConfigureAwait(false)).ConfigureAwait(false);
            }

            output.Info(remaining.Count == 0 ? $"{setup.Options.Name} ends with nothing left to serve"
                : $"{setup.Options.Name} ends with {string.Join(", ", remaining)}: their connections end with it");
        }
    }

    public async Task<IControlConnection> ConnectAsync(UdpAddress join, MemberCredentials member, CancellationToken cancellationToken) =>
        new ControlConnection(await ControlClient.ConnectAsync(join.ToEndPoint(), member.Certificate, [member.Authority], cancellationToken).ConfigureAwait(false));

    public Task<IHttpConnection> OpenAsync(HttpTarget target, CancellationToken cancellationToken) => HttpConnection.OpenAsync(target, cancellationToken);

    public HttpMessageHandler CreateHandler(X509Certificate2Collection trustedRoots, bool insecure, Action<TimeSpan> connected) => new Http3Handler
    {
        SslOptions = HttpConnection.Trust(trustedRoots, insecure),
        AllowAutoRedirect = true,
        MaxAutomaticRedirections = 10,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        OnConnected = connected,
    };

    private sealed class Closing(IEtcd? etcd) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => etcd?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    private sealed class Identity(string node, string component) : IComponentIdentity
    {
        private long _epoch;

        public string Node => node;

        public string Component => component;

        public ulong Epoch { get => (ulong)Volatile.Read(ref _epoch); set => Volatile.Write(ref _epoch, (long)value); }
    }

    private sealed class ControlConnection(ControlClient client) : IControlConnection
    {
        public Task<StatusReplyMessage> StatusAsync(CancellationToken cancellationToken) => client.StatusAsync(cancellationToken);

        public Task<MigrateReport> MigrateAsync(string component, string to, TimeSpan timeout, CancellationToken cancellationToken) =>
            client.MigrateAsync(component, to, timeout, cancellationToken);

        public Task<DrainReport> DrainAsync(string node, TimeSpan timeout, bool cancel, CancellationToken cancellationToken) =>
            client.DrainAsync(node, timeout, cancel, cancellationToken);

        public Task<CheckpointReport> CheckpointAsync(string component, CheckpointAction action, ulong number, TimeSpan timeout, CancellationToken cancellationToken) =>
            client.CheckpointAsync(component, action, number, timeout, cancellationToken);

        public ValueTask DisposeAsync() => client.DisposeAsync();
    }
}
