using System.Text;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Time;

namespace QuicEndpoint;

/// <summary>HTTP/0.9 over QUIC on a client's connection: each bidirectional stream carries <c>GET /path</c> and a line's end, and is answered by a file.</summary>
internal sealed class HqServer : IConnectionOwner
{
    private const int MaxRequest = 8 * 1024;

    /// <summary>The runner defines no codes: this one says that the request was not one, or that there is no such file.</summary>
    private const long RefusedCode = 1;

    private readonly ConnectionDriver _driver;
    private readonly WwwFolder _files;

    public HqServer(Shard shard, Connection connection, WwwFolder files)
    {
        _files = files;
        _driver = new(shard, connection, defaultStreamErrorCode: 0, onEnded: () => { });
        _ = AcceptAsync();
    }

    public void OnEvents(Connection connection, Instant now) => _driver.OnEvents(connection, now);

    public void OnShardStopped(Exception? fault) => _driver.OnShardStopped(fault);

    /// <summary>The path of a request that is complete; null for anything else.</summary>
    public static string? ReadRequest(ReadOnlySpan<byte> line)
    {
        string text = Encoding.UTF8.GetString(line).TrimEnd('\r', '\n');
        return text.StartsWith("GET /", StringComparison.Ordinal) ? text["GET ".Length..].Split(' ', 2)[0] : null;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                QuicStream stream = await _driver.Inbound.TakeAsync(CancellationToken.None);
                _ = ServeAsync(stream);
            }
        }
        catch (QuicException)
        {
            // The connection is over: so is its accepting.
        }
    }

    private async Task ServeAsync(QuicStream stream)
    {
        await using (stream)
        {
            try
            {
                if (!stream.CanWrite)
                {
                    return;
                }

                string? path = ReadRequest(await ReadLineAsync(stream));
                await using FileStream? file = path is null ? null : _files.TryOpen(path);
                if (file is null)
                {
                    stream.Abort(QuicAbortDirection.Both, RefusedCode);
                    return;
                }

                await CopyAsync(file, stream);
            }
            catch (Exception e) when (e is QuicException or IOException)
            {
                // The client gave up this stream, or the connection ended.
            }
        }
    }

    private static async Task<byte[]> ReadLineAsync(QuicStream stream)
    {
        byte[] buffer = new byte[MaxRequest];
        int length = 0;
        while (length < buffer.Length && buffer.AsSpan(0, length).IndexOf((byte)'\n') < 0)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(length));
            if (read == 0)
            {
                break;
            }

            length += read;
        }

        int end = buffer.AsSpan(0, length).IndexOf((byte)'\n');
        return buffer[..(end < 0 ? length : end)];
    }

    private static async Task CopyAsync(FileStream file, QuicStream stream)
    {
        byte[] buffer = new byte[64 * 1024];
        long left = file.Length;
        do
        {
            int read = await file.ReadAsync(buffer);
            left = read == 0 ? 0 : left - read;
            await stream.WriteAsync(buffer.AsMemory(0, read), completeWrites: left <= 0);
        }
        while (left > 0);
        await stream.WritesClosed;
    }
}
