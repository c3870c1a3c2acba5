namespace Net.Http3.Server;

/// <summary>What becomes of a component's running requests when it moves.</summary>
public enum RunningRequests
{
    /// <summary>
    /// <see cref="Resume"/> for an <see cref="IResumableComponent"/>; <see cref="Tether"/> for an <see cref="ITetheredComponent"/>, and for a component
    /// without state that moves; else <see cref="Drain"/>.
    /// </summary>
    Default,

    /// <summary>Each handler is held where it awaits an operation, and another one goes on at the destination from what it has saved.</summary>
    Resume,

    /// <summary>
    /// The connection moves, the handler finishes where it is: what it reads and writes travels between the nodes. It keeps its request and response
    /// alone; the state of the component is elsewhere (<see cref="ComponentMovedException"/>).
    /// </summary>
    Tether,

    /// <summary>The move waits until each handler has ended, and fails if that takes too long. New requests wait meanwhile.</summary>
    Drain,
}
