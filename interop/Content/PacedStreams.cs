using System.Security.Cryptography;

namespace Interop.Content;

/// <summary>The two directions of a transfer between the harness and a client's pipes, paced and checked.</summary>
internal static class PacedStreams
{
    private const int Chunk = 256 * 1024;

    /// <summary>Reads to the end; every byte must be right and there must be exactly <paramref name="size"/> of them.</summary>
    /// <returns>The SHA-256 of what was read, in lower-case hex.</returns>
    public static async Task<string> ReadAsync(Stream from, long size, Pace? pace, CancellationToken cancellationToken, byte added = 0)
    {
        using ContentCheck check = new(added);
        byte[] buffer = new byte[Chunk];
        while (true)
        {
            int allowed = pace is null ? Chunk : await pace.AllowAsync(check.Length, Chunk, cancellationToken);
            // At the expected end one more byte is asked for, which must not be there.
            int count = await from.ReadAsync(buffer.AsMemory(0, Math.Max(allowed, 1)), cancellationToken);
            if (count == 0)
            {
                break;
            }

            check.Append(buffer.AsSpan(0, count));
            if (check.Length > size)
            {
                throw new CaseFailedException($"more than {size} bytes came");
            }
        }

        return check.Length == size
            ? check.HexDigest()
            : throw new CaseFailedException($"the transfer ended at byte {check.Length} of {size}");
    }

    /// <summary>Writes the key stream, then closes the pipe.</summary>
    /// <returns>The SHA-256 of what was written, in lower-case hex.</returns>
    public static async Task<string> WriteAsync(Stream to, long size, Pace pace, CancellationToken cancellationToken)
    {
        using KeyStream content = new();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[Chunk];
        try
        {
            for (long position = 0; position < size;)
            {
                int count = await pace.AllowAsync(position, Chunk, cancellationToken);
                content.Fill(position, buffer.AsSpan(0, count));
                hash.AppendData(buffer.AsSpan(0, count));
                await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                position += count;
            }

            to.Close();
        }
        catch (IOException e)
        {
            throw new CaseFailedException($"the client stopped reading its input: {e.Message}");
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
