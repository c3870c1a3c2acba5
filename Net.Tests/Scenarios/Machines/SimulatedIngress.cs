using Net.Core.Crypto;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>An ingress: the product's <see cref="Router"/>, <see cref="ControlDesk"/> and <see cref="EmbeddedDirectory"/>, without its two threads.</summary>
internal sealed class SimulatedIngress : IIngressRoutes
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly Federation _federation;
    private readonly Router _router;
    private readonly IngressTags _tags;
    private readonly SimulatedActor _actor;
    private readonly ControlDesk _desk;
    private readonly HashSet<Member> _dead = [];

    /// <summary>The only ingress of its federation, with the directory inside.</summary>
    public SimulatedIngress(Federation federation, IDirectoryStorage storage, FederationKeys keys)
        : this(federation, new EmbeddedDirectory(storage, shortLog: 512), keys, 1) { }

    /// <summary>One of several, which work with a directory somewhere else.</summary>
    public SimulatedIngress(Federation federation, SharedDirectory.View directory, FederationKeys keys)
        : this(federation, directory, keys, directory.Number)
    {
        directory.Start(Machine, () => _actor.Post(now => _desk.OnDirectory(now)));
    }

    private SimulatedIngress(Federation federation, IOwnershipDirectory directory, FederationKeys keys, uint number)
    {
        (_federation, Number, Directory) = (federation, number, directory);
        NodeSide = Parse($"10.0.1.100:{4000 + federation.IngressStarts++}");
        World world = federation.World;
        Machine = new(world, number == 1 ? "ingress" : $"ingress {number}", world.Random.Between(TimeSpan.Zero, TimeSpan.FromHours(1)));
        _router = new(new(), ProtectionSuites.Default, keys.ForRouters().Shards, world.Random.Next(), world.Random.Next());
        _tags = new(keys.Tag, world.Random.Next(), world.Random.Next());
        _desk = new(directory, this, keys, new(), line => federation.Say($"{Machine.Name}: {line}"), Machine.Now, directory as IIngressRegistry);
        _actor = new(world, Machine, () => _desk.Deadline, _desk.Tick, fault => federation.Faults.Add(fault));
        _actor.Post(_ => { });
        world.Attach(AddressOf(number), datagram => Machine.Run(() => OnClient(datagram)));
        world.Attach(NodeSide, datagram => Machine.Run(() => OnNode(datagram)));
        Tick();
    }

    /// <summary>Where clients reach the first, or the only one.</summary>
    public static UdpAddress Public { get; } = AddressOf(1);

    /// <summary>Where clients reach it.</summary>
    public static UdpAddress AddressOf(uint number) => Parse($"10.0.0.{number}:443");

    public uint Number { get; }

    /// <summary>Another one with each start, as the system chooses it.</summary>
    public UdpAddress NodeSide { get; }

    public Machine Machine { get; }

    public IOwnershipDirectory Directory { get; }

    /// <summary>Sees what becomes of each datagram of a client.</summary>
    public Action<UdpAddress, RouteVerdict> OnRouted { get; set; } = (_, _) => { };

    public RouterCounters Counters => _router.Counters;

    public bool CountsAsDead(Member member) => _dead.Contains(member);

    public void Accept(SimulatedLink.End end)
    {
        end.DataAddress = NodeSide;
        end.OnMessage = (l, message) => _actor.Post(now => _desk.OnMessage(l, message, now));
        end.OnLost = l => _actor.Post(_ => _desk.OnLost(l));
    }

    /// <summary>What `continuum migrate` asks for.</summary>
    public void Ask(IControlPeer command, LinkMessage message) => _actor.Post(now => _desk.OnMessage(command, message, now));

    public void OnMember(NodeInfo node, bool isAlive)
    {
        _ = isAlive ? _dead.Remove(node.Member) : _dead.Add(node.Member);
        _router.OnMember(node, isAlive);
        TakeOutputs();
    }

    public void OnRecord(OwnershipRecord record)
    {
        _router.OnRecord(record, Machine.Now);
        TakeOutputs();
    }

    public void OnSynchronized()
    {
        _router.OnSynchronized(Machine.Now);
        TakeOutputs();
    }

    public bool HoldInitials(string component, ulong epoch, bool hold)
    {
        bool isDone = _router.HoldInitials(component, epoch, hold);
        TakeOutputs();
        return isDone;
    }

    public void UseKeys(RouterKeys keys)
    {
        _router.UseKeys(keys.Shards);
        _tags.Use(keys.Tags);
    }

    public ulong Fence(uint shard) => _router.Fence(shard);

    private static UdpAddress Parse(string address) => UdpAddress.TryParse(address, out UdpAddress parsed) ? parsed : throw new ArgumentException(address);

    private void Tick()
    {
        _router.Tick(Machine.Now);
        TakeOutputs();
        Machine.After(s_tick, Tick);
    }

    private void OnClient(Datagram datagram)
    {
        Route route = _router.OnClient(datagram.From, datagram.To, datagram.Ecn, 0, datagram.Bytes, Machine.Now);
        OnRouted(datagram.From, route.Verdict);
        if (route.Verdict is RouteVerdict.Forward)
        {
            ToNode(route.Node, route.HeaderFor(new(datagram.From, datagram.To, 0), datagram.Ecn, 0), datagram.Bytes);
        }

        TakeOutputs();
    }

    private void OnNode(Datagram datagram)
    {
        if (!_tags.TryOpen(datagram.Bytes, out IngressHeader header))
        {
            return;
        }

        ReadOnlySpan<byte> body = datagram.Bytes.AsSpan(IngressHeader.Length);
        if (_router.OnNode(header, body, Machine.Now) is RouteVerdict.Forward)
        {
            _federation.Audit.OnPassed(Number, header, datagram.From);
            ToClient(header, body);
        }

        TakeOutputs();
    }

    private void TakeOutputs()
    {
        while (_router.TryTakeOutput(out RouterOutput output))
        {
            switch (output.Kind)
            {
                case RouterOutputKind.ToNode: ToNode(output.Node, output.Header, output.Bytes.Span); break;
                case RouterOutputKind.ToClient: ToClient(output.Header, output.Bytes.Span); break;
                case RouterOutputKind.CheckShard:
                    uint shard = output.Header.Shard;
                    _actor.Post(now => _desk.OnCheck(shard, now));
                    break;
                default: break;
            }
        }
    }

    private void ToNode(UdpAddress node, in IngressHeader header, ReadOnlySpan<byte> body)
    {
        byte[] bytes = new byte[IngressHeader.Length + body.Length];
        body.CopyTo(bytes.AsSpan(IngressHeader.Length));
        _tags.Write(bytes, header);
        _federation.Send(NodeSide, node, bytes, Ecn.NotEct);
    }

    private void ToClient(in IngressHeader header, ReadOnlySpan<byte> body) => _federation.Send(header.Public, header.Client, body, header.Ecn);
}
