using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Migration.Directory;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>Clients, an ingress with its directory, and nodes: the product's code on virtual time, out of one seed, in one thread.</summary>
internal sealed class Federation
{
    /// <summary><c>TRACE=1</c> in the environment: failures show what was said on links.</summary>
    private static readonly bool s_isTraced = Environment.GetEnvironmentVariable("TRACE") == "1";

    private const ulong FnvPrime = 1_099_511_628_211;

    private readonly MemoryStorage _storage = new();
    private readonly SharedDirectory? _shared;
    private readonly List<string> _log = [];
    private readonly ulong _seed;
    private int _machines;

    /// <summary>How often an ingress has been started.</summary>
    public int IngressStarts { get; set; }

    /// <summary>As they are at the start.</summary>
    public FederationKeys Keys { get; }

    public Federation(ulong seed, NetworkConditions? outside = null, Action<Federation>? configure = null)
    {
        _seed = seed;
        World = new(seed);
        Outside = outside ?? Clean;
        configure?.Invoke(this);
        byte[] secrets = new byte[FederationKeys.EntropyLength];
        World.Random.Fill(secrets);
        Keys = FederationKeys.Create(secrets);
        Keys = Keys with { Cid = new(Keys.Cid.Current with { EncryptsIds = EncryptsIds }) };
        Audit = new(this);
        _shared = IngressCount > 1 ? new(this) : null;
        for (uint number = 1; number <= IngressCount; number++)
        {
            Ingresses.Add(StartIngress(number));
        }

        Alpha = IsRelay ? AddNode("alpha", 0, Ingress.Machine) : AddNode("alpha");
        RunUntil(() => Alpha.IsServing, TimeSpan.FromSeconds(5), "alpha serves");
        Beta = AddNode("beta");
        World.Run(TimeSpan.FromMilliseconds(50));
    }

    /// <summary>Between clients and ingress, when nothing is wrong.</summary>
    public static NetworkConditions Clean { get; } = new() { MinDelay = TimeSpan.FromMilliseconds(5), MaxDelay = TimeSpan.FromMilliseconds(5) };

    /// <summary>Between clients and ingress: loss, duplicates, corruption, datagrams that overtake each other.</summary>
    public static NetworkConditions Lossy { get; } = new()
    {
        LossOneIn = 25,
        DuplicateOneIn = 40,
        CorruptOneIn = 80,
        MinDelay = TimeSpan.FromMilliseconds(4),
        MaxDelay = TimeSpan.FromMilliseconds(9),
    };

    /// <summary>Between ingress and nodes, when that is bad too: markers get lost and overtaken.</summary>
    public static NetworkConditions LossyInside { get; } = new()
    {
        LossOneIn = 50,
        DuplicateOneIn = 50,
        MinDelay = TimeSpan.FromMilliseconds(0.2),
        MaxDelay = TimeSpan.FromMilliseconds(1),
    };

    public World World { get; }

    public NetworkConditions Outside { get; set; }

    public NetworkConditions Inside { get; set; } = new() { MinDelay = TimeSpan.FromMilliseconds(0.3), MaxDelay = TimeSpan.FromMilliseconds(0.3) };

    public TimeSpan LinkMinDelay { get; set; } = TimeSpan.FromMilliseconds(0.3);

