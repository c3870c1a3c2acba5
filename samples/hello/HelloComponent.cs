using Net.Http3.Server;

namespace Hello;

/// <summary>Says hello, and goes on saying it where it was if the server moves in between.</summary>
public sealed class HelloComponent : IResumableComponent
{
    private static readonly byte[] s_text = "Hello from wherever I am now.\n"u8.ToArray();

    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200, ("content-type", "text/plain"), ("content-length", $"{s_text.Length}"));
        }

        await exchange.WriteAsync(s_text.AsMemory((int)exchange.ResponseOffset));
    }
}
