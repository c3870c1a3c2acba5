using System.Security.Cryptography;
using Net.Migration.Link;
using Net.Node.Runtime;
using Net.Node.Web;

namespace Net.Node.Demo;

/// <summary>One download, and moves of its server that are paced by its bytes.</summary>
internal sealed class MoveScenario(IDemoWorld world, IDemoView view, TimeProvider time)
{
    private const int PieceLength = 256 * 1024;

    /// <summary>While a move is under way each piece is this part of what may still be read, so that packets flow at every moment of it.</summary>
    private const int ShareWhileMoving = 64;

    private static readonly TimeSpan s_breathWhileMoving = TimeSpan.FromMilliseconds(2);

    /// <summary>A client that gets nothing for so long has been lost.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<DemoMove> _moves = [];
    private long _offset;
    private string? _broken;

    public async Task<DemoFacts> RunAsync(long size, int moves, CancellationToken cancellationToken)
    {
        bool isRight = false;
        int connections, handshakes;
        IHttpConnection connection = await world.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            try
            {
                IHttpResponse response = await world.DownloadAsync(connection, size, cancellationToken).ConfigureAwait(false);
                await using (response.ConfigureAwait(false))
                {
                    if (response.Status == 200)
                    {
                        await ReadAsync(response, size, moves, cancellationToken).ConfigureAwait(false);
                        isRight = _broken is null && _offset == size && _hash.GetHashAndReset().AsSpan().SequenceEqual(Expected(size));
                    }
                    else
                    {
                        _broken = $"the server answered {response.Status}";
                    }
                }
            }
            catch (IOException e)
            {
                _broken = $"the connection was lost at byte {Interlocked.Read(ref _offset)} ({e.Message.TrimEnd('.')})";
            }

            (connections, handshakes) = (world.Connections, world.Handshakes);
        }

        _hash.Dispose();
        return new(size, moves, _offset, isRight, connections, handshakes, _moves, _broken);
    }

    private async Task ReadAsync(IHttpResponse response, long size, int moves, CancellationToken cancellationToken)
    {
        Pacing pacing = new(size, moves);
        byte[] buffer = new byte[PieceLength];
        Task? moving = null;
        int ended = 0;
        try
        {
            while (true)
            {
                if (moving is { IsCompleted: true })
                {
                    await moving.ConfigureAwait(false);
                    moving = null;
                    ended++;
                }

                if (moving is null && pacing.IsDue(ended, _offset))
                {
                    moving = MoveAsync(ended, cancellationToken);
                }

                long room = pacing.Limit(ended, moving is not null) - _offset;
                if (room == 0 && moving is not null)
                {
                    await moving.ConfigureAwait(false);
                    continue;
                }

                // At the end one byte more is asked for: none must come.
                long piece = moving is null ? room : room / ShareWhileMoving;
                int count = await ReadPieceAsync(response, buffer.AsMemory(0, (int)Math.Clamp(piece, 1, PieceLength)), cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    return;
                }

                _hash.AppendData(buffer, 0, count);
                view.OnBytes(Interlocked.Add(ref _offset, count));
                if (moving is { IsCompleted: false })
                {
                    await Task.Delay(s_breathWhileMoving, cancellationToken).ConfigureAwait(false);
                }

                if (_offset > size)
                {
                    _broken = "more bytes came than were asked for";
                    return;
                }
            }
        }
        finally
        {
            // A move under way is waited for: what it did to the federation is a fact, too.
            if (moving is not null)
            {
                await moving.ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<int> ReadPieceAsync(IHttpResponse response, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        ValueTask<int> read = response.ReadAsync(buffer, cancellationToken);
        if (read.IsCompletedSuccessfully)
        {
            return read.Result;
        }

        try
        {
            return await read.AsTask().WaitAsync(Patience, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new IOException($"nothing came for {Patience.TotalSeconds:0} s");
        }
    }

    private async Task MoveAsync(int ended, CancellationToken cancellationToken) =>
        _moves.Add(await NextMove.MakeAsync(world, view, ended + 1, () => Interlocked.Read(ref _offset), cancellationToken).ConfigureAwait(false));

    private static byte[] Expected(long size)
    {
        KeyStream stream = new(size);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[PieceLength];
        for (long at = 0; at < size;)
        {
            int count = (int)Math.Min(PieceLength, size - at);
            stream.Read(at, buffer.AsSpan(0, count));
            hash.AppendData(buffer, 0, count);
            at += count;
        }

        return hash.GetHashAndReset();
    }
}
