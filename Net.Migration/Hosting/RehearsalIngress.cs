using Net.Core.Crypto;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>The ingress of a <see cref="HandOverRehearsal"/>: the real router, desk and directory, without sockets, threads and files.</summary>
internal sealed class RehearsalIngress : IIngressRoutes
{
    private readonly HandOverRehearsal _rehearsal;
    private readonly Router _router;
    private readonly IngressTags _tags;
    private Instant _now;

    public RehearsalIngress(HandOverRehearsal rehearsal, FederationKeys keys, Instant now)
    {
        (_rehearsal, _now) = (rehearsal, now);
        _router = new(new(), ProtectionSuites.Default, keys.ForRouters().Shards, 1, 2);
        _tags = new(keys.Tag, 3, 4);
        Desk = new(new EmbeddedDirectory(new NoStorage()), this, keys, new(), static _ => { }, now);
    }

    public static UdpAddress Public { get; } = Address(1, 443);

    public static UdpAddress NodeSide { get; } = Address(1, 4000);

    public ControlDesk Desk { get; }

    public Dictionary<UdpAddress, RehearsalChannel> Nodes { get; } = [];

    public Action<byte[]> ToClient { get; set; } = static _ => { };

    public static UdpAddress Address(byte host, ushort port) => UdpAddress.FromEndPoint(new(new System.Net.IPAddress([192, 0, 2, host]), port));

    /// <summary>What `continuum migrate` asks for.</summary>
    public void Ask(MigrateMessage message, Action<MigrateReport> answer) => _rehearsal.Post(now => Desk.OnMessage(new Command(answer), message, now));

    public void OnClient(byte[] datagram, UdpAddress from, Instant now)
    {
        _now = now;
        Route route = _router.OnClient(from, Public, Ecn.NotEct, 0, datagram, now);
        if (route.Verdict is RouteVerdict.Forward)
        {
            ToNode(
                route.Node,
                new() { Type = IngressDatagram.Data, Epoch = route.Epoch, Shard = route.Shard, Client = from, Public = Public },
                datagram);
        }

        TakeOutputs();
    }

    public void OnNode(byte[] datagram, Instant now)
    {
        _now = now;
        if (_tags.TryOpen(datagram, out IngressHeader header) && _router.OnNode(header, datagram.AsSpan(IngressHeader.Length), now) is RouteVerdict.Forward)
        {
            ToClient(datagram[IngressHeader.Length..]);
        }

        TakeOutputs();
    }

    public void OnMember(NodeInfo node, bool isAlive)
    {
        _router.OnMember(node, isAlive);
        TakeOutputs();
    }

    public void OnRecord(OwnershipRecord record)
    {
        _router.OnRecord(record, _now);
        TakeOutputs();
    }

    public void OnSynchronized()
    {
        _router.OnSynchronized(_now);
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

    private void TakeOutputs()
    {
        while (_router.TryTakeOutput(out RouterOutput output))
        {
            if (output.Kind is RouterOutputKind.ToNode)
            {
                ToNode(output.Node, output.Header, output.Bytes.Span);
            }
            else if (output.Kind is RouterOutputKind.ToClient)
            {
                ToClient(output.Bytes.ToArray());
            }
        }
    }

    private void ToNode(UdpAddress node, in IngressHeader header, ReadOnlySpan<byte> body)
    {
        byte[] bytes = new byte[IngressHeader.Length + body.Length];
        body.CopyTo(bytes.AsSpan(IngressHeader.Length));
        _tags.Write(bytes, header);
        Nodes[node].Arrive(bytes, NodeSide);
    }

    private sealed class Command(Action<MigrateReport> answer) : IControlPeer
    {
        public string Name => "command";

        public UdpAddress DataAddress => default;

        public void Send(LinkMessage message)
        {
            if (message is MigrateReplyMessage reply)
            {
                answer(reply.Report);
            }
        }

        public void Close()
        {
        }
    }

    private sealed class NoStorage : IDirectoryStorage
    {
        public ReadOnlyMemory<byte> Load() => default;

        public void Truncate(long length)
        {
        }

        public bool TryMakeRoom(int bytes) => true;

        public bool TryReplace(ReadOnlySpan<byte> log) => true;

        public void Append(ReadOnlySpan<byte> bytes)
        {
        }
    }
}

/// <summary>A link's end in a rehearsal: what is said goes through the codec, and is heard in a later turn.</summary>
internal sealed class RehearsalLink : ILink, IControlPeer
{
    private Action<LinkMessage> _deliver = static _ => { };

    public RehearsalLink(string name, string peerName)
    {
        PeerName = peerName;
        Other = new(this, name);
    }

    private RehearsalLink(RehearsalLink other, string peerName) => (Other, PeerName) = (other, peerName);

    public RehearsalLink Other { get; }

    public string PeerName { get; }

    public string Name => PeerName;

    public UdpAddress DataAddress => RehearsalIngress.NodeSide;

    public object? State { get; set; }

    public void Deliver(Action<LinkMessage> deliver) => _deliver = deliver;

    public void Send(LinkMessage message)
    {
        if (LinkCodec.TryRead(LinkCodec.Write(message), out _, out LinkMessage? read) is LinkRead.Message)
        {
            Other._deliver(read!);
        }
    }

    public void Close()
    {
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
