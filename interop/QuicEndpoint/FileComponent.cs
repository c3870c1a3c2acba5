using System.Globalization;
using Net.Http3.Messages;
using Net.Http3.Server;

namespace QuicEndpoint;

/// <summary>The files over HTTP/3.</summary>
internal sealed class FileComponent(WwwFolder files) : IComponent
{
    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        if (exchange.Method is not ("GET" or "HEAD"))
        {
            await exchange.RespondAsync(405, new Field("allow", "GET, HEAD"));
            return;
        }

        await using FileStream? file = files.TryOpen(exchange.Path);
        if (file is null)
        {
            await exchange.RespondAsync(404, new Field("content-length", "0"));
            return;
        }

        string length = file.Length.ToString(CultureInfo.InvariantCulture);
        await exchange.RespondAsync(200, new Field("content-length", length), new Field("content-type", TypeOf(exchange.Path)));
        byte[] buffer = new byte[64 * 1024];
        while (await file.ReadAsync(buffer, cancellationToken) is int read and > 0)
        {
            await exchange.WriteAsync(buffer.AsMemory(0, read));
        }
    }

    /// <summary>A browser shows a page only when it is told that it is one.</summary>
    private static string TypeOf(string path) => path.EndsWith(".html", StringComparison.Ordinal) ? "text/html" : "application/octet-stream";
}
