namespace Net.Migration.Directory;

/// <summary>A directory log that cannot be read, and must not be guessed at: a lost record would let an epoch be used twice.</summary>
public sealed class DirectoryLogException : Exception
{
    /// <summary>An exception without a reason; prefer the one that takes it.</summary>
    public DirectoryLogException() { }

    /// <param name="message">What is wrong, and where.</param>
    public DirectoryLogException(string message) : base(message) { }

    /// <param name="message">What is wrong, and where.</param>
    /// <param name="innerException">What was run into.</param>
    public DirectoryLogException(string message, Exception innerException) : base(message, innerException) { }
}
