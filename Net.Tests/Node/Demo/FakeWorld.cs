using Net.Migration.Link;
using Net.Node.Demo;
using Net.Node.Runtime;
using Net.Node.Web;

namespace Net.Tests.Node.Demo;

/// <summary>A federation of numbers: downloads are key stream, moves take as long as the test wants.</summary>
internal sealed class FakeWorld : IDemoWorld
{
    private int _owner;
    private ulong _epoch = 1;

    public IReadOnlyList<string> Nodes { get; } = ["a", "b"];

    public int Connections { get; private set; }

    public int Handshakes { get; private set; }

    /// <summary>Ended before a move is answered: how long moves take.</summary>
    public Func<Task> MoveTakes { get; set; } = () => Task.CompletedTask;

    /// <summary>Where the connection breaks.</summary>
    public long BreaksAt { get; set; } = long.MaxValue;

    /// <summary>Bytes that come beyond those asked for, or that are missing.</summary>
    public int Excess { get; set; }

    public int Status { get; set; } = 200;

    public MigrateCode Refusal { get; set; }

    /// <summary>The most that one read gives.</summary>
    public int Piece { get; set; } = 10_000;

    /// <summary>What each read asked for at most, in order, with the offset after it.</summary>
    public long Offset { get; private set; }

    public Task<IHttpConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Connections++;
        Handshakes++;
        return Task.FromResult<IHttpConnection>(new FakeConnection(this));
    }

    /// <summary>What a roll-back leaves undone.</summary>
    public string Forgets { get; set; } = "";

    private string _value = "", _kept = "";

    private int _generation;

    public Task<IHttpResponse> AskValueAsync(IHttpConnection connection, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken)
    {
        if (body is ReadOnlyMemory<byte> value)
        {
            _value = System.Text.Encoding.ASCII.GetString(value.Span);
        }

        return Task.FromResult<IHttpResponse>(new ValueResponse(body is null ? _value : "", body is null ? 200 : 204));
    }

    public Task<CheckpointReport> CheckpointAsync(CancellationToken cancellationToken)
    {
        _kept = _value;
        return Task.FromResult(new CheckpointReport("web", "a", _epoch, Forgets == "checkpoint" ? 0ul : 3, 9, 1, 0, 0, [3], Forgets == "checkpoint" ? MigrateCode.Refused : MigrateCode.None, "no state"));
    }

    public Task<CheckpointReport> RollBackAsync(ulong checkpoint, CancellationToken cancellationToken)
    {
        _value = Forgets == "state" ? _value : _kept;
        _generation += Forgets == "reset" ? 0 : 1;
        return Task.FromResult(new CheckpointReport(
            "web", Nodes[_owner], _epoch, Forgets == "number" ? 4 : checkpoint, 9, 1, 0, 1, [3], Forgets == "roll-back" ? MigrateCode.Refused : MigrateCode.None, "not that one"));
    }

    public Task<IHttpResponse> DownloadAsync(IHttpConnection connection, long size, CancellationToken cancellationToken) =>
        connection.GetAsync("here", $"/bytes/{size}", cancellationToken);

    public async Task<MigrateReport> MoveAsync(string to, CancellationToken cancellationToken)
    {
        await MoveTakes();
        string from = Nodes[_owner];
        if (Refusal != MigrateCode.None)
        {
            return new("web", from, to, _epoch, false, 0, 0, default, 0, Refusal, "refused");
        }

        _owner = Nodes[0] == to ? 0 : 1;
        return new("web", from, to, ++_epoch, true, 1, 0, TimeSpan.FromMilliseconds(2), 1000, MigrateCode.None, "");
    }

    public Task<(string Owner, ulong Epoch)> OwnerAsync(CancellationToken cancellationToken) => Task.FromResult((Nodes[_owner], _epoch));

    public ValueTask DisposeAsync() => default;

    private sealed class FakeConnection(FakeWorld world) : IHttpConnection
    {
        public Task<IHttpResponse> GetAsync(string authority, string pathAndQuery, CancellationToken cancellationToken) =>
            Task.FromResult<IHttpResponse>(new FakeResponse(world, long.Parse(pathAndQuery["/bytes/".Length..], System.Globalization.CultureInfo.InvariantCulture)));

        public Task<IHttpResponse> PutAsync(string authority, string pathAndQuery, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => default;
    }

    private sealed class ValueResponse(string value, int status) : IHttpResponse
    {
        private int _offset;

        public int Status => status;

        public long ContentLength => value.Length;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            int count = int.Min(buffer.Length, value.Length - _offset);
            System.Text.Encoding.ASCII.GetBytes(value.AsSpan(_offset, count), buffer.Span);
            _offset += count;
            return new(count);
        }

        public ValueTask DisposeAsync() => default;
    }

    private sealed class FakeResponse(FakeWorld world, long size) : IHttpResponse
    {
        private readonly int _generation = world._generation;
        private long _offset;

        public int Status => world.Status;

        public long ContentLength => size;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            await Task.Yield();
            int count = (int)Math.Min(Math.Min(buffer.Length, world.Piece), size + world.Excess - _offset);
            if (_generation != world._generation)
            {
                throw new IOException("reset.");
            }

            if (_offset + count > world.BreaksAt)
            {
                throw new IOException("broken.");
            }

            new KeyStream(KeyStream.MaxLength).Read(_offset, buffer.Span[..count]);
            _offset += count;
            world.Offset = Math.Max(world.Offset, _offset);
            return count;
        }

        public ValueTask DisposeAsync() => default;
    }
}
