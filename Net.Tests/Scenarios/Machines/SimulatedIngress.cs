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

    public SimulatedIngress(Federation federation, IDirectoryStorage storage, FederationKeys keys)
    {
        _federation = federation;
        NodeSide = Parse($"10.0.1.100:{4000 + federation.IngressStarts++}");
        World world = federation.World;
        Machine = new(world, "ingress", world.Random.Between(TimeSpan.Zero, TimeSpan.FromHours(1)));
        _router = new(new(), ProtectionSuites.Default, keys.ForRouters().Shards, world.Random.Next(), world.Random.Next());
        _tags = new(keys.Tag, world.Random.Next(), world.Random.Next());
        Directory = new(storage);
        _desk = new(Directory, this, keys, new(), line => federation.Say($"ingress: {line}"), Machine.Now);
        _actor = new(world, Machine, () => _desk.Deadline, _desk.Tick, fault => federation.Faults.Add(fault));
        _actor.Post(_ => { });
        world.Attach(Public, datagram => Machine.Run(() => OnClient(datagram)));
        world.Attach(NodeSide, datagram => Machine.Run(() => OnNode(datagram)));
        Tick();
    }

    public static UdpAddress Public { get; } = Parse("10.0.0.1:443");

    /// <summary>Another one with each start, as the system chooses it.</summary>
    public UdpAddress NodeSide { get; }

    public Machine Machine { get; }

    public EmbeddedDirectory Directory { get; }

    /// <summary>Sees what becomes of each datagram of a client.</summary>
    public Action<UdpAddress, RouteVerdict> OnRouted { get; set; } = (_, _) => { };

    public RouterCounters Counters => _router.Counters;

    public bool CountsAsDead(Member member) => _dead.Contains(member);

    public void Accept(SimulatedLink.End end)
    {
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
            IngressHeader header = new()
            {
                Type = IngressDatagram.Data,
                Epoch = route.Epoch,
                Shard = route.Shard,
                Client = datagram.From,
                Public = datagram.To,
                Ecn = datagram.Ecn,
            };
            ToNode(route.Node, header, datagram.Bytes);
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
            _federation.Audit.OnPassed(header, datagram.From);
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
