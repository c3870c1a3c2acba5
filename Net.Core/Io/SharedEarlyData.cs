using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>The ledger of 0-RTT data of a port that several threads serve: a copy of a ClientHello may arrive at any of them.</summary>
internal sealed class SharedEarlyData(EarlyDataLedger ledger) : IEarlyDataLedger
{
    private readonly Lock _gate = new();

    public bool TryUse(UInt128 serial, long sentAt, long now)
    {
        lock (_gate)
        {
            return ledger.TryUse(serial, sentAt, now);
        }
    }
}
