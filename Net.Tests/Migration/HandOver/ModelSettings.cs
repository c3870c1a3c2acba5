using Net.Migration.HandOver;

namespace Net.Tests.Migration.HandOver;

/// <summary>How a modelled environment breaks a rule on purpose; the product has no such switches.</summary>
internal enum Variant
{
    None,

    /// <summary>After the final part has left, the source thaws without its own write.</summary>
    NoOwnWrite,

    /// <summary>It reads the record, sees itself there, and takes that for enough.</summary>
    ReadIsEnough,

    /// <summary>It tells the destination to wipe before the directory has answered.</summary>
    EarlyAbortNotice,

    /// <summary>The destination gives up after Ready when it hears nothing.</summary>
    DestinationGivesUp,

    /// <summary>The destination serves as soon as it is ready.</summary>
    ServeOnReady,

    /// <summary>Ingresses pass whatever comes, below their epoch too.</summary>
    NoFence,

    /// <summary>The directory compares the owner alone: a move of an epoch that was left already is done all the same.</summary>
    EpochUsedAgain,

    /// <summary>A forced owner serves before the ingresses keep its predecessor out.</summary>
    NoGate,

    /// <summary>A member goes on sending although nobody has confirmed that it is alive.</summary>
    NoLease,

    /// <summary>The destination restores the copy ahead, without what changed until the freeze.</summary>
    CopyIsEnough,
}

/// <summary>How many faults of each kind, and how many packets, a run may still have; at most 15 of each.</summary>
internal readonly record struct Faults
{
    public int LinkLosses { get; init; }

    /// <summary>Of nodes; they do not come back.</summary>
    public int Crashes { get; init; }

    public int LostWrites { get; init; }

    /// <summary>A request to the directory that is done, and arrives once more at any time later.</summary>
    public int DoubledWrites { get; init; }

    public int LostAnswers { get; init; }

    public int Timers { get; init; }

    public int Cancels { get; init; }

    /// <summary>An owner is taken for dead that is alive.</summary>
    public int Suspicions { get; init; }

    /// <summary>Packets that owners send, each through any ingress.</summary>
    public int Packets { get; init; }

    /// <summary>Datagrams between node and ingress that arrive twice.</summary>
    public int DoubledDatagrams { get; init; }

    /// <summary>An ingress that forgets everything and asks again; what is on its way to it is lost.</summary>
    public int IngressRestarts { get; init; }

    /// <summary>The directory forgets whatever is not stored: requests, answers and news under way.</summary>
    public int DirectoryRestarts { get; init; }

    /// <summary>Attempts that follow one that came to nothing.</summary>
    public int MoreAttempts { get; init; }

    /// <summary>Four bits each.</summary>
    public ulong Packed => new[]
    {
        LinkLosses, Crashes, LostWrites, DoubledWrites, LostAnswers, Timers, Cancels, Suspicions, Packets, DoubledDatagrams, IngressRestarts,
        DirectoryRestarts, MoreAttempts,
    }.Aggregate(0UL, static (packed, count) => (packed << 4) | (uint)count);
}

/// <summary>What is modelled.</summary>
/// <param name="Faults">What may go wrong.</param>
/// <param name="Variant">Which rule does not hold.</param>
/// <param name="Ingresses">How many there are, each as late with the news as it likes.</param>
/// <param name="IsRelay">The only ingress, and the directory, are in the source's process: they end with it, and come back when it is started again.</param>
/// <param name="HasThird">A third node may take over by force.</param>
/// <param name="From">The source's state at which the exploration begins; idle: nobody has asked for a move, and nobody will.</param>
internal sealed record ModelSettings(
    Faults Faults, Variant Variant = Variant.None, int Ingresses = 1, bool IsRelay = false, bool HasThird = false, SourceState From = SourceState.Preparing);
