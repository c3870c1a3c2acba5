using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Migration.Hosting;

/// <summary>Datagrams for one socket, gathered into as few sends as their order allows: a GRO batch in becomes a GSO batch out.</summary>
/// <remarks>
/// Filled and sent by one thread. Several outboxes share a socket, whose lock they take to send. Whoever gathers under the router's lock takes
/// the socket's lock (<see cref="Seal"/>) before it leaves that of the router: so datagrams leave in the order in which they were decided.
/// </remarks>
internal sealed class IngressOutbox(IDatagramChannel channel, Lock socket)
{
    /// <summary>Bytes of one burst: an IP packet's 65,535 without the headers of IPv4 and UDP.</summary>
    public const int MaxBurst = 65_507;

    /// <summary>How often a full socket is tried again for one <see cref="Send"/>, a millisecond each; then what does not fit is lost, as datagrams are.</summary>
    public const int MaxRetries = 5;

    /// <summary>A received batch (384 KiB) with headers before small datagrams; more is sent in several goes.</summary>
    private const int Capacity = 1024 * 1024;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Capacity, pinned: true);
    private readonly List<Burst> _bursts = [];
    private int _used;
    private bool _isSealed;

    /// <summary>Datagrams that a full socket did not take in time.</summary>
    public long Lost { get; private set; }

    /// <summary>Sends that are gathered.</summary>
    public int Bursts => _bursts.Count;

    /// <summary>Room for the next datagram, to be filled at once.</summary>
    /// <param name="path">Remote: where to. Local: from which of our addresses; none leaves it to the system.</param>
    /// <param name="length">At most <see cref="MaxBurst"/>.</param>
    public Span<byte> Add(in NetworkPath path, Ecn ecn, int length)
    {
        if (_buffer.Length - _used < length)
        {
            // Everything before is decided, so it may go; the order of locks stays router, then socket.
            using (socket.EnterScope())
            {
                Send();
            }
        }

        int last = _bursts.Count - 1;
        if (last >= 0 && _bursts[last].Takes(path, ecn, length))
        {
            _bursts[last] = _bursts[last].With(length);
        }
        else
        {
            _bursts.Add(new(path, ecn, _used, length, 1, length));
        }

        Span<byte> room = _buffer.AsSpan(_used, length);
        _used += length;
        return room;
    }

    /// <summary>Takes the socket's lock, to be left by <see cref="SendSealed"/>. Call it while the router's lock is held.</summary>
    /// <param name="evenWhenEmpty">Waits until all that others have decided before has left.</param>
    public void Seal(bool evenWhenEmpty = false)
    {
        if (evenWhenEmpty || _bursts.Count > 0)
        {
            socket.Enter();
            _isSealed = true;
        }
    }

    /// <summary>Sends what is there, if anything was sealed.</summary>
    public void SendSealed()
    {
        if (!_isSealed)
        {
            return;
        }

        _isSealed = false;
        try
        {
            Send();
        }
        finally
        {
            socket.Exit();
        }
    }

    private void Send()
    {
        int retries = MaxRetries;
        foreach (Burst burst in _bursts)
        {
            Span<byte> bytes = _buffer.AsSpan(burst.Start, burst.Length);
            Transmit transmit = new(burst.Path, burst.SegmentSize, burst.Segments, burst.Length, burst.Ecn);
            while (!channel.TrySend(bytes, transmit))
            {
                if (retries-- <= 0)
                {
                    Lost += burst.Segments;
                    // An empty transmit ends the interrupted one: what the channel remembers of it must not count for the next.
                    _ = channel.TrySend([], new(burst.Path, 0, 1, 0, Ecn.NotEct));
                    break;
                }

                Thread.Sleep(1);
            }
        }

        _bursts.Clear();
        _used = 0;
    }

    /// <summary>One send: equally long datagrams for one address, the last perhaps shorter.</summary>
    private readonly record struct Burst(NetworkPath Path, Ecn Ecn, int Start, int SegmentSize, int Segments, int Length)
    {
        public bool Takes(in NetworkPath path, Ecn ecn, int length) =>
            length <= SegmentSize && Length == Segments * SegmentSize && Segments < Transmit.MaxSegments && Length + length <= MaxBurst
            && ecn == Ecn && path == Path;

        public Burst With(int length) => this with { Segments = Segments + 1, Length = Length + length };
    }
}
