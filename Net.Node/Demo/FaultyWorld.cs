using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Runtime;

namespace Net.Node.Demo;

/// <summary>A world that does one thing wrong: shows that the verdict can fail.</summary>
internal sealed class FaultyWorld(IDemoWorld inner, Fault fault, long size) : IDemoWorld
{
    private int _moves;

    public IReadOnlyList<string> Nodes => inner.Nodes;

    public int Connections => inner.Connections;

    public int Handshakes => inner.Handshakes;

    public Task<IHttpConnection> ConnectAsync(CancellationToken cancellationToken) => inner.ConnectAsync(cancellationToken);

    public async Task<IHttpResponse> DownloadAsync(IHttpConnection connection, long length, CancellationToken cancellationToken)
    {
        if (fault == Fault.SecondHandshake)
        {
            IHttpConnection second = await inner.ConnectAsync(cancellationToken).ConfigureAwait(false);
            await using (second.ConfigureAwait(false))
            {
                // One small request: then its handshake is complete at the node, too.
                IHttpResponse nothing = await inner.DownloadAsync(second, 0, cancellationToken).ConfigureAwait(false);
                await nothing.DisposeAsync().ConfigureAwait(false);
            }
        }

        IHttpResponse response = await inner.DownloadAsync(connection, length, cancellationToken).ConfigureAwait(false);
        return fault == Fault.WrongByte ? new WrongByte(response, size / 2) : response;
    }

    public Task<IHttpResponse> AskValueAsync(IHttpConnection connection, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken) =>
        inner.AskValueAsync(connection, body, cancellationToken);

    public Task<CheckpointReport> CheckpointAsync(CancellationToken cancellationToken) => inner.CheckpointAsync(cancellationToken);

    public Task<CheckpointReport> RollBackAsync(ulong checkpoint, CancellationToken cancellationToken) => inner.RollBackAsync(checkpoint, cancellationToken);

    public async Task<MigrateReport> MoveAsync(string to, CancellationToken cancellationToken)
    {
        if (++_moves > 1 || fault != Fault.LostCommit)
        {
            return await inner.MoveAsync(to, cancellationToken).ConfigureAwait(false);
        }

        // Reported as every other move, and never written.
        (string owner, ulong epoch) = await inner.OwnerAsync(cancellationToken).ConfigureAwait(false);
        return new("web", owner, to, epoch + 1, true, 1, 0, TimeSpan.FromMilliseconds(1), 1, MigrateCode.None, "");
    }

    public Task<(string Owner, ulong Epoch)> OwnerAsync(CancellationToken cancellationToken) => inner.OwnerAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private sealed class WrongByte(IHttpResponse inner, long at) : IHttpResponse
    {
        private long _offset;

        public int Status => inner.Status;

        public long ContentLength => inner.ContentLength;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            int count = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (at >= _offset && at < _offset + count)
            {
                buffer.Span[(int)(at - _offset)] ^= 1;
            }

            _offset += count;
            return count;
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
