using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;
using Net.Tests.Migration.Directory;

namespace Net.Tests.Migration.Hosting;

/// <summary>A control desk on a directory in memory, with peers that note what they are told, on a clock that the test moves.</summary>
internal sealed class DeskWorld
{
    private readonly ControlDeskOptions _options;

    public DeskWorld(ControlDeskOptions? options = null)
    {
        _options = options ?? new() { PublicAddress = Address(4433) };
        Restart();
    }

    public Instant Now { get; private set; } = new(1_000_000_000);

    public MemoryStorage Storage { get; } = new();

    public FakeRoutes Routes { get; private set; } = new();

    public ControlDesk Desk { get; private set; } = null!;

    public List<string> Log { get; } = [];

    public FederationKeys Keys { get; } = FederationKeys.Create(new byte[FederationKeys.EntropyLength]);

    public static UdpAddress Address(ushort port) => UdpAddress.FromBytes([127, 0, 0, 1], port);

    public static NodeInfo Node(string name, ulong incarnation, params string[] hosts) =>
        new(new(name, incarnation), Address((ushort)(2000 + incarnation)), [.. hosts.Select(host => new HostInfo(host, Address((ushort)(1000 + incarnation)), []))]);

    /// <summary>The ingress starts again with the log that it has written.</summary>
    public void Restart()
    {
        Routes = new();
        Desk = new(new EmbeddedDirectory(Storage), Routes, Keys, _options, Log.Add, Now);
    }

    public void Pass(double seconds)
    {
        Now += TimeSpan.FromSeconds(seconds);
        Desk.Tick(Now);
    }

    /// <summary>Time in part of which the desk did not listen.</summary>
    public void PassBusy(double seconds, double deaf)
    {
        Now += TimeSpan.FromSeconds(seconds);
        Desk.OnBusy(TimeSpan.FromSeconds(deaf), Now);
        Desk.Tick(Now);
    }

    public FakePeer Connect(string name) => new(name);

    public FakePeer Join(string name, ulong incarnation, params string[] hosts)
    {
        FakePeer peer = new(name);
        Say(peer, new JoinMessage(Node(name, incarnation, hosts)));
        return peer;
    }

    /// <summary>A member that hosts "web" and has made its record.</summary>
    public FakePeer Owner(string name, ulong incarnation)
    {
        FakePeer peer = Join(name, incarnation, "web");
        Say(peer, new OwnershipAskMessage(new CreateOwnership(1, "web", new(name, incarnation))));
        return peer;
    }

    /// <summary>A turn in which nothing else is said.</summary>
    public void Say(FakePeer peer, LinkMessage message)
    {
        Desk.OnMessage(peer, message, Now);
        Desk.Tick(Now);
    }

    public void Beat(params FakePeer[] peers)
    {
        foreach (FakePeer peer in peers)
        {
            Say(peer, new HeartbeatMessage(1, []));
        }
    }

    public static MoveOwnership Move(Member from, ulong epoch, Member to) =>
        new(7, "web", from, epoch, to, new SnapshotHash([.. Enumerable.Repeat((byte)7, SnapshotHash.Length)]));
}

internal sealed class FakePeer(string name, string fingerprint = "") : IControlPeer
{
    public List<LinkMessage> Heard { get; } = [];

    public bool IsClosed { get; private set; }

    public string Name => name;

    public string Fingerprint => fingerprint;

    public UdpAddress DataAddress => DeskWorld.Address(4435);

    public void Send(LinkMessage message) => Heard.Add(message);

    public void Close() => IsClosed = true;

    public T Only<T>()
        where T : LinkMessage => Heard.OfType<T>().Single();

    public T Last<T>()
        where T : LinkMessage => Heard.OfType<T>().Last();
}

internal sealed class FakeRoutes : IIngressRoutes
{
    private readonly Dictionary<uint, OwnershipRecord> _records = [];

    public Dictionary<Member, UdpAddress> Nodes { get; } = [];

    public HashSet<string> Holding { get; } = [];

    public bool IsSynchronized { get; private set; }

    public void OnMember(NodeInfo node, bool isAlive)
    {
        if (isAlive)
        {
            Nodes[node.Member] = node.Hosts.Count > 0 ? node.Hosts[0].Data : default;
        }
        else
        {
            _ = Nodes.Remove(node.Member);
        }
    }

    public void OnRecord(OwnershipRecord record) => _records[record.Shard] = record;

    public void OnSynchronized() => IsSynchronized = true;

    public bool HoldInitials(string component, ulong epoch, bool hold)
    {
        if (!_records.Values.Any(record => record.Component == component && record.Epoch == epoch))
        {
            return false;
        }

        _ = hold ? Holding.Add(component) : Holding.Remove(component);
        return true;
    }

    public KeyRing? Tags { get; private set; }

    public void UseKeys(RouterKeys keys) => Tags = keys.Tags;

    public ulong Fence(uint shard) => _records.TryGetValue(shard, out OwnershipRecord? record) ? record.Epoch : 0;
}
