using System.Text.Json;

namespace Interop.Federation;

/// <summary>What <c>status --json</c> prints.</summary>
internal sealed record StatusReport
{
    // An object or a string: the cases do not lean on it.
    public required JsonElement Ingress { get; init; }

    public required IReadOnlyList<ComponentStatus> Components { get; init; }

    public required IReadOnlyList<NodeStatus> Nodes { get; init; }
}

internal sealed record ComponentStatus
{
    public required string Name { get; init; }

    public required string? Owner { get; init; }

    public required long Epoch { get; init; }

    public required long Shard { get; init; }

    public required long Connections { get; init; }
}

internal sealed record NodeStatus
{
    public required string Name { get; init; }

    public required string Address { get; init; }

    public required bool Alive { get; init; }

    public required IReadOnlyList<string> Hosts { get; init; }
}
