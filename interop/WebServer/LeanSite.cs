using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;

namespace WebServer;

/// <summary>The pages by Http3Server.</summary>
internal sealed class LeanSite : IComponent
{
    private readonly Visitors _visitors = new();

    public static async Task RunAsync(X509Certificate2 certificate)
    {
        await using Http3Server server = Http3Server.Start(new()
        {
            ListenEndPoint = new(IPAddress.Loopback, 0),
            ServerAuthenticationOptions = new() { ServerCertificate = certificate },
            Component = new LeanSite(),
        });
        Console.WriteLine($"ready {server.LocalEndPoint}");
        await server.Completion;
    }

    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[64 * 1024];
        switch (exchange.Path.Split('?')[0].Split('/')[1])
        {
            case "hello":
                await TextAsync(exchange, "hello\n");
                break;
            case "ask":
                await TextAsync(exchange, $"{exchange.Method} {exchange.Headers["x-word"]} {exchange.Headers["content-length"]}\n");
                break;
            case "large":
                byte[] large = Visitors.Large(Visitors.NumberIn(exchange.Path));
                await exchange.RespondAsync(200, ("content-length", large.Length.ToString(CultureInfo.InvariantCulture)));
                if (exchange.Method != "HEAD")
                {
                    await exchange.WriteAsync(large);
                }

                break;
            case "empty":
                await TextAsync(exchange, "");
                break;
            case "meet":
                await _visitors.MeetAsync(Visitors.NumberIn(exchange.Path));
                await TextAsync(exchange, "all here\n");
                break;
            case "aborted":
                await _visitors.AbortedAsync(Visitors.NumberIn(exchange.Path));
                await TextAsync(exchange, string.Create(CultureInfo.InvariantCulture, $"{_visitors.Aborted}\n"));
                break;
            case "headers":
                FieldSection fields = new();
                foreach ((string name, string value) in Visitors.LargeHeaders())
                {
                    fields.Add(name, value);
                }

                await exchange.RespondAsync(200, fields);
                await exchange.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{exchange.Headers["x-large"]?.Length ?? 0}\n")));
                break;
            case "trailers":
                exchange.SetTrailers(("x-sum", "5"));
                await exchange.RespondAsync(200, ("trailer", "x-sum"));
                await exchange.WriteAsync("body\n"u8.ToArray());
                break;
            case "refuse":
                await TextAsync(exchange, "unread\n");
                break;
            case "echo":
                await exchange.RespondAsync(200);
                for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
                {
                    await exchange.WriteAsync(buffer.AsMemory(0, count));
                }

                break;
            case "sink":
                await CountAbortAsync(async () =>
                {
                    long length = 0;
                    for (int count; (count = await exchange.ReadAsync(buffer)) > 0; length += count)
                    {
                    }

                    await TextAsync(exchange, string.Create(CultureInfo.InvariantCulture, $"{length}\n"));
                });
                break;
            case "endless":
                await exchange.RespondAsync(200);
                await CountAbortAsync(async () =>
                {
                    while (true)
                    {
                        await exchange.WriteAsync(buffer);
                    }
                });
                break;
            default:
                await exchange.RespondAsync(404, ("content-length", "0"));
                break;
        }
    }

    private async ValueTask CountAbortAsync(Func<ValueTask> serve)
    {
        try
        {
            await serve();
        }
        catch (Http3RequestAbortedException)
        {
            _visitors.OnAborted();
            throw;
        }
    }

    private static async ValueTask TextAsync(Http3Exchange exchange, string text)
    {
        await exchange.RespondAsync(200, ("content-type", "text/plain"), ("content-length", text.Length.ToString(CultureInfo.InvariantCulture)));
        if (exchange.Method != "HEAD" && text.Length > 0)
        {
            await exchange.WriteAsync(Encoding.ASCII.GetBytes(text));
        }
    }
}
