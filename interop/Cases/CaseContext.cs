using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>What a case works with: peers, the program under test, and everything it started, which ends with it.</summary>
internal sealed class CaseContext(PeerSet peers, string program, CancellationToken cancellationToken) : IAsyncDisposable
{
    private readonly List<Cluster> _clusters = [];
    private readonly List<Child> _children = [];

    public PeerSet Peers => peers;

    public string Program => program;

    public CancellationToken Cancellation => cancellationToken;

    /// <summary>A cluster that has not started anything yet.</summary>
    /// <param name="other">Another build of the program; null: the one under test.</param>
    /// <param name="address">Where the ingress's public port is.</param>
    /// <param name="isDiskFull">See <see cref="Cluster.IsDiskFull"/>.</param>
    public Cluster NewCluster(string? other = null, string address = "127.0.0.1", bool isDiskFull = false)
    {
        Cluster cluster = new(other ?? program, cancellationToken) { Address = address, IsDiskFull = isDiskFull };
        _clusters.Add(cluster);
        return cluster;
    }

    public async Task<Cluster> StartClusterAsync(params string[] nodes)
    {
        Cluster cluster = NewCluster();
        await cluster.StartAsync(nodes);
        return cluster;
    }

    public Child Own(Child child)
    {
        _children.Add(child);
        return child;
    }

    /// <summary>What the programs of a failed case said.</summary>
    public void ExplainTo(TextWriter writer)
    {
        foreach (Child child in _children.Where(c => c.Errors.Length > 0))
        {
            writer.WriteLine($"  [{child.Name}] {Child.LastLine(child.Errors)}");
        }

        foreach (Cluster cluster in _clusters)
        {
            cluster.ExplainTo(writer);
        }
    }

    public ValueTask DisposeAsync()
    {
        foreach (Child child in _children)
        {
            child.Dispose();
        }

        foreach (Cluster cluster in _clusters)
        {
            cluster.Dispose();
        }

        return ValueTask.CompletedTask;
    }
}
