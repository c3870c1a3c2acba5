using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>An unmodified client: opens a stream per job as soon as it may, and notes all that it sees.</summary>
internal sealed class StreamClient
{
    private readonly List<Exchange> _exchanges;

    public StreamClient(params (Job Job, byte[] Body)[] jobs) =>
        _exchanges = [.. jobs.Select(j => new Exchange(j.Job, [(byte)j.Job, .. j.Body]))];

    public IReadOnlyList<Exchange> Exchanges => _exchanges;

    public bool IsDone => _exchanges.All(e => e.IsDone);

    /// <summary>Something happened that no client should see.</summary>
    public string? Fault { get; private set; }

    public Connection? Connection { get; private set; }

    public void OnEvent(Connection connection, ConnectionEvent e)
    {
        Connection = connection;
        switch (e.Kind)
        {
            case ConnectionEventKind.EarlyData or ConnectionEventKind.HandshakeCompleted:
                foreach (Exchange exchange in _exchanges.Where(x => x.Id is null))
                {
                    Assert.IsTrue(connection.TryOpen(unidirectional: false, out StreamId id));
                    exchange.Id = id;
                    exchange.Write(connection);
                }

                break;
            case ConnectionEventKind.Closed:
                Fault ??= $"closed: {connection.CloseReason}";
                break;
            case ConnectionEventKind.Stream when _exchanges.Find(x => x.Id == e.Stream.Id && x.IsGivenUp) is Exchange givenUp:
                givenUp.OnEvent(connection, e.Stream.Kind);
                break;
            case ConnectionEventKind.Stream when e.Stream.Kind is StreamEventKind.ResetByPeer or StreamEventKind.StoppedByPeer:
                Fault ??= e.Stream.Kind.ToString();
                break;
            case ConnectionEventKind.Stream when _exchanges.Find(x => x.Id == e.Stream.Id) is Exchange exchange:
                exchange.Write(connection);
                if (!exchange.IsGivenUp)
                {
                    exchange.Read(connection);
                }

                break;
        }
    }

    /// <summary>One stream of the client.</summary>
    internal sealed class Exchange(Job job, byte[] request)
    {
        /// <summary>Bytes of a download after which it is stopped.</summary>
        private const int Enough = 2_000;

        private int _sent;

        public StreamId? Id { get; set; }

        public List<byte> Received { get; } = [];

        public bool IsDone { get; private set; }

        /// <summary>It was reset, or stopped, before its end.</summary>
        public bool IsGivenUp { get; private set; }

        /// <summary>Of a stream that is given up: it is over when both halves are.</summary>
        public void OnEvent(Connection connection, StreamEventKind kind)
        {
            _ = connection.ReadState(Id!.Value);
            IsDone |= kind == StreamEventKind.Closed;
        }

        public void Write(Connection connection)
        {
            if (_sent < request.Length)
            {
                int most = job == Job.Abandon ? request.Length / 2 : request.Length;
                _sent += connection.Write(Id!.Value, request.AsSpan(_sent, most - _sent), fin: most == request.Length);
                if (_sent >= most && job == Job.Abandon)
                {
                    IsGivenUp = true;
                    connection.Reset(Id!.Value, 11);
                }
            }
        }

        public void Read(Connection connection)
        {
            while (!IsDone && connection.Peek(Id!.Value) is { IsEmpty: false } bytes)
            {
                Received.AddRange(bytes);
                connection.Consume(Id!.Value, bytes.Length);
                if (job == Job.Refuse && Received.Count > Enough)
                {
                    IsGivenUp = true;
                    connection.StopSending(Id!.Value, 12);
                    return;
                }
            }

            IsDone |= !IsDone && connection.ReadState(Id!.Value).Kind == ReadEndKind.Finished;
        }
    }
}