    public TimeSpan LinkMaxDelay { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>Whether a new link between nodes can be opened.</summary>
    public bool LinksWork { get; set; } = true;

    public int BlockedOneIn { get; set; }

    /// <summary>How far the wall clocks of the nodes are from the truth; what they measure time by goes on as ever.</summary>
    public TimeSpan WallClockOff { get; set; }

    /// <summary>False: the federation is older than the encryption of connection IDs.</summary>
    public bool EncryptsIds { get; set; } = true;

    /// <summary>Every node also hosts the aggregate "shop" of two components.</summary>
    public bool HasShop { get; set; }

    /// <summary>The host of "web" has code of its own that is told when it is served.</summary>
    public bool TellsServing { get; set; }

    /// <summary>What becomes of running requests of "web".</summary>
    public Net.Http3.Server.RunningRequests Running { get; set; }

    public TimeSpan TetherDeadline { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How much of a component a source writes down.</summary>
    public ExportLimits Export { get; set; } = new();

    /// <summary>Header compression of "web".</summary>
    public Net.Http3.Qpack.QpackOptions Qpack { get; set; } = new();

    public DirectoryFaults Directory { get; set; } = new();

    /// <summary>Small buffers, so that handlers run for most of a scenario.</summary>
    public ConnectionOptions ServerConnections { get; set; } = new() { Streams = new() { SendBuffer = 8_000, StreamWindow = 10_000, ConnectionWindow = 30_000 } };

    public ConnectionOptions ClientConnections { get; set; } = new() { Streams = new() { SendBuffer = 9_000, StreamWindow = 12_000, ConnectionWindow = 40_000 } };

    public Audit Audit { get; }

    /// <summary>Ingresses of the federation; those of more than one work with a directory that is somewhere else.</summary>
    public int IngressCount { get; set; } = 1;

    /// <summary>There is no ingress beside the nodes: alpha's process has it inside, with the directory.</summary>
    public bool IsRelay { get; set; }

    /// <summary>By their numbers, which are one more than their places.</summary>
    public List<SimulatedIngress> Ingresses { get; } = [];

    /// <summary>The first, or the only one.</summary>
    public SimulatedIngress Ingress => Ingresses[0];

    public bool IsIngressUp => Ingresses.Count > 0 && Ingress.Machine.IsUp;

    /// <summary>How far behind the directory what an ingress hears is, beside the usual delay.</summary>
    public void Lag(uint ingress, TimeSpan lag) => _shared!.Lag(ingress, lag);

    public List<SimulatedNode> Nodes { get; } = [];

    public SimulatedNode Alpha { get; }

    public SimulatedNode Beta { get; }

    public List<SimulatedLink> Links { get; } = [];

    /// <summary>Exceptions that escaped from decisions: faults of ours.</summary>
    public List<Exception> Faults { get; } = [];

    /// <summary>World events since the start.</summary>
    public long Events { get; private set; }

    /// <summary>Everything that was sent, when and by whom, in one number.</summary>
    public ulong TraceHash { get; private set; } = 14_695_981_039_346_656_037;

    /// <summary>Called for every message that is put on a link, before it is.</summary>
    public Action<Machine, LinkMessage> OnLinkMessage { get; set; } = (_, _) => { };

    public OwnershipRecord Record => RecordOf("web");

    public OwnershipRecord RecordOf(string component) => (_shared?.Records ?? Ingress.Directory.Records).Single(r => r.Component == component);

    /// <param name="incarnation">0: drawn.</param>
    /// <param name="machine">Null: one of its own.</param>
    public SimulatedNode AddNode(string name, ulong incarnation = 0, Machine? machine = null)
    {
        SimulatedNode node = new(this, name, ++_machines, machine ?? new(World, name, World.Random.Between(TimeSpan.Zero, TimeSpan.FromHours(1))), incarnation);
        Nodes.Add(node);
        return node;
    }

    public SimulatedClient AddClient(string serverName = "web.test", uint ingress = 1) => new(this, ++_machines, serverName, ingress);

    public void Crash(Machine machine)
    {
        machine.Crash();
        if (Ingresses.Find(ingress => ingress.Machine == machine)?.Directory is SharedDirectory.View view)
        {
            _shared!.OnCrash(view);
        }

        foreach (SimulatedLink link in Links.Where(l => l.Ends(machine)).ToArray())
        {
            link.Cut();
        }
    }

    /// <summary>The only ingress ends in the middle of its next write to the directory's log, of which any sectors are on the disk, and starts again.</summary>
    /// <param name="away">How long it is away; null: it does not end there any more.</param>
    public void CrashInNextWrite(TimeSpan? away) => _storage.Crash = away is TimeSpan time ? (World.Random, () => CrashIngress(time)) : null;

    /// <summary>Before the start: records of components that nobody hosts, so that the log of the only ingress ends anywhere in a sector.</summary>
    public void FillLog()
    {
        EmbeddedDirectory directory = new(_storage);
        for (int i = World.Random.Below(8); i >= 0; i--)
        {
            Member gone = new(new string('g', 1 + World.Random.Below(Names.MaxLength)), 1);
            directory.Do(new CreateOwnership(1, $"nobody-{i}", gone), gone);
        }
    }

    /// <summary>The links between two nodes; those to the ingress stay.</summary>
    public void CutLinks(SimulatedNode a, SimulatedNode b)
    {
        foreach (SimulatedLink link in Links.Where(l => l.Joins(a.Machine, b.Machine)).ToArray())
        {
            link.Cut();
        }
    }

    /// <summary>A new process of an ingress, with what the old one had on disk.</summary>
    public void RestartIngress(uint number = 1) => Ingresses[(int)number - 1] = StartIngress(number);

    /// <param name="by">The ingress that is asked.</param>
    public Move Migrate(string to, TimeSpan? timeout = null, string component = "web", uint by = 1)
    {
        Move move = new();
        Ingresses[(int)by - 1].Ask(move, new MigrateMessage(1, component, to, timeout ?? TimeSpan.FromSeconds(10)));
        return move;
    }

    public CheckpointCommand Checkpoint(string component = "web") => Ask(CheckpointAction.Take, 0, component);

    /// <param name="to">0: to the newest checkpoint.</param>
    public CheckpointCommand RollBack(ulong to = 0, string component = "web") => Ask(CheckpointAction.RollBack, to, component);

    /// <summary>Waits for it, and expects it to be done.</summary>
    public CheckpointReport Done(CheckpointCommand command)
    {
        RunUntil(() => command.IsOver, TimeSpan.FromSeconds(20), "answered");
        Assert.AreEqual(MigrateCode.None, command.Report!.Code, $"{command.Report}\n{Describe()}");
        return command.Report;
    }

    private CheckpointCommand Ask(CheckpointAction action, ulong number, string component)
    {
        CheckpointCommand command = new();
        Ingress.Ask(command, new CheckpointMessage(1, component, action, number, TimeSpan.FromSeconds(10)));
        return command;
    }

    public void Send(UdpAddress from, UdpAddress to, ReadOnlySpan<byte> bytes, Ecn ecn)
    {
        Trace(from.Port, bytes);
        World.Network = IsInside(from) && IsInside(to) ? Inside : Outside;
        World.Send(from, to, bytes, ecn);
    }

    public void Trace(int what, ReadOnlySpan<byte> bytes)
    {
        ulong hash = (TraceHash ^ (ulong)World.Now.Ticks) * FnvPrime;
        hash = (hash ^ (ulong)what) * FnvPrime;
        foreach (byte b in bytes)
        {
            hash = (hash ^ b) * FnvPrime;
        }

        TraceHash = hash;
    }

    /// <summary>A message is put on a link.</summary>
    public void OnSaid(Machine sender, string to, LinkMessage message)
    {
        if (s_isTraced && message is not (HeartbeatMessage or HeartbeatReplyMessage or MemberUpdateMessage))
        {
            Say($"{sender.Name} to {to}: {message}");
        }

        OnLinkMessage(sender, message);
    }

    public void Say(string line) => _log.Add($"{World.Now.Ticks / (double)TimeSpan.TicksPerMillisecond:F3} {line}");

    public bool HasSaid(string text) => _log.Any(line => line.Contains(text, StringComparison.Ordinal));

    public bool TryStep(Instant end)
    {
        if (!World.TryStep(end))
        {
            return false;
        }

        Events++;
        return true;
    }

    public void RunUntil(Func<bool> condition, TimeSpan limit, string what)
    {
        Instant end = World.Now + limit;
        while (!condition())
        {
            if (!TryStep(end))
            {
                Assert.Fail($"seed {_seed}: after {limit}: not {what}\n{Describe()}");
            }
        }
    }

    public void Run(TimeSpan span)
    {
        Instant end = World.Now + span;
        while (TryStep(end))
        {
        }

        World.Run(end - World.Now);
    }

    /// <summary>One owner, by the directory and by what the nodes do.</summary>
    public void AssertOneOwner()
    {
        SimulatedNode[] serving = [.. Nodes.Where(n => n.IsServing)];
        Assert.HasCount(1, serving, $"seed {_seed}: {serving.Length} nodes serve\n{Describe()}");
        Assert.AreEqual(Record.Owner, serving[0].Member, Describe());
        Assert.AreEqual(Record.Epoch, serving[0].Shard!.Channel.Epoch, Describe());
        Assert.IsEmpty(Faults, $"seed {_seed}: {string.Join('\n', Faults)}\n{Describe()}");
    }

    public string Describe()
    {
        IEnumerable<string> nodes = Nodes.Select(n =>
            $"{n.Member.Name}: up={n.Machine.IsUp} mode={n.Shard?.Channel.Mode} epoch={n.Shard?.Channel.Epoch} connections={n.Shard?.ConnectionCount}");
        return string.Join('\n', [.. nodes, $"record: {(IsIngressUp ? Ingress.Directory.Records.FirstOrDefault() : null)}", .. Faults.Select(f => f.ToString()), .. _log.TakeLast(s_isTraced ? 400 : 30)]);
    }

    private void CrashIngress(TimeSpan away)
    {
        Crash(Ingress.Machine);
        World.After(away, () => RestartIngress());
    }

    private SimulatedIngress StartIngress(uint number) => _shared is null ? new(this, _storage, Keys) : new(this, _shared.Open(number), Keys);

    private static bool IsInside(UdpAddress address) => address.ToEndPoint().Address.GetAddressBytes()[2] == 1;
}

/// <summary>A `continuum migrate` that waits for its answer.</summary>
internal sealed class Move : IControlPeer
{
    public MigrateReport? Report { get; private set; }

    public bool IsOver => Report is not null;

    public string Name => "command";

    public UdpAddress DataAddress => default;

    public void Send(LinkMessage message) => Report = (message as MigrateReplyMessage)?.Report ?? Report;

    public void Close()
    {
    }
}
