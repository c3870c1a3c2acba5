namespace Net.Core.Tls;

/// <summary>What became of a client's wish to send 0-RTT data (RFC 8446, section 4.2.10).</summary>
internal enum EarlyDataState : byte
{
    /// <summary>It was not offered.</summary>
    None,

    /// <summary>Offered, and not answered yet.</summary>
    Offered,

    /// <summary>The server reads it.</summary>
    Accepted,

    /// <summary>The server has skipped it: what was sent must be sent again.</summary>
    Rejected,
}
