namespace Net.Core.Tls;

/// <summary>Says once per ticket whether it may bring 0-RTT data: an <see cref="EarlyDataLedger"/>, or one that several threads ask.</summary>
internal interface IEarlyDataLedger
{
    /// <summary>Whether 0-RTT may be accepted for a ticket, now and never again.</summary>
    /// <param name="serial">Of the ticket.</param>
    /// <param name="sentAt">When the client says that it sent its ClientHello, on our clock.</param>
    /// <param name="now">Second of the wall clock.</param>
    bool TryUse(UInt128 serial, long sentAt, long now);
}
