using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Server;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Vectors;

/// <summary>Takes a component out of a golden snapshot and serves it: a node's shard, with neither a node's decisions nor a directory around it.</summary>
internal sealed class GoldenHost : IComponentRunner
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(250);

    private readonly World _world;
    private readonly Action _wake;
    private Stepper? _stepper;

    public GoldenHost(World world, GoldenIngress ingress, FederationKeys keys, uint shard, int number)
    {
        (_world, Ingress) = (world, ingress);
        // Its clock has nothing to do with the source's, nor with the other host's.
        Machine = new(world, $"host {number}", TimeSpan.FromHours(number));
        Assert.IsTrue(UdpAddress.TryParse($"10.0.1.{number}:5000", out UdpAddress address));
        SimulatedChannel channel = new(world, (from, to, bytes, ecn) => world.Send(from, to, bytes, ecn), Machine, address) { OnWake = () => _stepper?.Wake(TimeSpan.Zero) };
        (Address, _wake) = (address, channel.Wake);
        Shard = new(
            new("web", Component) { Connections = GoldenComponent.ServerConnections, Running = RunningRequests.Resume }, shard, keys, channel, new SimulatedCrypto(world), this,
            fault => throw new InvalidOperationException("a handler failed", fault), _ => true);
        Shard.Start();
    }

    public Machine Machine { get; }

    public TestComponent Component { get; } = new();

    public ComponentShard Shard { get; }

    public GoldenIngress Ingress { get; }

    public UdpAddress Address { get; }

    public bool RunsHandlersInline => true;

    public Instant Now => Machine.Now;

    public Func<long> WallClock => static () => 1_800_000_000;

    public IAsyncDisposable Start(ComponentShard component, string name)
    {
        _stepper = new(Machine, () => Instant.Min(component.Shard.Deadline, component.HandlerDeadline), () =>
        {
            component.TickHandlers(Now);
            while (component.Shard.Step(Now))
            {
            }
        });
        return new NothingToEnd();
    }

    /// <summary>Serves a component that was written down elsewhere, under the next epoch.</summary>
    public void Serve(ImageStore store, ulong epoch)
    {
        Shard.Restore(store, Now);
        // The snapshot names it by its number.
        uint ingress = Shard.Shard.Endpoint.Connections.First().Path.Ingress;
        Shard.SetIngress(ingress, GoldenIngress.NodeSide, Now);
        Shard.Channel.LeaseEnd = Instant.Never;
        (Ingress.Owner, Ingress.Epoch) = (Address, epoch);
        Shard.Serve(epoch, _ => { }, Now);
        _wake();
        Tick();
    }

    /// <summary>Requests come to their safe points.</summary>
    public void Hold()
    {
        Shard.HoldRequests();
        _wake();
        _world.RunUntil(() => Shard.IsQuiet, TimeSpan.FromSeconds(5));
    }

    public void Release()
    {
        Shard.ReleaseRequests(Now);
        _wake();
    }

    /// <summary>Freezes what is served and writes it down as a source does.</summary>
    public byte[] Leave(SnapshotBinding binding, byte[] key)
    {
        Hold();
        using ComponentExport export = new(binding, key);
        Shard.Checkpoints.BeginExport();
        while (Shard.Checkpoints.ExportNext(export, Now))
        {
        }

        FieldWriter parts = new();
        foreach (byte[] part in export.TakeAhead())
        {
            parts.WriteBool(false);
            parts.WriteVarBytes(part);
        }

        Shard.Freeze(Now);
        Assert.AreEqual(0U, Shard.ExportFinal(export, Now));
        foreach ((byte[] part, bool isLast) in export.TakeFinal())
        {
            parts.WriteBool(isLast);
            parts.WriteVarBytes(part);
        }

        Shard.Destroy(Now);
        return parts.Written.ToArray();
    }

    private void Tick()
    {
        Shard.Tethers.Tick(Now);
        _wake();
        Machine.After(s_tick, Tick);
    }

    private sealed class NothingToEnd : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>Passes datagrams on between clients and whoever owns the component. It knows no more than that.</summary>
internal sealed class GoldenIngress
{
    private readonly IngressTags _tags;
    private readonly World _world;
    private readonly uint _shard;

    public GoldenIngress(World world, FederationKeys keys, uint shard)
    {
        (_world, _shard, _tags) = (world, shard, new(keys.Tag, 1, 2));
        world.Attach(SimulatedIngress.Public, OnClient);
        world.Attach(NodeSide, OnNode);
    }

    public static UdpAddress NodeSide { get; } = UdpAddress.FromBytes([10, 0, 1, 100], 4000);

    public UdpAddress Owner { get; set; }

    public ulong Epoch { get; set; }

    private void OnClient(Datagram datagram)
    {
        byte[] bytes = new byte[IngressHeader.Length + datagram.Bytes.Length];
        datagram.Bytes.CopyTo(bytes, IngressHeader.Length);
        _tags.Write(bytes, new() { Type = IngressDatagram.Data, Epoch = Epoch, Shard = _shard, Client = datagram.From, Public = datagram.To, Ecn = datagram.Ecn });
        _world.Send(NodeSide, Owner, bytes);
    }

    private void OnNode(Datagram datagram)
    {
        if (_tags.TryOpen(datagram.Bytes, out IngressHeader header) && header is { Type: IngressDatagram.Data } && header.Epoch == Epoch)
        {
            _world.Send(SimulatedIngress.Public, header.Client, datagram.Bytes.AsSpan(IngressHeader.Length), header.Ecn);
        }
    }
}
