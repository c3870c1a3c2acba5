using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>An unmodified client: opens a stream per job as soon as it may, and notes all that it sees.</summary>
internal sealed class StreamClient
{
    private readonly List<Exchange> _exchanges;

    public StreamClient(params (Job Job, byte[] Body)[] jobs) =>
        _exchanges = [.. jobs.Select(j => new Exchange([(byte)j.Job, .. j.Body]))];

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
            case ConnectionEventKind.HandshakeCompleted:
                foreach (Exchange exchange in _exchanges)
                {
                    Assert.IsTrue(connection.TryOpen(unidirectional: false, out StreamId id));
                    exchange.Id = id;
                    exchange.Write(connection);
                }

                break;
            case ConnectionEventKind.Closed:
                Fault ??= $"closed: {connection.CloseReason}";
                break;
            case ConnectionEventKind.Stream when e.Stream.Kind is StreamEventKind.ResetByPeer or StreamEventKind.StoppedByPeer:
                Fault ??= e.Stream.Kind.ToString();
                break;
            case ConnectionEventKind.Stream when _exchanges.Find(x => x.Id == e.Stream.Id) is Exchange exchange:
                exchange.Write(connection);
                exchange.Read(connection);
                break;
        }
    }

    /// <summary>One stream of the client.</summary>
    internal sealed class Exchange(byte[] request)
    {
        private int _sent;

        public StreamId? Id { get; set; }

        public List<byte> Received { get; } = [];

        public bool IsDone { get; private set; }

        public void Write(Connection connection)
        {
            if (_sent < request.Length)
            {
                _sent += connection.Write(Id!.Value, request.AsSpan(_sent), fin: true);
            }
        }

        public void Read(Connection connection)
        {
            while (!IsDone && connection.Peek(Id!.Value) is { IsEmpty: false } bytes)
            {
                Received.AddRange(bytes);
                connection.Consume(Id!.Value, bytes.Length);
            }

            IsDone |= !IsDone && connection.ReadState(Id!.Value).Kind == ReadEndKind.Finished;
        }
    }
}
