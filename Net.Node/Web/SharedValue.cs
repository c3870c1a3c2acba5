using System.Buffers;
using Net.Http3.Messages;
using Net.Http3.Server;

namespace Net.Node.Web;

/// <summary>`/value`: the one thing that the component `web` remembers. PUT replaces it, GET shows it; it moves, and goes back, with the component.</summary>
internal sealed class SharedValue
{
    public const int MaxLength = 64 * 1024;

    private volatile byte[] _value = [];

    public void Save(IBufferWriter<byte> writer) => writer.Write(_value);

    public void Restore(ReadOnlyMemory<byte> state) =>
        _value = state.Length <= MaxLength ? state.ToArray() : throw new InvalidDataException("a value longer than may be put");

    public async ValueTask GetAsync(Http3Exchange exchange)
    {
        // What was begun with one value is ended with it.
        byte[] body = exchange.SavedState.ToArray();
        if (!exchange.ResponseStarted)
        {
            using (await exchange.EnterStateAsync().ConfigureAwait(false))
            {
                body = _value;
            }

            exchange.SaveState(body);
            await exchange.RespondAsync(200, new Field("content-type", WebComponent.PlainText), new Field("cache-control", "no-store"), WebComponent.Length(body.Length))
                .ConfigureAwait(false);
        }

        await WebComponent.RestAsync(exchange, body).ConfigureAwait(false);
    }

    public async ValueTask PutAsync(Http3Exchange exchange)
    {
        if (exchange.ResponseStarted)
        {
            return;
        }

        byte[] body = new byte[MaxLength + 1];
        int length = exchange.SavedState.Length;
        exchange.SavedState.CopyTo(body);
        for (int count; length <= MaxLength && (count = await exchange.ReadAsync(body.AsMemory(length)).ConfigureAwait(false)) > 0;)
        {
            length += count;
            exchange.SaveState(body.AsSpan(0, length));
        }

        if (length > MaxLength)
        {
            await exchange.RespondAsync(413, WebComponent.Length(0)).ConfigureAwait(false);
            return;
        }

        using (await exchange.EnterStateAsync().ConfigureAwait(false))
        {
            _value = body[..length];
        }

        await exchange.RespondAsync(204).ConfigureAwait(false);
    }
}
