using System.Text.Json.Serialization;

namespace Net.Node.Web;

/// <summary>The answer of `/whoami`.</summary>
internal sealed record WhoAmI(string Node, string Component, ulong Epoch);

/// <summary>JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WhoAmI))]
internal sealed partial class WebJson : JsonSerializerContext;
