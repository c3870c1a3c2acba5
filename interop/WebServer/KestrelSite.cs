using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace WebServer;

/// <summary>The pages by Kestrel over our transport.</summary>
internal static class KestrelSite
{
    private static readonly string[] s_getOrHead = ["GET", "HEAD"], s_postOrPut = ["POST", "PUT"];

    public static async Task RunAsync(X509Certificate2 certificate)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseManagedQuic();
        builder.WebHost.ConfigureKestrel(server =>
        {
            server.Limits.MaxRequestHeadersTotalSize = 128 * 1024;
            server.Listen(IPAddress.Loopback, 0, endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http3;
                endpoint.UseHttps(certificate);
            });
        });
        WebApplication app = builder.Build();
        Map(app, new Visitors());
        await app.StartAsync();
        Console.WriteLine($"ready {new Uri(app.Urls.Single()).Authority}");
        await app.WaitForShutdownAsync();
    }

    private static void Map(WebApplication app, Visitors visitors)
    {
        app.MapMethods("/hello", s_getOrHead, context => TextAsync(context, "hello\n"));
        app.Map("/ask", context => TextAsync(context, $"{context.Request.Method} {context.Request.Headers["x-word"]} {context.Request.Headers.ContentLength}\n"));
        app.MapMethods("/large/{count}", s_getOrHead, context =>
        {
            byte[] large = Visitors.Large(Visitors.NumberIn(context.Request.Path));
            context.Response.ContentLength = large.Length;
            return context.Request.Method == "HEAD" ? Task.CompletedTask : context.Response.Body.WriteAsync(large).AsTask();
        });
        app.MapGet("/empty", context => TextAsync(context, ""));
        app.MapGet("/meet/{count}", async context =>
        {
            await visitors.MeetAsync(Visitors.NumberIn(context.Request.Path));
            await TextAsync(context, "all here\n");
        });
        app.MapGet("/aborted/{count}", async context =>
        {
            await visitors.AbortedAsync(Visitors.NumberIn(context.Request.Path));
            await TextAsync(context, string.Create(CultureInfo.InvariantCulture, $"{visitors.Aborted}\n"));
        });
        app.MapGet("/headers", async context =>
        {
            foreach ((string name, string value) in Visitors.LargeHeaders())
            {
                context.Response.Headers[name] = value;
            }

            await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{context.Request.Headers["x-large"].ToString().Length}\n"));
        });
        app.MapGet("/trailers", async context =>
        {
            context.Response.DeclareTrailer("x-sum");
            await context.Response.WriteAsync("body\n");
            context.Response.AppendTrailer("x-sum", "5");
        });
        app.MapMethods("/refuse", s_postOrPut, context => TextAsync(context, "unread\n"));
        app.MapMethods("/echo", s_postOrPut, context => context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter, context.RequestAborted));
        app.MapMethods("/sink", s_postOrPut, context => CountAbortAsync(visitors, context, async () =>
        {
            byte[] buffer = new byte[64 * 1024];
            long length = 0;
            for (int count; (count = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0; length += count)
            {
            }

            await TextAsync(context, string.Create(CultureInfo.InvariantCulture, $"{length}\n"));
        }));
        app.MapGet("/endless", context => CountAbortAsync(visitors, context, async () =>
        {
            byte[] block = new byte[64 * 1024];
            while (true)
            {
                await context.Response.Body.WriteAsync(block, context.RequestAborted);
            }
        }));
    }

    private static async Task CountAbortAsync(Visitors visitors, HttpContext context, Func<Task> serve)
    {
        try
        {
            await serve();
        }
        catch (Exception error) when (error is OperationCanceledException or IOException || context.RequestAborted.IsCancellationRequested)
        {
            visitors.OnAborted();
        }
    }

    private static Task TextAsync(HttpContext context, string text)
    {
        context.Response.ContentType = "text/plain";
        context.Response.ContentLength = text.Length;
        return context.Request.Method == "HEAD" || text.Length == 0 ? Task.CompletedTask : context.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(text)).AsTask();
    }
}
