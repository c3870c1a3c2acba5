using Net.Core.Time;
using Net.Migration.Diagnostics;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>What a node's decisions need of the machine they run on.</summary>
/// <param name="Actor">Where they are made.</param>
/// <param name="Runner">What runs components.</param>
/// <param name="Data">The socket that ingresses send a component's datagrams to.</param>
/// <param name="Crypto">Entropy, and the certificate that clients see.</param>
/// <param name="Connect">Opens a link to another node; null when it does not answer.</param>
internal sealed record NodeSurroundings(
    IActor Actor, IComponentRunner Runner, Func<string, Net.Core.Io.IDatagramChannel> Data, Net.Core.Tls.ICryptoHost Crypto, Func<NodeInfo, Task<ILink?>> Connect)
{
    /// <summary>How much of a component is written down.</summary>
    public ExportLimits Export { get; init; } = new();

    /// <summary>Told that this node cannot go on.</summary>
    public Action<Exception> Failed { get; init; } = _ => { };

    /// <summary>Told of an ingress that came, changed its address or went.</summary>
    public Action<IngressUpdateMessage> IngressTold { get; init; } = _ => { };

    /// <summary>Told of a roster, unchecked.</summary>
    public Action<string> RosterTold { get; init; } = _ => { };

    /// <summary>Told of each phase of a move, at its moment and on whichever thread it happens; null: nobody measures.</summary>
    public Action<MovePhase>? Phases { get; init; }

    /// <summary>Counts moves; null: nobody does.</summary>
    public NodeMetrics? Metrics { get; init; }

    /// <summary>Ends when a move has been rehearsed; until then none is accepted, and none begins.</summary>
    public Task Rehearsed { get; init; } = Task.CompletedTask;

    /// <summary>On the actor, now or as soon as a move has been rehearsed. One that failed delays nothing: the first freeze is only longer.</summary>
    public void WhenRehearsed(Instant now, Action<Instant> action)
    {
        if (Rehearsed.IsCompleted)
        {
            action(now);
        }
        else
        {
            _ = Rehearsed.ContinueWith(_ => Actor.Post(action), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    public ulong DrawNumber()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Crypto.FillEntropy(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>One side's part of a snapshot's key.</summary>
    public byte[] DrawShare()
    {
        byte[] share = new byte[SnapshotBinding.ShareLength];
        Crypto.FillEntropy(share);
        return share;
    }
}
