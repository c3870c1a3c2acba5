using Microsoft.Extensions.Diagnostics.HealthChecks;
using Net.Kestrel.Hosting;
using Net.Migration.Hosting;

// Where ASP.NET's own AddCheck is: an application needs no further using.
namespace Microsoft.Extensions.DependencyInjection;

/// <summary>A node of a federation among an application's health checks.</summary>
public static class HealthChecksContinuumExtensions
{
    /// <summary>
    /// Adds a check of the node: <see cref="HealthCheckRegistration.FailureStatus"/> while there is none, it has failed, or no ingress has it as a member;
    /// healthy otherwise. Its data name each component that the node can host, and the epoch under which it is served.
    /// </summary>
    /// <remarks>
    /// For readiness. It fails on every node while no ingress answers: as a liveness probe it would have them all killed, and with them connections that go on when the ingress is back.
    /// </remarks>
    /// <param name="builder">The application's checks, as <c>services.AddHealthChecks()</c> gives them.</param>
    /// <param name="node">Gives the node; null while it has not started.</param>
    /// <param name="name">Of the check.</param>
    /// <param name="failureStatus">What it says when it fails; null: unhealthy.</param>
    /// <param name="tags">By which checks are chosen.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static IHealthChecksBuilder AddContinuumNode(
        this IHealthChecksBuilder builder, Func<NodeHost?> node, string name = "continuum", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(node);
        return builder.Add(new(name, new NodeHealthCheck(node), failureStatus, tags));
    }
}
