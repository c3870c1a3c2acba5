using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using KestrelSample;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

// Serves HTTP/3, 2 and 1.1 on one port: kestrel-sample [PORT], then
//   curl --http3-only -k https://localhost:8443/
//   curl --http3-only -k https://localhost:8443/echo --data-binary @FILE -o COPY
//   curl --http3-only -k -N https://localhost:8443/ticks
// and the gRPC service of words.proto, for Grpc.Net.Client with an Http3Handler as its HttpHandler and HttpVersion 3.0.
WebApplicationBuilder builder = WebApplication.CreateBuilder();
builder.Services.AddGrpc();
builder.WebHost.UseManagedQuic();
builder.WebHost.ConfigureKestrel(server =>
{
    server.Limits.MaxRequestBodySize = null;
    server.Listen(IPAddress.Loopback, args is [string port] ? int.Parse(port, CultureInfo.InvariantCulture) : 8443, endpoint =>
    {
        endpoint.Protocols = HttpProtocols.Http1AndHttp2AndHttp3;
        endpoint.UseHttps(SelfMade.Certificate());
    });
});
WebApplication app = builder.Build();

app.MapGet("/", (HttpContext context) => $"Hello over {context.Request.Protocol}\n");

// Sends back what comes, as it comes.
app.MapPost("/echo", async (HttpContext context) =>
{
    context.Response.ContentType = context.Request.ContentType ?? "application/octet-stream";
    await context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter, context.RequestAborted);
});

app.MapGet("/ticks", (CancellationToken stop) => TypedResults.ServerSentEvents(TickAsync(stop)));

app.MapGrpcService<WordsService>();

app.Run();

static async IAsyncEnumerable<SseItem<int>> TickAsync([EnumeratorCancellation] CancellationToken stop)
{
    for (int i = 0; ; i++)
    {
        yield return new(i, "tick");
        await Task.Delay(TimeSpan.FromSeconds(1), stop);
    }
}
