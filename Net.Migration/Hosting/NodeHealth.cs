namespace Net.Migration.Hosting;

/// <summary>How a node is, at one moment: for health checks and the like.</summary>
/// <param name="Ingresses">Ingresses that have it as a member.</param>
/// <param name="Components">What it can host, by name.</param>
/// <param name="Fault">Why it cannot go on; null: it can.</param>
public sealed record NodeHealth(int Ingresses, IReadOnlyList<ComponentHealth> Components, string? Fault)
{
    /// <summary>It is a member of its federation: an ingress knows it, and it may send.</summary>
    public bool IsHealthy => Fault is null && Ingresses > 0;
}

/// <summary>How a component is that a node can host.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Epoch">The ownership epoch under which it is served here; 0: it is not.</param>
/// <param name="Connections">That are served here.</param>
/// <param name="IsMoving">It is on its way to another node, or from one to this.</param>
public sealed record ComponentHealth(string Name, ulong Epoch, int Connections, bool IsMoving)
{
    /// <summary>It is served here.</summary>
    public bool IsServed => Epoch > 0;

    internal static ComponentHealth Of(HostedState hosted) => new(
        hosted.Component.Name, hosted.ServingEpoch, hosted.IsServing ? (int)(hosted.Shard?.ConnectionCount ?? 0) : 0,
        hosted.IsReserved || hosted.Connecting is not null || hosted.Outgoing is { HasEnded: false });
}
