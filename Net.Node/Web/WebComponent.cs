using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Migration.Hosting;

namespace Net.Node.Web;

/// <summary>The component `web`: files, made-up bytes, digests, echoes, counters and one value, each of which goes on elsewhere when its node changes.</summary>
/// <remarks>
/// A handler looks at what was done before it begins: a response that has started is gone on with at its offset, one that has not is
/// begun anew. So there is one way through each handler, moved or not.
/// </remarks>
/// <param name="directory">Of `/files/*`.</param>
/// <param name="identity">Of `/whoami`.</param>
internal sealed class WebComponent(string directory, IComponentIdentity identity) : IResumableComponent, ITetheredComponent, IStatefulComponent
{
    public const string PlainText = "text/plain; charset=utf-8";

    /// <summary>Saved by an answer that says "not found": it ends as it began, also where there is such a file.</summary>
    private static readonly byte[] s_missing = [4];

    private readonly DownloadHandler _download = new();
    private readonly FileTree _files = new(directory);
    private readonly SharedValue _value = new();

    public void Save(IBufferWriter<byte> writer) => _value.Save(writer);

    public void Restore(ReadOnlyMemory<byte> state) => _value.Restore(state);

    public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        Route route = Route.Of(exchange.Path);
        if (route.Kind == RouteKind.None)
        {
            return TextAsync(exchange, 404, PlainText, "not found\n");
        }

        if (!route.Takes(exchange.Method))
        {
            return TextAsync(exchange, 405, PlainText, $"use {route.Allow}\n", new Field("allow", route.Allow));
        }

        return route.Kind switch
        {
            RouteKind.Bytes => _download.BytesAsync(exchange, route.Size),
            RouteKind.Files => FileAsync(exchange, route.File),
            RouteKind.Sha256 => UploadHandlers.Sha256Async(exchange),
            RouteKind.Echo => UploadHandlers.EchoAsync(exchange),
            RouteKind.Counter => CounterAsync(exchange),
            RouteKind.Value when exchange.Method == "PUT" => _value.PutAsync(exchange),
            RouteKind.Value => _value.GetAsync(exchange),
            _ => WhoAmIAsync(exchange),
        };
    }

    /// <summary>A small body that is the same whenever it is made.</summary>
    public static async ValueTask TextAsync(Http3Exchange exchange, int status, string type, string text, Field? extra = null)
    {
        byte[] body = Encoding.UTF8.GetBytes(text);
        if (!exchange.ResponseStarted)
        {
            FieldSection fields = new(new Field("content-type", type), Length(body.Length));
            if (extra is Field field)
            {
                fields.Add(field.Name, field.Value);
            }

            await exchange.RespondAsync(status, fields).ConfigureAwait(false);
        }

        await RestAsync(exchange, body).ConfigureAwait(false);
    }

    public static Field Length(long length) => new("content-length", length.ToString(CultureInfo.InvariantCulture));

    /// <summary>What of a body is missing.</summary>
    public static ValueTask RestAsync(Http3Exchange exchange, byte[] body) =>
        exchange.Method == "HEAD" || exchange.ResponseOffset >= body.Length ? default : exchange.WriteAsync(body.AsMemory((int)exchange.ResponseOffset));

    private async ValueTask FileAsync(Http3Exchange exchange, string path)
    {
        bool wasMissing = exchange.ResponseStarted && exchange.SavedState.Span.SequenceEqual(s_missing);
        using FileContent? file = wasMissing ? null : _files.Open(path);
        if (file is not null)
        {
            await _download.FileAsync(exchange, file).ConfigureAwait(false);
        }
        else if (exchange.ResponseStarted && !wasMissing)
        {
            throw new IOException($"/files/{path} is not at this node");
        }
        else
        {
            exchange.SaveState(s_missing);
            await TextAsync(exchange, 404, PlainText, "not found\n").ConfigureAwait(false);
        }
    }

    private async ValueTask WhoAmIAsync(Http3Exchange exchange)
    {
        // The answer names who began it, also when another one ends it.
        byte[] body = exchange.ResponseStarted ? exchange.SavedState.ToArray()
            : JsonSerializer.SerializeToUtf8Bytes(new(identity.Node, identity.Component, identity.Epoch), WebJson.Default.WhoAmI);
        if (!exchange.ResponseStarted)
        {
            exchange.SaveState(body);
            await exchange.RespondAsync(200, new Field("content-type", "application/json"), new Field("cache-control", "no-store"), Length(body.Length)).ConfigureAwait(false);
        }

        await RestAsync(exchange, body).ConfigureAwait(false);
    }

    private static async ValueTask CounterAsync(Http3Exchange exchange)
    {
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200, new Field("content-type", "text/event-stream"), new Field("cache-control", "no-store")).ConfigureAwait(false);
        }

        if (exchange.Method == "HEAD")
        {
            return;
        }

        // The saved number is that of the event being written, or written last: what of it is missing follows from the offset.
        byte[] state = new byte[sizeof(long)];
        long number = exchange.SavedState.Length == sizeof(long) ? BitConverter.ToInt64(exchange.SavedState.Span) : 1;
        for (; ; number++)
        {
            BitConverter.TryWriteBytes(state, number);
            exchange.SaveState(state);
            byte[] text = CounterEvents.Event(number);
            long missing = CounterEvents.LengthThrough(number) - exchange.ResponseOffset;
            if (missing > 0)
            {
                await exchange.WriteAsync(text.AsMemory(text.Length - (int)missing)).ConfigureAwait(false);
            }

            await exchange.DelayAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(false);
        }
    }
}
