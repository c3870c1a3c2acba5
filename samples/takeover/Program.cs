using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;

// An application that a new version of itself replaces without a connection lost: takeover-sample DIRECTORY PORT CERTIFICATE.pem KEY.pem, then
//   curl --http3-only -k -N https://localhost:8443/ticks
// and, in another terminal, the same command again. The ticks go on, from the first process, which ends when curl does; everything else is answered by the second.
string directory = args[0];
WebApplicationBuilder builder = WebApplication.CreateBuilder();
builder.WebHost.UseContinuum(continuum => continuum.Directory = directory);
builder.WebHost.ConfigureKestrel(server => server.Listen(IPAddress.Loopback, int.Parse(args[1], CultureInfo.InvariantCulture), endpoint =>
{
    endpoint.Protocols = HttpProtocols.Http3;
    endpoint.UseHttps(X509Certificate2.CreateFromPemFile(args[2], args[3]));
}));
WebApplication app = builder.Build();

app.MapGet("/", () => $"process {Environment.ProcessId}\n");

// That many bytes, as fast as they are taken.
app.MapGet("/bytes/{count:long}", async (long count, HttpContext context) =>
{
    context.Response.ContentLength = count;
    byte[] block = new byte[64 * 1024];
    for (long sent = 0; sent < count; sent += block.Length)
    {
        for (int i = 0; i < block.Length; i++)
        {
            block[i] = (byte)(((sent + i) * 31) ^ ((sent + i) >> 16));
        }

        await context.Response.Body.WriteAsync(block.AsMemory(0, (int)long.Min(block.Length, count - sent)), context.RequestAborted);
    }
});

app.MapGet("/ticks", (CancellationToken stop) => TypedResults.ServerSentEvents(TickAsync(int.MaxValue, stop)));
app.MapGet("/ticks/{count:int}", (int count, CancellationToken stop) => TypedResults.ServerSentEvents(TickAsync(count, stop)));

await app.StartAsync();
Console.WriteLine($"ready {new Uri(app.Urls.Single()).Port}");
await app.WaitForShutdownAsync();

static async IAsyncEnumerable<SseItem<int>> TickAsync(int count, [EnumeratorCancellation] CancellationToken stop)
{
    for (int i = 1; i <= count; i++)
    {
        yield return new(i, "tick");
        await Task.Delay(TimeSpan.FromMilliseconds(100), stop);
    }
}
