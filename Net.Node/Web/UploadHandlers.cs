using System.Buffers;
using System.Globalization;
using Net.Http3.Messages;
using Net.Http3.Server;

namespace Net.Node.Web;

/// <summary>Requests whose body matters: `/sha256` and `/echo`.</summary>
internal static class UploadHandlers
{
    private const int PieceLength = 128 * 1024;

    public static async ValueTask Sha256Async(Http3Exchange exchange)
    {
        if (!Sha256.TryImport(exchange.SavedState.Span, out Sha256 hash) && exchange.SavedState.Length > 0)
        {
            throw new InvalidDataException("the state of a digest is damaged");
        }

        if (hash.Length != exchange.RequestOffset)
        {
            throw new InvalidDataException("the state of a digest does not belong to its request");
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceLength), state = new byte[Sha256.MaxExport];
        for (int count; (count = await exchange.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
        {
            hash.Append(buffer.AsSpan(0, count));
            exchange.SaveState(state.AsSpan(0, hash.Export(state)));
        }

        ArrayPool<byte>.Shared.Return(buffer);
        byte[] digest = new byte[Sha256.DigestLength];
        hash.WriteDigest(digest);
        await WebComponent.TextAsync(exchange, 200, "text/plain", string.Create(CultureInfo.InvariantCulture, $"{hash.Length} {Convert.ToHexStringLower(digest)}\n"))
            .ConfigureAwait(false);
    }

    public static async ValueTask EchoAsync(Http3Exchange exchange)
    {
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200, new Field("content-type", "application/octet-stream")).ConfigureAwait(false);
        }

        if (!EchoRule.TryOwed(exchange.SavedState, exchange.RequestOffset, exchange.ResponseOffset, out ReadOnlyMemory<byte> owed))
        {
            throw new InvalidDataException("the state of an echo does not belong to its request");
        }

        if (owed.Length > 0)
        {
            // A copy: the saved state may not be written from while it is the saved state.
            await exchange.WriteAsync(owed.ToArray()).ConfigureAwait(false);
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceLength);
        for (int count; (count = await exchange.ReadAsync(buffer.AsMemory(0, PieceLength)).ConfigureAwait(false)) > 0;)
        {
            EchoRule.Apply(buffer.AsSpan(0, count));
            exchange.SaveState(buffer.AsSpan(0, count));
            await exchange.WriteAsync(buffer.AsMemory(0, count)).ConfigureAwait(false);
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }
}
