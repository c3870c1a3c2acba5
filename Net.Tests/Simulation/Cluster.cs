using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>Nodes behind one public address, and a preferred one if the options name it: what an ingress and the hand-over do to connections, without the protocol between them.</summary>
/// <remarks>While a move lasts, datagrams for the public addresses are kept, as an ingress keeps them, and come first at the new owner, in order.</remarks>
internal sealed class Cluster
{
    private readonly World _world;
    private readonly Peer[] _nodes;
    private readonly ConnectionOptions _connections;
    private readonly UdpAddress[] _addresses;
    private readonly Queue<Datagram> _held = new();
    private ulong _epoch;
    private int _owner;

    public Cluster(World world, Action<Connection, ConnectionEvent> app, NonceLedger? ledger = null, int nodes = 3, EndpointOptions? options = null, ConnectionOptions? connections = null)
    {
        _connections = connections ?? ConnectionOptions.Default;
        _world = world;
        _nodes = [.. Enumerable.Range(1, nodes).Select(i => new Peer(world, $"10.0.1.{i}:443", ledger, options) { OnEvent = Note, SendsByPath = true })];
        UdpAddress preferred = (options ?? Peer.DefaultOptions).Connection.PreferredIPv4;
        _addresses = preferred.IsNone ? [Public] : [Public, preferred];
        Attach(Owner.Deliver);

        void Note(Connection connection, ConnectionEvent e)
        {
            if (e.Kind == ConnectionEventKind.Closed)
            {
                Closed.Add($"{world.Now}: {connection.CloseReason}");
            }

            app(connection, e);
        }
    }

    /// <summary>The node that owns the connections now. Clients connect to the first one's address.</summary>
    public Peer Owner => _nodes[_owner];

    public Peer Front => _nodes[0];

    public UdpAddress Public => _nodes[0].Address;

    /// <summary>Why connections ended at the nodes.</summary>
    public List<string> Closed { get; } = [];

    public int Moves { get; private set; }

    public int Aborts { get; private set; }

    public bool IsMoving { get; private set; }

    /// <summary>Some connection is confirmed, and none is half way through its handshake.</summary>
    public bool CanMove => !IsMoving
        && Owner.Endpoint.Connections.Any(c => c.IsConfirmed && c.IsOpen)
        && Owner.Endpoint.Connections.All(c => c.IsConfirmed && c.IsOpen);

    /// <summary>Freezes every connection, writes it down, restores it at the next node, and goes on there.</summary>
    /// <param name="lasts">Between the freeze and the first datagram of the new owner.</param>
    /// <param name="copiedAhead">The same connections' exports made earlier, completed by what changed since.</param>
    public void Move(TimeSpan lasts, CopyAhead? copiedAhead = null)
    {
        Peer source = Owner;
        Connection[] connections = [.. source.Endpoint.Connections];
        List<ConnectionImage> images = [];
        foreach (Connection connection in connections)
        {
            connection.Freeze(_world.Now);
            ConnectionImage image = copiedAhead?.Images[connection] ?? new();
            SnapshotWriter writer = new(_world.Now);
            connection.Export(copiedAhead?.Versions[connection] ?? 0, writer);
            image.Apply(writer.Written);
            images.Add(image);
            connection.Destroy();
            source.Endpoint.Remove(connection);
        }

        Hold();
        _world.After(lasts, () =>
        {
            _owner = (_owner + 1) % _nodes.Length;
            Moves++;
            _epoch++;
            Resume([.. images.Select(i => Connection.Import(i, _connections, Peer.Keys, _world.Now))]);
        });
    }

    /// <summary>Freezes and writes down as for a move, but goes on where it is.</summary>
    public void Abort(TimeSpan lasts)
    {
        Connection[] connections = [.. Owner.Endpoint.Connections];
        foreach (Connection connection in connections)
        {
            connection.Freeze(_world.Now);
            connection.Export(0, new SnapshotWriter(_world.Now));
        }

        Hold();
        _world.After(lasts, () =>
        {
            Aborts++;
            _epoch++;
            foreach (Connection connection in connections)
            {
                connection.Thaw(_epoch, _world.Now);
            }

            Release();
            Owner.Pump();
        });
    }

    /// <summary>Writes every connection down while it serves.</summary>
    public CopyAhead Copy()
    {
        CopyAhead copy = new();
        foreach (Connection connection in Owner.Endpoint.Connections)
        {
            SnapshotWriter writer = new(_world.Now);
            connection.Freeze(_world.Now);
            copy.Versions[connection] = connection.Export(0, writer);
            connection.Thaw(connection.Epoch, _world.Now);
            copy.Images[connection] = new();
            copy.Images[connection].Apply(writer.Written);
        }

        return copy;
    }

    private void Hold()
    {
        IsMoving = true;
        Attach(_held.Enqueue);
    }

    private void Resume(Connection[] connections)
    {
        foreach (Connection connection in connections)
        {
            connection.Thaw(_epoch, _world.Now);
            Owner.Endpoint.Adopt(connection);
        }

        Release();
        foreach (Connection connection in connections)
        {
            if (connection.IsOpen)
            {
                connection.Resume(samePath: true, speak: connection.IsActive || connection.HasToAcknowledge, _world.Now);
            }
        }

        Owner.Pump();
    }

    private void Attach(Action<Datagram> receiver)
    {
        foreach (UdpAddress address in _addresses)
        {
            _world.Attach(address, receiver);
        }
    }

    private void Release()
    {
        IsMoving = false;
        Attach(Owner.Deliver);
        while (_held.TryDequeue(out Datagram datagram))
        {
            Owner.Endpoint.OnDatagram(datagram.Bytes, new(datagram.From, datagram.To, 0), datagram.Ecn, _world.Now);
        }
    }
}

/// <summary>What was copied while the connections still served.</summary>
internal sealed class CopyAhead
{
    public Dictionary<Connection, ConnectionImage> Images { get; } = [];

    public Dictionary<Connection, ulong> Versions { get; } = [];
}
