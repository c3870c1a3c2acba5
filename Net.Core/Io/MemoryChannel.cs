using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Two channels that are each other's network: in order, nothing lost but what overflows.</summary>
internal sealed class MemoryChannel : IDatagramChannel
{
    /// <summary>Datagrams on their way to one end; what comes on top is lost, as in a router's queue.</summary>
    public const int DefaultQueueLimit = 4096;

    private readonly Lock _gate = new();
    private readonly Queue<(byte[] Bytes, UdpAddress From, Ecn Ecn)> _arrived = new();
    private readonly ManualResetEventSlim _signal = new();
    private readonly int _queueLimit;
    private MemoryChannel? _peer;

    private MemoryChannel(UdpAddress local, int queueLimit, int headroom)
    {
        Local = local;
        Headroom = headroom;
        _queueLimit = queueLimit;
    }

    public UdpAddress Local { get; }

    public int Headroom { get; }

    public static (MemoryChannel First, MemoryChannel Second) CreatePair(
        UdpAddress first, UdpAddress second, int queueLimit = DefaultQueueLimit, int headroom = 0)
    {
        MemoryChannel a = new(first, queueLimit, headroom), b = new(second, queueLimit, headroom);
        a._peer = b;
        b._peer = a;
        return (a, b);
    }

    public bool TryReceive(ReceiveBatch batch)
    {
        batch.Clear();
        lock (_gate)
        {
            while (_arrived.Count > 0 && batch.TryReserve(out Span<byte> room))
            {
                (byte[] bytes, UdpAddress from, Ecn ecn) = _arrived.Dequeue();
                bytes.CopyTo(room);
                batch.Commit(bytes.Length, 0, new(from, Local, 0), ecn);
            }
        }

        return !batch.IsEmpty;
    }

    public bool TrySend(Span<byte> buffer, in Transmit transmit)
    {
        for (int at = 0; at < transmit.Length; at += Headroom + transmit.SegmentSize)
        {
            int length = int.Min(transmit.SegmentSize, transmit.Length - at - Headroom);
            _peer!.Arrive(buffer.Slice(at + Headroom, length).ToArray(), Local, transmit.Ecn);
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
    }

    private void Arrive(byte[] datagram, UdpAddress from, Ecn ecn)
    {
        lock (_gate)
        {
            if (_arrived.Count < _queueLimit)
            {
                _arrived.Enqueue((datagram, from, ecn));
            }
        }

        _signal.Set();
    }
}
