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

        public ValueTask DisposeAsync() => default;
    }

    private sealed class FakeResponse(FakeWorld world, long size) : IHttpResponse
    {
        private long _offset;

        public int Status => world.Status;

        public long ContentLength => size;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            await Task.Yield();
            int count = (int)Math.Min(Math.Min(buffer.Length, world.Piece), size + world.Excess - _offset);
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
