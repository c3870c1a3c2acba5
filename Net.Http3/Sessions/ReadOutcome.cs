namespace Net.Http3.Sessions;

/// <summary>What a read of a message's body gives.</summary>
internal enum ReadOutcome
{
    /// <summary>Bytes were copied.</summary>
    Data,

    /// <summary>None now: <see cref="Http3EventKind.Readable"/> will tell.</summary>
    Wait,

    /// <summary>The message is complete.</summary>
    End,

    /// <summary>The request is over; an <see cref="Http3EventKind.Aborted"/> event says why.</summary>
    Aborted,
}
