namespace Net.Core.Io;

/// <summary>Who may send on a stream.</summary>
public enum QuicStreamType
{
    /// <summary>Only its opener.</summary>
    Unidirectional,
    /// <summary>Both ends.</summary>
    Bidirectional,
}

/// <summary>Which direction of a stream to abort.</summary>
[Flags]
public enum QuicAbortDirection
{
    /// <summary>The reading side: the peer is asked to stop sending (STOP_SENDING).</summary>
    Read = 1,
    /// <summary>The writing side: what was not sent is dropped (RESET_STREAM).</summary>
    Write = 2,
    /// <summary>Both.</summary>
    Both = Read | Write,
}
