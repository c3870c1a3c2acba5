namespace Net.Core.Snapshots;

/// <summary>A snapshot that cannot be restored: cut, tampered with, of an unknown format, or contradicting itself.</summary>
/// <remarks>Nothing of it was applied. The message is a constant of ours and holds nothing secret.</remarks>
public sealed class SnapshotException : Exception
{
    /// <summary>An exception without a reason; prefer the one that takes it.</summary>
    public SnapshotException() { }

    /// <param name="message">What contradicts what.</param>
    public SnapshotException(string message) : base(message) { }

    /// <param name="message">What contradicts what.</param>
    /// <param name="innerException">What the decoder ran into.</param>
    public SnapshotException(string message, Exception innerException) : base(message, innerException) { }
}
