using System.Text.Json;
using System.Text.Json.Serialization;
using Net.Http3.Server;

namespace AheadOfTime;

/// <summary>Counts who was here: <c>GET /</c> answers <c>{"visits":N,"path":"/"}</c>.</summary>
internal sealed class VisitsComponent : IComponent
{
    private long _visits;

    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        Visit visit = new(Interlocked.Increment(ref _visits), exchange.Path);
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(visit, VisitsJson.Default.Visit);
        await exchange.RespondAsync(200, ("content-type", "application/json"), ("content-length", $"{body.Length}"));
        await exchange.WriteAsync(body);
    }
}

/// <summary>One answer.</summary>
/// <param name="Visits">How many requests there were, with this one.</param>
/// <param name="Path">What was asked for.</param>
internal sealed record Visit(long Visits, string Path);

/// <summary>Made at compile time: there is no reflection to make it from at run time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Visit))]
internal sealed partial class VisitsJson : JsonSerializerContext;
