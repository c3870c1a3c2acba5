using System.Collections.Immutable;

namespace Interop.Netem;

/// <summary>What a link does to packets, with the words of the scenarios of the runner's ns-3 simulator.</summary>
internal sealed record LinkScenario
{
    /// <summary>One way.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(15);

    /// <summary>Bits per second, each way.</summary>
    public long Bandwidth { get; init; } = 10_000_000;

    /// <summary>Packets that wait for the link; further ones are dropped.</summary>
    public int Queue { get; init; } = 25;

    public int DropPercent { get; init; }

    public int CorruptPercent { get; init; }

    /// <summary>At most so many packets in a row are dropped or corrupted; 0 for no limit.</summary>
    public int Burst { get; init; }

    /// <summary>By their number towards the server, from 1.</summary>
    public ImmutableArray<int> DropsToServer { get; init; } = [];

    /// <summary>The link works for so long, then it is dead for <see cref="Off"/>, and so on; zero for a link that always works.</summary>
    public TimeSpan On { get; init; }

    public TimeSpan Off { get; init; }

    /// <summary>A NAT in front of the client changes its port for the first time; zero for never.</summary>
    public TimeSpan FirstRebind { get; init; }

    public TimeSpan RebindEvery { get; init; }

    /// <summary>It changes the address too.</summary>
    public bool RebindsAddress { get; init; }

    /// <summary>A TCP connection sends as much as it can from the server's place to the client's.</summary>
    public bool HasCrossTraffic { get; init; }
}
