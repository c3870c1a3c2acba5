using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A checkpoint of a component: one instant that it can go back to.</summary>
/// <param name="Number">Grows with each checkpoint of the component, wherever it is, and is never used again.</param>
/// <param name="Bytes">That it takes: the component's state, and how far its running requests were.</param>
/// <param name="Kept">Numbers of all checkpoints that there are now, from the oldest on.</param>
public sealed record ComponentCheckpoint(ulong Number, long Bytes, IReadOnlyList<ulong> Kept);

/// <summary>A component has gone back to a checkpoint. All of its connections live on.</summary>
/// <param name="Number">Of the checkpoint.</param>
/// <param name="Resumed">Requests whose handlers have begun again where the checkpoint has them: nothing had gone either way since.</param>
/// <param name="Reset">Requests that depended on what was discarded: their streams were reset with H3_INTERNAL_ERROR.</param>
/// <param name="Kept">Numbers of all checkpoints that there are now, from the oldest on: later ones than <paramref name="Number"/> are forgotten.</param>
public sealed record ComponentRollBack(ulong Number, int Resumed, int Reset, IReadOnlyList<ulong> Kept);

/// <summary>A checkpoint was not made, or a component has not gone back; it is served as before. The message says why and what to do.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>An exception without a reason; prefer the one that takes it.</summary>
    public CheckpointException() { }

    /// <param name="message">Why, and what to do.</param>
    public CheckpointException(string message) : base(message) { }

    /// <param name="message">Why, and what to do.</param>
    /// <param name="innerException">What happened.</param>
    public CheckpointException(string message, Exception innerException) : base(message, innerException) { }

    /// <exception cref="CheckpointException">The report is one of a failure.</exception>
    internal static void ThrowIfFailed(CheckpointReport report)
    {
        if (report.Code != MigrateCode.None)
        {
            throw new CheckpointException(report.Message);
        }
    }
}
