namespace Net.Core.Io;

/// <summary>How a listener's threads share the work, at one moment.</summary>
public sealed class QuicListenerStatistics
{
    /// <summary>Threads that serve, each with a socket on the port: fewer than <see cref="QuicListenerOptions.Threads"/> when one has died of a fault.</summary>
    public int Threads { get; init; }

    /// <summary>Connections of each thread, handshakes and those included that are on their way out. The system decides by the client's address which thread gets it.</summary>
    public IReadOnlyList<int> ConnectionsByThread { get; init; } = [];

    /// <summary>Handshakes under way, on all threads.</summary>
    public int Handshakes { get; init; }

    /// <summary>Connections that a fault of this library has ended, without harm to any other; those of threads that have died are not counted.</summary>
    public long Faults { get; init; }

    /// <summary>Datagrams that came to another thread than that of their connection, as the client's address has changed, and were passed to it.</summary>
    public long DatagramsPassed { get; init; }

    /// <summary>Datagrams that were lost on that way, because too many waited there already.</summary>
    public long DatagramsDropped { get; init; }
}
