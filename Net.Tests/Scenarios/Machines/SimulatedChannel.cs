using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>A UDP socket of a machine.</summary>
internal sealed class SimulatedChannel : IDatagramChannel
{
    private const int QueueLimit = 4096;

    private readonly World _world;
    private readonly Send _send;
    private readonly Queue<(byte[] Bytes, UdpAddress From, Ecn Ecn)> _arrived = new();

    public SimulatedChannel(Federation federation, Machine machine, UdpAddress local)
        : this(federation.World, federation.Send, machine, local) { }

    /// <param name="send">The network: from, to, bytes, ECN.</param>
    public SimulatedChannel(World world, Send send, Machine machine, UdpAddress local)
    {
        (_world, _send, Local) = (world, send, local);
        Action<Datagram> deliver = datagram =>
        {
            if (machine.IsUp && _arrived.Count < QueueLimit)
            {
                _arrived.Enqueue((datagram.Bytes, datagram.From, datagram.Ecn));
                Wake();
            }
        };
        Nat = new(world, deliver);
        world.Attach(local, deliver);
    }

    public delegate void Send(UdpAddress from, UdpAddress to, ReadOnlySpan<byte> bytes, Ecn ecn);

    public UdpAddress Local { get; }

    /// <summary>Between the machine and the network; at first it changes nothing.</summary>
    public Nat Nat { get; }

    public int Headroom => 0;

    /// <summary>Called when there is something to do.</summary>
    public Action OnWake { get; set; } = () => { };

    /// <summary>Sees what is sent, before it is.</summary>
    public Action<Memory<byte>, Transmit> OnSending { get; set; } = (_, _) => { };

    /// <summary>One send in so many finds the socket's buffer full.</summary>
    public int BlockedOneIn { get; set; }

    public bool TryReceive(ReceiveBatch batch)
    {
        batch.Clear();
        while (_arrived.Count > 0 && batch.TryReserve(out Span<byte> room))
        {
            (byte[] bytes, UdpAddress from, Ecn ecn) = _arrived.Dequeue();
            bytes.CopyTo(room);
            batch.Commit(bytes.Length, 0, new(from, Local, 0), ecn);
        }

        return !batch.IsEmpty;
    }

    public bool TrySend(Span<byte> buffer, in Transmit transmit)
    {
        if (_world.Random.OneIn(BlockedOneIn))
        {
            return false;
        }

        byte[] bytes = buffer[..transmit.Length].ToArray();
        OnSending(bytes, transmit);
        for (int at = 0; at < transmit.Length; at += transmit.SegmentSize)
        {
            _send(Nat.Outside(Local), transmit.Path.Remote, bytes.AsSpan(at, int.Min(transmit.SegmentSize, transmit.Length - at)), transmit.Ecn);
        }

        return true;
    }

    public void Wait(TimeSpan timeout)
    {
    }

    public void Wake() => OnWake();

    public void Dispose() => _arrived.Clear();
}
