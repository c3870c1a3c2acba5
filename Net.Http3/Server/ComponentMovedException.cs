namespace Net.Http3.Server;

/// <summary>The component has moved to another node, and its state with it: this handler has its request and its response, and nothing else.</summary>
public sealed class ComponentMovedException : Exception
{
    private const string Text = "the component has moved away, and its state with it";

    /// <summary>An exception with the usual words.</summary>
    public ComponentMovedException() : base(Text) { }

    /// <param name="message">What was tried.</param>
    public ComponentMovedException(string message) : base(message) { }

    /// <param name="message">What was tried.</param>
    /// <param name="innerException">What led to it.</param>
    public ComponentMovedException(string message, Exception innerException) : base(message, innerException) { }
}
