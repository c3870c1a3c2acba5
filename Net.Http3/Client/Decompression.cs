using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;

namespace Net.Http3.Client;

/// <summary>Content codings (RFC 9110, section 8.4.1): what is offered, and what is undone.</summary>
internal static class Decompression
{
    private static readonly (DecompressionMethods Method, string Name)[] s_codings =
        [(DecompressionMethods.GZip, "gzip"), (DecompressionMethods.Deflate, "deflate"), (DecompressionMethods.Brotli, "br")];

    /// <summary>Names the methods in accept-encoding, unless the request has its own.</summary>
    public static void Offer(AddedFields request, DecompressionMethods methods)
    {
        if (methods != DecompressionMethods.None)
        {
            request.TryAdd("Accept-Encoding", string.Join(", ", s_codings.Where(coding => methods.HasFlag(coding.Method)).Select(coding => coding.Name)));
        }
    }

    /// <summary>Replaces the content by what it was before its last coding, if that is one of the methods.</summary>
    public static void Undo(HttpResponseMessage response, DecompressionMethods methods)
    {
        HttpContent encoded = response.Content;
        string? coding = encoded.Headers.ContentEncoding.LastOrDefault();
        DecompressionMethods method = coding?.ToLowerInvariant() switch
        {
            "gzip" or "x-gzip" => DecompressionMethods.GZip,
            "deflate" => DecompressionMethods.Deflate,
            "br" => DecompressionMethods.Brotli,
            _ => DecompressionMethods.None,
        };
        // A HEAD, 204 or 304 has a description of a body and no body: there is nothing to undo.
        if (method == DecompressionMethods.None || !methods.HasFlag(method) || encoded is ByteArrayContent)
        {
            return;
        }

        HttpContent decoded = new DecompressedContent(encoded, method);
        foreach (KeyValuePair<string, HeaderStringValues> header in encoded.Headers.NonValidated)
        {
            decoded.Headers.TryAddWithoutValidation(header.Key, header.Value);
        }

        decoded.Headers.ContentLength = null;
        decoded.Headers.ContentEncoding.Clear();
        foreach (string kept in encoded.Headers.ContentEncoding.SkipLast(1))
        {
            decoded.Headers.ContentEncoding.Add(kept);
        }

        response.Content = decoded;
    }

    /// <summary>A content with its last coding undone.</summary>
    private sealed class DecompressedContent(HttpContent encoded, DecompressionMethods method) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            Stream decoded = await OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (decoded.ConfigureAwait(false))
            {
                await decoded.CopyToAsync(stream, cancellationToken).ConfigureAwait(false);
            }
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override Task<Stream> CreateContentReadStreamAsync() => OpenAsync(CancellationToken.None);

        protected override Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => OpenAsync(cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                encoded.Dispose();
            }

            base.Dispose(disposing);
        }

        private async Task<Stream> OpenAsync(CancellationToken cancellationToken)
        {
            Stream source = await encoded.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            return method switch
            {
                DecompressionMethods.GZip => new GZipStream(source, CompressionMode.Decompress),
                DecompressionMethods.Brotli => new BrotliStream(source, CompressionMode.Decompress),
                _ => new DeflateOrZLibStream(source),
            };
        }
    }

    /// <summary>"deflate" is the zlib format, but some servers send bare DEFLATE: the first byte tells (RFC 1950, section 2.2).</summary>
    private sealed class DeflateOrZLibStream(Stream source) : Stream
    {
        private Stream? _decoded;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_decoded is null)
            {
                byte[] first = new byte[1];
                if (await source.ReadAsync(first, cancellationToken).ConfigureAwait(false) == 0)
                {
                    return 0;
                }

                PrefixedStream whole = new(first[0], source);
                _decoded = (first[0] & 0x0F) == 8
                    ? new ZLibStream(whole, CompressionMode.Decompress) : new DeflateStream(whole, CompressionMode.Decompress);
            }

            return await _decoded.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) =>
            ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _decoded?.Dispose();
                source.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>One byte, then a stream.</summary>
    private sealed class PrefixedStream(byte first, Stream rest) : Stream
    {
        private bool _isTaken;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_isTaken || buffer.IsEmpty)
            {
                return rest.ReadAsync(buffer, cancellationToken);
            }

            _isTaken = true;
            buffer.Span[0] = first;
            return ValueTask.FromResult(1);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) =>
            ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
