using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>One address of a network in memory: in order, nothing lost but what overflows, or what nobody is bound to.</summary>
internal sealed class MemoryChannel : IDatagramChannel
{
    /// <summary>Datagrams on their way to one end; what comes on top is lost, as in a router's queue.</summary>
    public const int DefaultQueueLimit = 4096;

    private readonly Lock _gate = new();
    private readonly Queue<(byte[] Bytes, NetworkPath Path, Ecn Ecn)> _arrived = new();
    private readonly ManualResetEventSlim _signal = new();
    private readonly int _queueLimit;
    private readonly Carry _carry;
    private readonly Action<MemoryChannel>? _onDisposed;

    /// <param name="local">The address that it is bound to.</param>
    /// <param name="carry">Takes what is sent.</param>
    /// <param name="queueLimit">Datagrams that wait to be received.</param>
    /// <param name="headroom">Bytes before each segment.</param>
    /// <param name="onDisposed">Told when the address is free again.</param>
    public MemoryChannel(UdpAddress local, Carry carry, int queueLimit = DefaultQueueLimit, int headroom = 0, Action<MemoryChannel>? onDisposed = null)
    {
        Local = local;
        Headroom = headroom;
        _carry = carry;
        _queueLimit = queueLimit;
        _onDisposed = onDisposed;
    }

    /// <summary>Brings one datagram to where it goes, or loses it.</summary>
    public delegate void Carry(MemoryChannel from, in NetworkPath path, byte[] datagram, Ecn ecn);

    public UdpAddress Local { get; }

    public int Headroom { get; }

    /// <summary>Two channels that are each other's whole network, whatever address is written on a datagram.</summary>
    public static (MemoryChannel First, MemoryChannel Second) CreatePair(
        UdpAddress first, UdpAddress second, int queueLimit = DefaultQueueLimit, int headroom = 0)
    {
        MemoryChannel? a = null, b = null;
        void Cross(MemoryChannel from, in NetworkPath path, byte[] datagram, Ecn ecn)
        {
            MemoryChannel to = from == a ? b! : a!;
            to.Arrive(datagram, new(from.Local, to.Local, 0), ecn);
        }

        a = new(first, Cross, queueLimit, headroom);
        b = new(second, Cross, queueLimit, headroom);
        return (a, b);
    }

    public bool TryReceive(ReceiveBatch batch)
    {
        batch.Clear();
        lock (_gate)
        {
            while (_arrived.Count > 0 && batch.TryReserve(out Span<byte> room))
            {
                (byte[] bytes, NetworkPath path, Ecn ecn) = _arrived.Dequeue();
                bytes.CopyTo(room);
                batch.Commit(bytes.Length, 0, path, ecn);
            }
        }

        return !batch.IsEmpty;
    }

    public bool TrySend(Span<byte> buffer, in Transmit transmit)
    {
        for (int at = 0; at < transmit.Length; at += Headroom + transmit.SegmentSize)
        {
            int length = int.Min(transmit.SegmentSize, transmit.Length - at - Headroom);
            _carry(this, transmit.Path, buffer.Slice(at + Headroom, length).ToArray(), transmit.Ecn);
        }

        return true;
    }

    public void Wait(TimeSpan timeout)
    {
        bool forever = timeout == Timeout.InfiniteTimeSpan || timeout > TimeSpan.FromDays(1);
        if (forever || timeout > TimeSpan.Zero)
        {
            _ = _signal.Wait(forever ? Timeout.InfiniteTimeSpan : timeout);
        }

        _signal.Reset();
        lock (_gate)
        {
            if (_arrived.Count > 0)
            {
                _signal.Set();
            }
        }
    }

    public void Wake() => _signal.Set();

    public void Dispose()
    {
        lock (_gate)
        {
            _arrived.Clear();
        }

        _onDisposed?.Invoke(this);
    }

    public void Arrive(byte[] datagram, in NetworkPath path, Ecn ecn)
    {
        lock (_gate)
        {
            if (_arrived.Count < _queueLimit)
            {
                _arrived.Enqueue((datagram, path, ecn));
            }
        }

        _signal.Set();
    }
}
