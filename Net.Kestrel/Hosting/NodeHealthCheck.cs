using Microsoft.Extensions.Diagnostics.HealthChecks;
using Net.Migration.Hosting;

namespace Net.Kestrel.Hosting;

/// <summary>Asks the node how it is.</summary>
internal sealed class NodeHealthCheck(Func<NodeHost?> find) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (find() is not NodeHost node)
        {
            return new(context.Registration.FailureStatus, "the node has not started");
        }

        NodeHealth health = await node.GetHealthAsync(cancellationToken).ConfigureAwait(false);
        Dictionary<string, object> data = health.Components.ToDictionary(component => component.Name, static component => (object)component.Epoch);
        return health.IsHealthy
            ? HealthCheckResult.Healthy(data: data)
            : new(context.Registration.FailureStatus, health.Fault ?? "no ingress has the node as a member", data: data);
    }
}
