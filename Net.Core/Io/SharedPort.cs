using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>The books of a port that several threads serve, and the way from one of them to another. Thread-safe.</summary>
/// <remarks>
/// Asked when a connection begins and ends, and for datagrams that lead nowhere on the thread that they came to: never for a packet on its right way. So
/// one lock is enough.
/// </remarks>
internal sealed class SharedPort
{
    private readonly Lock _gate = new();
    private readonly PortBooks _books;
    private readonly Seat[] _seats;
    private readonly Dictionary<ConnectionId, int> _firsts;
    private readonly uint _shard;

    /// <param name="options">Give the limits, for all threads together, and the logical shard that all of them are.</param>
    /// <param name="strays">One queue per thread.</param>
    /// <param name="key32">Random.</param>
    public SharedPort(EndpointOptions options, IReadOnlyList<StrayQueue> strays, ReadOnlySpan<byte> key32)
    {
        _books = new(options);
        _shard = options.DefaultShard;
        _firsts = new(new ConnectionIdComparer(BitConverter.ToUInt64(key32), BitConverter.ToUInt64(key32[8..])));
        _seats = new Seat[strays.Count];
        for (int i = 0; i < _seats.Length; i++)
        {
            _seats[i] = new(this, i, new(BitConverter.ToUInt64(key32[16..]), BitConverter.ToUInt64(key32[24..]), i, _seats.Length), strays[i]);
        }
    }

    /// <summary>With a random key.</summary>
    public static SharedPort Of(EndpointOptions options, IReadOnlyList<StrayQueue> strays)
    {
        Span<byte> key = stackalloc byte[32];
        RandomNumberGenerator.Fill(key);
        return new(options, strays, key);
    }

    /// <summary>One per thread.</summary>
    public IReadOnlyList<Seat> Seats => _seats;

    /// <summary>The port as one of its threads sees it.</summary>
    internal sealed class Seat(SharedPort port, int thread, ThreadMark mark, StrayQueue strays) : IPortBooks
    {
        private int _handshakes;
        private int _connections;
        private bool _hasLeft;

        public ThreadMark Mark => mark;

        public StrayQueue Strays => strays;

        /// <summary>Of this thread alone.</summary>
        public int Connections => Volatile.Read(ref _connections);

        /// <summary>Of all threads: a client that floods one of them is noticed by all.</summary>
        public int Handshakes => port._books.Handshakes;

        public bool HasRoom
        {
            get
            {
                lock (port._gate)
                {
                    return port._books.HasRoom;
                }
            }
        }

        public bool TryBegin(ConnectionId first)
        {
            lock (port._gate)
            {
                if (_hasLeft || port._firsts.ContainsKey(first) || !port._books.TryBegin())
                {
                    return false;
                }

                port._firsts.Add(first, thread);
                _handshakes++;
                _connections++;
                return true;
            }
        }

        public void OnHandshakeEnded()
        {
            lock (port._gate)
            {
                if (!_hasLeft)
                {
                    port._books.OnHandshakeEnded();
                    _handshakes--;
                }
            }
        }

        public void OnAdded()
        {
            lock (port._gate)
            {
                port._books.OnAdded();
                _connections++;
            }
        }

        public void OnRemoved(ConnectionId? first)
        {
            lock (port._gate)
            {
                if (_hasLeft)
                {
                    return;
                }

                port._books.OnRemoved(first);
                _connections--;
                if (first is ConnectionId id)
                {
                    _ = port._firsts.Remove(id);
                }
            }
        }

        public bool IsUsed(UInt128 serial)
        {
            lock (port._gate)
            {
                return port._books.IsUsed(serial);
            }
        }

        public bool TryUse(UInt128 serial)
        {
            lock (port._gate)
            {
                return port._books.TryUse(serial);
            }
        }

        public bool TryTakeReset(Instant now)
        {
            lock (port._gate)
            {
                return port._books.TryTakeReset(now);
            }
        }

        public bool TryPass(in InvariantHeader header, ReadOnlySpan<byte> datagram, in NetworkPath path, Ecn ecn) =>
            Find(header) is int owner && owner != thread && port._seats[owner].Strays.TryAdd(datagram, path, ecn);

        /// <summary>The thread has ended, perhaps by a fault: its connections are gone, and with them what they had of the port.</summary>
        public void Leave()
        {
            strays.Close();
            lock (port._gate)
            {
                _hasLeft = true;
                port._books.OnLost(_handshakes, _connections);
                (_handshakes, _connections) = (0, 0);
                foreach (ConnectionId id in port._firsts.Where(entry => entry.Value == thread).Select(entry => entry.Key).ToArray())
                {
                    _ = port._firsts.Remove(id);
                }
            }
        }

        /// <summary>
        /// An ID of ours says itself whose it is. One that a client chose is known to all for as long as its connection lives: a client whose address
        /// changes before it knows an ID of ours goes on where it began.
        /// </summary>
        private int? Find(in InvariantHeader header)
        {
            if (CidLayout.TryReadShard(header.Destination.Span, null, out uint shard) && shard == port._shard && mark.TryRead(header.Destination, out int owner))
            {
                return owner;
            }

            if (!header.IsLong)
            {
                return null;
            }

            lock (port._gate)
            {
                return port._firsts.TryGetValue(header.Destination, out int first) ? first : null;
            }
        }
    }
}
