namespace Net.Migration.Hosting;

/// <summary>A node could not become a member; the message says why and what to do.</summary>
public sealed class NodeJoinException : Exception
{
    /// <summary>An exception without a reason; prefer the one that takes it.</summary>
    public NodeJoinException() { }

    /// <param name="message">Why, and what to do.</param>
    public NodeJoinException(string message) : base(message) { }

    /// <param name="message">Why, and what to do.</param>
    /// <param name="innerException">What happened.</param>
    public NodeJoinException(string message, Exception innerException) : base(message, innerException) { }
}
