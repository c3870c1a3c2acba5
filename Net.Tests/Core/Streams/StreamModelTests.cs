using Net.Core.Errors;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class StreamModelTests
{
    /// <summary>
    /// Goal: every byte and every end arrives once and in order, whatever the network and the movers do.
    /// Method: many streams both ways with small windows; parcels are lost, doubled, reordered, declared lost though they arrive late; both ends
    /// move at random moments; at the end all is compared and nothing may be left.
    /// </summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(6)]
    public void Streams_survive_loss_reordering_and_moves(int seed)
    {
        Random random = new(seed);
        StreamOptions options = new()
        {
            StreamWindow = 8000,
            ConnectionWindow = 20_000,
            SendBuffer = 12_000,
            MaxBidirectional = 4,
            MaxUnidirectional = 2,
        };
        StreamPair pair = new(options);
        Side client = new(pair.Client, random, isServer: false), server = new(pair.Server, random, isServer: true);
        for (int step = 0; !(client.IsFinished && server.IsFinished); step++)
        {
            Assert.IsLessThan(200_000, step, "no progress");
            (Side from, Side to) = random.Next(2) == 0 ? (client, server) : (server, client);
            switch (random.Next(20))
            {
                case 0:
                    from.Table = StreamPair.Move(from.Table);
                    break;
                case < 5:
                    from.Application();
                    break;
                case < 12 when from.Table.HasFrames && from.Flight.Count < 30:
                    Parcel parcel = StreamPair.Write(from.Table, random.Next(60, 1400));
                    Assert.IsNotEmpty(parcel.Payload);
                    from.Flight.Add(parcel);
                    break;
                case < 17 when from.Flight.Count > 0:
                    Parcel arrived = from.Flight[random.Next(from.Flight.Count)];
                    Assert.AreEqual(TransportError.None, StreamPair.Deliver(to.Table, arrived));
                    if (random.Next(4) != 0)
                    {
                        // Acknowledged; else it stays: it will arrive again, or be called lost though it came.
                        StreamPair.Acknowledge(from.Table, arrived);
                        from.Flight.Remove(arrived);
                    }

                    break;
                case 17 when from.Flight.Count > 0:
                    Parcel lost = from.Flight[random.Next(from.Flight.Count)];
                    StreamPair.Lose(from.Table, lost);
                    if (random.Next(3) != 0)
                    {
                        from.Flight.Remove(lost);
                    }

                    break;
            }
        }

        Assert.IsTrue(client.Received.Count > 0 && client.Received.Count == server.Written.Count, "every stream was seen");
        foreach ((ulong id, List<byte> sent) in client.Written)
        {
            CollectionAssert.AreEqual(sent, server.Received[id], $"stream {id}");
        }

        foreach ((ulong id, List<byte> sent) in server.Written)
        {
            CollectionAssert.AreEqual(sent, client.Received[id], $"stream {id}");
        }

        Assert.AreEqual((0UL, 0UL), (client.Table.Unread, server.Table.Unread));
    }

    private sealed class Side(StreamTable table, Random random, bool isServer)
    {
        private const int StreamsOfEach = 12;

        private readonly Dictionary<ulong, byte[]> _plans = [];
        private readonly HashSet<ulong> _ended = [];
        private readonly HashSet<ulong> _readable = [];
        private int _opened;

        public StreamTable Table { get; set; } = table;

        public List<Parcel> Flight { get; } = [];

        public Dictionary<ulong, List<byte>> Written { get; } = [];

        public Dictionary<ulong, List<byte>> Received { get; } = [];

        public bool IsFinished => _opened == StreamsOfEach && Table.Count == 0;

        public void Application()
        {
            if (_opened < StreamsOfEach && Table.TryOpen(unidirectional: _opened % 3 == 0, out StreamId id))
            {
                _opened++;
                Plan(id);
            }

            foreach (StreamEvent e in StreamPair.Events(Table))
            {
                if (e.Kind == StreamEventKind.Opened && e.Id.IsBidirectional)
                {
                    Plan(e.Id);
                }

                Assert.IsFalse(e.Kind is StreamEventKind.ResetByPeer or StreamEventKind.StoppedByPeer);
                _ = e.Kind == StreamEventKind.Readable && _readable.Add(e.Id.Value);
            }

            foreach ((ulong number, byte[] plan) in _plans)
            {
                List<byte> written = Written[number];
                if (!_ended.Contains(number) && random.Next(2) == 0)
                {
                    int length = random.Next(plan.Length - written.Count + 1);
                    bool fin = written.Count + length == plan.Length;
                    int taken = Table.Write(new(number), plan.AsSpan(written.Count, length), fin);
                    written.AddRange(plan.AsSpan(written.Count, taken));
                    _ = fin && taken == length && _ended.Add(number);
                }
            }

            foreach (ulong number in _readable.ToArray())
            {
                Read(new(number));
            }
        }

        private void Plan(StreamId id)
        {
            Table.SetPriority(id, random.Next(8), random.Next(2) == 0);
            _plans.Add(id.Value, StreamPair.Pattern(random.Next(4) == 0 ? 0 : random.Next(30_000), (int)id.Value + (isServer ? 1000 : 0)));
            Written.Add(id.Value, []);
        }

        private void Read(StreamId id)
        {
            if (!Received.TryGetValue(id.Value, out List<byte>? received))
            {
                Received.Add(id.Value, received = []);
            }

            ReadOnlySpan<byte> piece = Table.Peek(id);
            piece = piece[..random.Next(piece.Length + 1)];
            received.AddRange(piece);
            Table.Consume(id, piece.Length);
            if (Table.Peek(id).IsEmpty)
            {
                // Told again when more comes; the end is told with the last bytes.
                _readable.Remove(id.Value);
                Table.ReadState(id);
            }
        }
    }
}
