using System.Text;
using Net.Migration.Link;
using Net.Node.Runtime;
using Net.Node.Web;

namespace Net.Node.Demo;

/// <summary>One client, one connection, and rounds in which the component goes back to the one checkpoint that was made at the beginning.</summary>
/// <remarks>
/// A round puts a value and begins a download, which has to be cut by the roll-back; a new request has to see the value of the checkpoint; then comes
/// a download that counts, and in the middle of it the component moves, with its checkpoint, to the other node. So every second round goes
/// back on a node that the checkpoint was not made on.
/// </remarks>
internal sealed class RollBackScenario(IDemoWorld world, IDemoView view, TimeProvider time)
{
    private const int PieceLength = 256 * 1024;
    private const string Kept = "0";

    private readonly List<DemoMove> _moves = [];
    private readonly List<DemoRollBack> _backs = [];
    private long _offset;
    private bool _isRight = true;
    private string? _broken;

    public async Task<DemoFacts> RunAsync(long size, int rounds, CancellationToken cancellationToken)
    {
        int connections, handshakes;
        IHttpConnection connection = await world.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            try
            {
                await PutAsync(connection, Kept, cancellationToken).ConfigureAwait(false);
                CheckpointReport checkpoint = await world.CheckpointAsync(cancellationToken).ConfigureAwait(false);
                _broken = checkpoint.Code == MigrateCode.None ? null : $"no checkpoint was made: {checkpoint.Message}";
                Pacing pacing = new(size, rounds);
                for (int round = 1; round <= rounds && _broken is null; round++)
                {
                    await RollBackAsync(connection, checkpoint.Number, round, cancellationToken).ConfigureAwait(false);
                    await DownloadAsync(connection, pacing.Threshold(round) - pacing.Threshold(round - 1), round, cancellationToken).ConfigureAwait(false);
                }

                await DownloadAsync(connection, size - pacing.Threshold(rounds), 0, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                _broken ??= $"the connection was lost at byte {_offset} ({e.Message.TrimEnd('.')})";
            }

            (connections, handshakes) = (world.Connections, world.Handshakes);
        }

        return new(size, rounds, _offset, _isRight && _broken is null && _offset == size, connections, handshakes, _moves, _broken) { RollBacks = _backs };
    }

    private async Task RollBackAsync(IHttpConnection connection, ulong checkpoint, int round, CancellationToken cancellationToken)
    {
        string later = $"{round}";
        await PutAsync(connection, later, cancellationToken).ConfigureAwait(false);
        string before = await GetAsync(connection, cancellationToken).ConfigureAwait(false);
        if (before != later)
        {
            _broken = $"the component's value is '{before}', where '{later}' was put";
            return;
        }

        IHttpResponse doomed = await world.DownloadAsync(connection, KeyStream.MaxLength, cancellationToken).ConfigureAwait(false);
        await using (doomed.ConfigureAwait(false))
        {
            byte[] buffer = new byte[PieceLength];
            _ = await ReadAsync(doomed, buffer, cancellationToken).ConfigureAwait(false);
            CheckpointReport report = await world.RollBackAsync(checkpoint, cancellationToken).ConfigureAwait(false);
            bool wasCut = report.Code == MigrateCode.None && await IsCutAsync(doomed, buffer, cancellationToken).ConfigureAwait(false);
            string seen = await GetAsync(connection, cancellationToken).ConfigureAwait(false);
            DemoRollBack back = new(report, checkpoint, wasCut, seen, Kept, _offset);
            _backs.Add(back);
            view.OnRollBack(round, back);
        }
    }

    /// <summary>What had arrived before comes first.</summary>
    private async Task<bool> IsCutAsync(IHttpResponse response, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            for (long left = 1L << 30; left > 0;)
            {
                int count = await ReadAsync(response, buffer, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    return false;
                }

                left -= count;
            }

            return false;
        }
        catch (IOException e) when (e is not SilenceException)
        {
            return true;
        }
    }

    /// <summary>A download of this round; in its middle a move, unless <paramref name="move"/> is 0.</summary>
    private async Task DownloadAsync(IHttpConnection connection, long size, int move, CancellationToken cancellationToken)
    {
        if (size == 0 || _broken is not null)
        {
            return;
        }

        KeyStream expected = new(size);
        byte[] buffer = new byte[PieceLength], right = new byte[PieceLength];
        IHttpResponse response = await world.DownloadAsync(connection, size, cancellationToken).ConfigureAwait(false);
        await using (response.ConfigureAwait(false))
        {
            if (response.Status != 200)
            {
                _broken = $"the server answered {response.Status}";
                return;
            }

            long at = 0;
            bool hasMoved = move == 0;
            while (at < size)
            {
                long stop = hasMoved ? size : Math.Max(1, size / 2);
                int count = await ReadAsync(response, buffer.AsMemory(0, (int)Math.Min(PieceLength, stop - at)), cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    return;
                }

                expected.Read(at, right.AsSpan(0, count));
                _isRight &= buffer.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count));
                (at, _offset) = (at + count, _offset + count);
                view.OnBytes(_offset);
                if (!hasMoved && at == stop)
                {
                    hasMoved = true;
                    _moves.Add(await NextMove.MakeAsync(world, view, move, () => _offset, cancellationToken).ConfigureAwait(false));
                }
            }

            if (await ReadAsync(response, buffer, cancellationToken).ConfigureAwait(false) != 0)
            {
                _broken = "more bytes came than were asked for";
            }
        }
    }

    private async Task PutAsync(IHttpConnection connection, string value, CancellationToken cancellationToken)
    {
        IHttpResponse response = await world.AskValueAsync(connection, Encoding.ASCII.GetBytes(value), cancellationToken).ConfigureAwait(false);
        await using (response.ConfigureAwait(false))
        {
            if (response.Status != 204 || await ReadAsync(response, new byte[1], cancellationToken).ConfigureAwait(false) != 0)
            {
                throw new IOException($"the server answered {response.Status} to a PUT");
            }
        }
    }

    private async Task<string> GetAsync(IHttpConnection connection, CancellationToken cancellationToken)
    {
        IHttpResponse response = await world.AskValueAsync(connection, null, cancellationToken).ConfigureAwait(false);
        await using (response.ConfigureAwait(false))
        {
            byte[] value = new byte[SharedValue.MaxLength];
            int length = 0;
            for (int count; length < value.Length && (count = await ReadAsync(response, value.AsMemory(length), cancellationToken).ConfigureAwait(false)) > 0;)
            {
                length += count;
            }

            return Encoding.ASCII.GetString(value, 0, length);
        }
    }

    private async ValueTask<int> ReadAsync(IHttpResponse response, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await response.ReadAsync(buffer, cancellationToken).AsTask().WaitAsync(MoveScenario.Patience, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new SilenceException();
        }
    }

    /// <summary>Nothing came, which is no reset.</summary>
    private sealed class SilenceException() : IOException($"nothing came for {MoveScenario.Patience.TotalSeconds:0} s");
}
