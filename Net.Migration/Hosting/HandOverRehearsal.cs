using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Sessions;
using Net.Migration.Directory;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>
/// A whole move in miniature, within one thread and on a clock of its own: client, ingress with its directory, and two nodes exchange
/// messages and datagrams in memory. Nothing comes of it, but everything that a freeze runs has been compiled afterwards.
/// </summary>
/// <remarks>It is the product's own code, not a list of its methods: what is added to a move is rehearsed without another word here.</remarks>
internal sealed class HandOverRehearsal : IActor, IComponentRunner
{
    /// <summary>What is moved: a name that no component of a federation needs.</summary>
    public const string Component = "rehearsal";

    private const int MaxSteps = 20_000;

    /// <summary>Moves after which the runtime has compiled what they run for speed: it counts thirty calls of a method first.</summary>
    private const int WarmMoves = 40;

    /// <summary>A process that is gone by then has not paid for it.</summary>
    private static readonly TimeSpan s_warmAfter = TimeSpan.FromSeconds(2);

    /// <summary>On a thread of its own: a small machine's pool has no thread to spare for so long, and handshakes wait for it.</summary>
    private static readonly Lazy<Task> s_once =
        new(() => Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default));
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(1);

    private readonly Queue<Action<Instant>> _posted = new();
    private readonly List<ComponentShard> _components = [];
    private readonly List<NodeState> _nodes = [];
    private readonly RehearsalCrypto _crypto;
    private readonly RehearsalIngress _ingress;
    private readonly Shard _client;
    private readonly ClientOwner _owner;
    private Instant _now = new(TimeSpan.TicksPerDay);

    private HandOverRehearsal(RehearsalCrypto crypto)
    {
        _crypto = crypto;
        byte[] secrets = new byte[FederationKeys.EntropyLength];
        crypto.FillEntropy(secrets);
        _ingress = new(this, FederationKeys.Create(secrets), _now);
        RehearsalChannel wire = new(RehearsalIngress.Address(2, 1)) { Sent = (bytes, to) => _ingress.OnClient(bytes, RehearsalIngress.Address(2, 1), _now) };
        _ingress.ToClient = bytes => wire.Arrive(bytes, RehearsalIngress.Public);
        EndpointOptions options = new() { Keys = [new(0, 0, secrets.AsMemory(0, 32).ToArray(), secrets.AsMemory(32, 32).ToArray())] };
        _client = new(new(options, crypto), wire, crypto, static _ => throw new InvalidOperationException("a client accepts nobody"));
        AddNode("source", 3);
        Until(() => _components.Count == 1 && _components[0].Channel.Mode == DataMode.Serving);
        AddNode("destination", 4);
        Core.Connections.Connection connection = _client.Endpoint.Connect(
            new() { AlpnProtocols = ["h3"u8.ToArray()], ServerName = Component }, new(RehearsalIngress.Public, wire.Local, 0), _now);
        _owner = new(connection, new ShardQueue(_client), inline: true);
        _client.SetOwner(connection, _owner);
    }

    /// <summary>Ends when this process has rehearsed; begins with the first who asks. Fails when the move did not succeed.</summary>
    public static Task Once => s_once.Value;

    /// <summary>How many moves have succeeded in this process's rehearsal.</summary>
    public static int Moves { get; private set; }

    bool IComponentRunner.RunsHandlersInline => true;

    Instant IComponentRunner.Now => _now;

    Func<long> IComponentRunner.WallClock => static () => 0;

    public void Post(Action<Instant> action) => _posted.Enqueue(action);

    IAsyncDisposable IComponentRunner.Start(ComponentShard component, string name)
    {
        _components.Add(component);
        return new NothingToEnd();
    }

    private static void Run()
    {
        RehearsalCrypto crypto = new();
        HandOverRehearsal rehearsal = new(crypto);
        Conversation conversation = new();
        _ = conversation.RunAsync(rehearsal._owner.Http3.NewExchange());
        rehearsal.Until(() => conversation.Received > 0);
        rehearsal.Move("destination", conversation);
        rehearsal.Move("source", conversation);
        _ = rehearsal.WarmAsync(conversation);
    }

    /// <summary>Goes on when nobody waits for it any more: code that was compiled in haste is replaced by fast code only once it has run often.</summary>
    private async Task WarmAsync(Conversation conversation)
    {
        using RehearsalCrypto crypto = _crypto;
        for (int i = 2; i < WarmMoves; i++)
        {
            await Task.Delay(i == 2 ? s_warmAfter : s_step).ConfigureAwait(false);
            Move(i % 2 == 0 ? "destination" : "source", conversation);
        }
    }

    private void Move(string to, Conversation conversation)
    {
        MigrateReport? report = null;
        _ingress.Ask(new(1, Component, to, TimeSpan.FromSeconds(10)), answer => report = answer);
        Until(() => report is not null);
        long before = conversation.Received;
        Until(() => conversation.Received > before + 1000);
        if (!report!.Moved)
        {
            throw new InvalidOperationException($"the rehearsal of a move failed: {report.Message}");
        }

        Moves++;
    }

    private void AddNode(string name, byte number)
    {
        Member member = new(name, 1UL + number);
        UdpAddress address = RehearsalIngress.Address(number, 5000);
        NodeInfo info = new(member, RehearsalIngress.Address(number, 6000), [new(Component, address, [])]);
        NodeOptions options = new()
        {
            Name = name,
            Join = new(IPAddress.Loopback, 1),
            ServerCertificate = _crypto.Certificate,
            MemberCertificate = _crypto.Certificate,
            FederationRoots = [],
            Components = [new(Component, new EchoComponent())],
        };
        RehearsalChannel channel = new(address) { Sent = (bytes, _) => _ingress.OnNode(bytes, _now) };
        _ingress.Nodes[address] = channel;
        NodeState state = new(options, info, new(this, this, _ => channel, _crypto, to => Connect(name, to.Member.Name)));
        _nodes.Add(state);
        RehearsalLink control = new(name, "ingress");
        control.Deliver(message => Post(now => state.OnControl(control, message, now)));
        control.Other.Deliver(message => Post(now => _ingress.Desk.OnMessage(control.Other, message, now)));
        Post(_ => state.OnControlOpen(control, new()));
    }

    private Task<ILink?> Connect(string from, string to)
    {
        (NodeState here, NodeState there) = from == "source" ? (_nodes[0], _nodes[1]) : (_nodes[1], _nodes[0]);
        RehearsalLink link = new(from, to);
        link.Deliver(message => Post(now => here.OnNodeMessage(link, message, now)));
        link.Other.Deliver(message => Post(now => there.OnNodeMessage(link.Other, message, now)));
        return Task.FromResult<ILink?>(link);
    }

    private void Until(Func<bool> condition)
    {
        for (int step = 0; !condition(); step++)
        {
            if (step == MaxSteps)
            {
                throw new InvalidOperationException("the rehearsal of a move has come to a halt");
            }

            Step();
        }
    }

    private void Step()
    {
        _now += s_step;
        while (_posted.TryDequeue(out Action<Instant>? action))
        {
            action(_now);
        }

        _ingress.Desk.Tick(_now);
        foreach (NodeState node in _nodes)
        {
            node.Tick(_now);
        }

        foreach (ComponentShard component in _components.ToArray())
        {
            component.TickHandlers(_now);
            _ = component.Shard.Step(_now);
        }

        _ = _client.Step(_now);
    }

    private sealed class NothingToEnd : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>Sends back what it is sent, and a state of its own with every move.</summary>
    private sealed class EchoComponent : IResumableComponent, IStatefulComponent
    {
        public void Save(System.Buffers.IBufferWriter<byte> writer) => System.Buffers.BuffersExtensions.Write(writer, "state"u8);

        public void Restore(ReadOnlyMemory<byte> state)
        {
        }

        public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
        {
            byte[] buffer = new byte[500];
            if (!exchange.ResponseStarted)
            {
                await exchange.RespondAsync(200, new FieldSection([("content-type", "application/octet-stream")])).ConfigureAwait(false);
            }

            for (int count; (count = await exchange.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
            {
                exchange.SaveState("saved"u8);
                await exchange.WriteAsync(buffer.AsMemory(0, count)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Talks for ever, so that both directions are busy in every freeze.</summary>
    private sealed class Conversation
    {
        public long Received { get; private set; }

        public async Task RunAsync(ClientExchange exchange)
        {
            await exchange.SendAsync(new("POST", "https", Component, "/", new()), hasBody: true).ConfigureAwait(false);
            _ = SendAsync(exchange);
            await exchange.ReadHeadAsync().ConfigureAwait(false);
            byte[] buffer = new byte[4000];
            for (int count; (count = await exchange.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
            {
                Received += count;
            }
        }

        private async Task SendAsync(ClientExchange exchange)
        {
            byte[] buffer = new byte[700];
            while (true)
            {
                // Never ahead of what has come back: one that is let go of ends here.
                await exchange.WriteAsync(buffer).ConfigureAwait(false);
            }
        }
    }
}
