using System.Buffers;
using System.Security.Cryptography;
using Net.Http3.Messages;
using Net.Http3.Server;

namespace Net.Node.Web;

/// <summary>GET and HEAD of bytes of known length: whole, or one range (RFC 9110, sections 13 and 14).</summary>
internal sealed class DownloadHandler
{
    /// <summary>Up to here `/bytes/{n}` has an etag: beyond, nobody would wait for it.</summary>
    public const long MaxTagged = 1L << 30;

    private const int PieceLength = 256 * 1024;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(2);

    private readonly DigestCache<long> _sizes = new();
    private readonly DigestCache<FileKey> _files = new();

    public async ValueTask BytesAsync(Http3Exchange exchange, long size)
    {
        KeyStream content = new(size);
        if (!exchange.ResponseStarted)
        {
            byte[] digest = size <= MaxTagged ? await DigestAsync(exchange, _sizes, size, content).ConfigureAwait(false) : [];
            // Key stream is the same on every node: what is kept says only which part of it.
            if (!await BeginAsync(exchange, content, digest, "application/octet-stream", keepDigest: false).ConfigureAwait(false))
            {
                return;
            }
        }

        await GoOnAsync(exchange, content, State(exchange)).ConfigureAwait(false);
    }

    public async ValueTask FileAsync(Http3Exchange exchange, FileContent file)
    {
        byte[] digest = await DigestAsync(exchange, _files, file.Key, file).ConfigureAwait(false);
        if (exchange.ResponseStarted)
        {
            if (exchange.SavedState.IsEmpty)
            {
                return;
            }

            ContentState begun = State(exchange);
            if (begun.ContentLength != file.Length || !CryptographicOperations.FixedTimeEquals(begun.Digest, digest))
            {
                throw new IOException("the file at this node is another one than the one that was begun");
            }
        }
        else if (!await BeginAsync(exchange, file, digest, file.ContentType, keepDigest: true).ConfigureAwait(false))
        {
            return;
        }

        await GoOnAsync(exchange, file, State(exchange)).ConfigureAwait(false);
    }

    /// <summary>Sends the head.</summary>
    /// <returns>Whether a body follows.</returns>
    private static async ValueTask<bool> BeginAsync(Http3Exchange exchange, IContent content, byte[] digest, string type, bool keepDigest)
    {
        string? etag = digest.Length > 0 ? $"\"{Convert.ToHexStringLower(digest)}\"" : null;
        bool isHead = exchange.Method == "HEAD";
        // Ranges are defined for GET alone, and if-range compares strongly.
        bool takesRange = !isHead && (exchange.Headers["if-range"] is not string condition || condition == etag);
        ByteRange range = ByteRange.Of(takesRange ? exchange.Headers["range"] : null, content.Length);
        FieldSection fields = new(new Field("accept-ranges", "bytes"));
        if (etag is not null)
        {
            fields.Add("etag", etag);
        }

        if (etag is not null && Matches(exchange.Headers["if-none-match"], etag))
        {
            await exchange.RespondAsync(304, fields).ConfigureAwait(false);
            return false;
        }

        if (range.Status != 200)
        {
            fields.Add("content-range", range.Describe(content.Length));
        }

        if (range.Status != 416)
        {
            fields.Add("content-type", type);
            exchange.SaveState(new ContentState(range, content.Length, keepDigest ? digest : []).Write());
        }

        Field length = WebComponent.Length(range.Length);
        fields.Add(length.Name, length.Value);
        await exchange.RespondAsync(range.Status, fields).ConfigureAwait(false);
        return !isHead && range.Length > 0;
    }

    private static async ValueTask GoOnAsync(Http3Exchange exchange, IContent content, ContentState state)
    {
        if (exchange.Method == "HEAD" || exchange.ResponseOffset >= state.Range.Length)
        {
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceLength);
        for (long at; (at = exchange.ResponseOffset) < state.Range.Length;)
        {
            Memory<byte> piece = buffer.AsMemory(0, (int)Math.Min(PieceLength, state.Range.Length - at));
            content.Read(state.Range.Start + at, piece.Span);
            await exchange.WriteAsync(piece).ConfigureAwait(false);
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Waits for a digest in small steps, with a safe point between any two.</summary>
    private static async ValueTask<byte[]> DigestAsync<TKey>(Http3Exchange exchange, DigestCache<TKey> cache, TKey key, IContent content)
        where TKey : notnull
    {
        while (true)
        {
            DigestJob job = cache.Get(key, content.Length);
            bool stepped;
            try
            {
                stepped = job.TryStep(content);
            }
            catch (IOException)
            {
                cache.Forget(key, job);
                throw;
            }

            if (job.Digest is byte[] digest)
            {
                return digest;
            }

            await exchange.DelayAsync(stepped ? TimeSpan.Zero : s_pause).ConfigureAwait(false);
        }
    }

    private static ContentState State(Http3Exchange exchange) =>
        ContentState.TryRead(exchange.SavedState.Span, out ContentState state) ? state
            : exchange.SavedState.IsEmpty ? new(new(416, 0, 0), 0, []) : throw new InvalidDataException("the state of a download is damaged");

    /// <summary>A list of tags, weak ones included, or `*` (RFC 9110, section 13.1.2).</summary>
    private static bool Matches(string? header, string etag)
    {
        foreach (string tag in (header ?? "").Split(','))
        {
            string bare = tag.Trim(' ', '\t');
            if (bare == "*" || bare == etag || (bare.StartsWith("W/", StringComparison.Ordinal) && bare[2..] == etag))
            {
                return true;
            }
        }

        return false;
    }
}
