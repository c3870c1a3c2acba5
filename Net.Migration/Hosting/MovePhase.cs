namespace Net.Migration.Hosting;

/// <summary>Where a move stands, as its measurement tells it: each phase ends what the one before began.</summary>
internal enum MovePhase
{
    /// <summary>Source: the turn that freezes begins.</summary>
    Freezing,

    /// <summary>Source: frozen, marker sent, everything written down.</summary>
    Exported,

    /// <summary>Source: the last part is sealed and given to the link.</summary>
    Sent,

    /// <summary>Destination: all has arrived and is decoded.</summary>
    Decoded,

    /// <summary>Destination: every connection stands by.</summary>
    Restored,

    /// <summary>Source: has heard of it, and asks for the move.</summary>
    Asked,

    /// <summary>Destination: has heard that it owns the component.</summary>
    Committed,

    /// <summary>Destination: serves.</summary>
    Serving,

    /// <summary>Destination: the first datagram of a client is processed.</summary>
    First,
}
