using Net.Core.Connections;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>A node: the product's <see cref="NodeState"/> with everything under it, on a simulated machine.</summary>
internal sealed class SimulatedNode : IComponentRunner
{
    private static readonly TimeSpan s_rejoin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_wakeUp = TimeSpan.FromMicroseconds(100);

    private readonly Federation _federation;
    private readonly SimulatedActor _actor;

    public SimulatedNode(Federation federation, string name, int number, Machine machine, ulong incarnation)
    {
        (_federation, Machine) = (federation, machine);
        Member = new(name, incarnation != 0 ? incarnation : federation.World.Random.Next() | 1);
        List<HostedComponent> components = [new("web", Component)
        {
            Connections = federation.ServerConnections, Running = federation.Running, TetherDeadline = federation.TetherDeadline,
            Qpack = federation.Qpack, Serving = federation.TellsServing ? static _ => { } : null,
        }];
        if (federation.HasShop)
        {
            components.AddRange(HostedComponent.Of(Cart, Orders).Select(c => c with { Connections = federation.ServerConnections }));
        }

        for (int i = 0; i < components.Count; i++)
        {
            HostedComponent component = components[i];
            Data.Add(component.Name, new(federation, Machine, Address(number, 5000 + i))
            {
                OnSending = (bytes, transmit) => OnSending(component.Name, bytes, transmit),
                BlockedOneIn = federation.BlockedOneIn,
            });
        }

        NodeInfo info = new(Member, Address(number, 6000), [.. components.Select(c => new HostInfo(c.Name, Data[c.Name].Local, c.Names))]);
        NodeOptions options = new()
        {
            Name = name,
            Join = new(System.Net.IPAddress.Loopback, 1),
            ServerCertificate = null!,
            MemberCertificate = null!,
            FederationRoots = null!,
            Components = components,
            Log = line => federation.Say($"{name}: {line}"),
        };
        _actor = new(federation.World, Machine, () => State!.Deadline, now => State!.Tick(now), fault => federation.Faults.Add(fault));
        State = new(options, info, new(_actor, this, name => Data[name], new SimulatedCrypto(federation.World), Connect) { Export = federation.Export });
        for (int i = 0; i < federation.Ingresses.Count; i++)
        {
            StayJoined(i);
        }
    }

    public Machine Machine { get; }

    public Member Member { get; }

    /// <summary>Sockets, by component.</summary>
    public Dictionary<string, SimulatedChannel> Data { get; } = [];

    public TestComponent Component { get; } = new();

    /// <summary>Both of the aggregate "shop", when there is one.</summary>
    public CartComponent Cart { get; } = new();

    public OrdersComponent Orders { get; } = new();

    public NodeState State { get; }

    /// <summary>What was started here, by component.</summary>
    public Dictionary<string, ComponentShard> Shards { get; } = [];

    public ComponentShard? Shard => Shards.GetValueOrDefault("web");

    public bool IsServing => Machine.IsUp && Shard?.Channel.Mode == DataMode.Serving;

    /// <summary>Components whose own code has their thread and does not give it back: nothing of them is done.</summary>
    private readonly HashSet<string> _hanging = [];

    public void Hang(string component) => _hanging.Add(component);

    public void GoOn(string component)
    {
        _ = _hanging.Remove(component);
        Data[component].Wake();
    }

    /// <summary>A marker leaves: "web" has frozen, in this turn.</summary>
    public Action OnMarker { get; set; } = () => { };

    public bool RunsHandlersInline => true;

    Instant IComponentRunner.Now => Machine.Now;

    Func<long> IComponentRunner.WallClock => () => 1_800_000_000 + ((_federation.World.Now.Ticks + _federation.WallClockOff.Ticks) / TimeSpan.TicksPerSecond);

    public IAsyncDisposable Start(ComponentShard component, string name)
    {
        string key = name["component ".Length..];
        Shards[key] = component;
        Stepper stepper = new(Machine, () => _hanging.Contains(key) ? Instant.Never : Instant.Min(component.Shard.Deadline, component.HandlerDeadline), () =>
        {
            if (_hanging.Contains(key))
            {
                return;
            }

            component.TickHandlers(Machine.Now);
            while (component.Shard.Step(Machine.Now))
            {
            }
        });
        Data[key].OnWake = () => stepper.Wake(_federation.World.Random.Between(TimeSpan.Zero, s_wakeUp));
        Data[key].Wake();
        return new Running();
    }

    /// <summary>A link from another node: its messages go to this node's decisions.</summary>
    public void Accept(SimulatedLink.End end)
    {
        end.OnMessage = (l, message) => _actor.Post(now => State.OnNodeMessage(l, message, now));
        end.OnLost = l => _actor.Post(now => State.OnNodeLinkLost(l, now));
    }

    /// <summary>A link to each ingress, opened anew as often as it is lost.</summary>
    private void StayJoined(int index)
    {
        SimulatedIngress ingress = _federation.Ingresses[index];
        if (!ingress.Machine.IsUp)
        {
            Machine.After(s_rejoin, () => StayJoined(index));
            return;
        }

        SimulatedLink link = new(_federation, Machine, Member.Name, ingress.Machine, ingress.Machine.Name);
        TaskCompletionSource<string?> welcome = new();
        link.First.OnMessage = (l, message) => _actor.Post(now => State.OnControl(l, message, now));
        link.First.OnLost = l =>
        {
            _actor.Post(now => State.OnControlLost(l, now));
            Machine.After(s_rejoin, () => StayJoined(index));
        };
        ingress.Accept(link.Second);
        _actor.Post(_ => State.OnControlOpen(link.First, welcome));
        _ = WatchAsync(welcome.Task, link);
    }

    /// <summary>Who is refused tries again: the name may be free by then.</summary>
    private static async Task WatchAsync(Task<string?> welcome, SimulatedLink link)
    {
        if (await welcome is not null)
        {
            link.Cut();
        }
    }

    private Task<ILink?> Connect(NodeInfo info)
    {
        SimulatedNode? node = _federation.Nodes.FirstOrDefault(n => n.Member == info.Member && n.Machine.IsUp);
        if (node is null || !_federation.LinksWork)
        {
            return Task.FromResult<ILink?>(null);
        }

        SimulatedLink link = new(_federation, Machine, Member.Name, node.Machine, node.Member.Name);
        Accept(link.First);
        node.Accept(link.Second);
        return Task.FromResult<ILink?>(link.First);
    }

    private static UdpAddress Address(int number, int port) =>
        UdpAddress.TryParse($"10.0.1.{number}:{port}", out UdpAddress address) ? address : throw new ArgumentException("no address");

    private void OnSending(string component, Memory<byte> bytes, Transmit transmit)
    {
        Assert.IsTrue(IngressHeader.TryRead(bytes.Span, out IngressHeader header));
        _federation.Audit.OnNodeSends(this, header);
        if (header.Type is IngressDatagram.Marker && component == "web")
        {
            OnMarker();
        }

        if (transmit.FirstPacketNumber is ulong first && Shards[component].Shard.Endpoint.LastSender is Connection sender)
        {
            _federation.Audit.OnSealed(this, sender, header.Epoch, first);
        }
    }

    private sealed class Running : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
