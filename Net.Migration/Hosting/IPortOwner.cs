using System.Net.Sockets;

namespace Net.Migration.Hosting;

/// <summary>Who serves a public port and may pass it on.</summary>
internal interface IPortOwner
{
    int PublicPort { get; }

    /// <summary>The name of its node.</summary>
    string Name { get; }

    /// <summary>How long a successor that has got the port may take to say that it reads from it: nobody does meanwhile.</summary>
    TimeSpan Patience { get; }

    /// <summary>How long it may take from then on to say that it can take everything.</summary>
    TimeSpan TakeOverTimeout { get; }

    SafeSocketHandle PublicSocket { get; }

    /// <summary>Looks at what a successor can serve, before it gets anything.</summary>
    /// <returns>Why it gets nothing, in ASCII; null: it may have all.</returns>
    string? WhyNot(IReadOnlySet<string> components);

    /// <summary>Stops reading from the port, which stays open.</summary>
    /// <returns>What has been read from it, and nobody has got: <see cref="KeptDatagrams"/>.</returns>
    Task<byte[]> ReleaseAsync();

    /// <summary>Another process reads from it, and takes members at this port. Ends when this one is a member.</summary>
    Task FollowAsync(int controlPort);

    /// <summary>Moves all components to that process.</summary>
    /// <param name="name">Of its node.</param>
    /// <param name="time">What has not moved by then stays.</param>
    /// <param name="cancellationToken">That process is gone.</param>
    /// <returns>False: something stays.</returns>
    Task<bool> MoveAsync(string name, TimeSpan time, CancellationToken cancellationToken);

    /// <summary>Ends when nobody has read from the port for longer than <see cref="Patience"/>, as far as this process can see, which is a member there.</summary>
    Task SilenceAsync(CancellationToken cancellationToken);

    /// <summary>Not everything has moved: this process takes back what has.</summary>
    Task StayAsync();

    /// <summary>That process is gone, or does not get everything: reads again, as soon as that one has let go.</summary>
    /// <param name="successor">That process: it is ended, should it be there and never let go.</param>
    /// <returns>False: it goes on, or another one serves by now, and nothing is left to take back.</returns>
    Task<bool> TryTakeBackAsync(SocketPeer successor);
}
