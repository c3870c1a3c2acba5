using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Connection-level flow control, both directions, in bytes summed over all streams (RFC 9000, section 4.1).</summary>
/// <remarks>Invariants: Returned &lt;= Received &lt;= Told, and Sent &lt;= the peer's limit.</remarks>
internal sealed class Credit : IPart<Credit>
{
    private Grant _grant;
    private Allowance _allowance;
    private WindowTuner _tuner = new();

    public Credit(ulong window) => _grant = new(window);

    private Credit() { }

    public static ulong Section => SectionNumber.Credit;

    public ulong Changes { get; private set; } = 1;

    /// <summary>The sum of the highest offsets received.</summary>
    public ulong Received { get; private set; }

    /// <summary>The sum of the highest offsets sent.</summary>
    public ulong Sent { get; private set; }

    /// <summary>Bytes read or discarded.</summary>
    public ulong Returned => _grant.Returned;

    public ulong Told => _grant.Told;

    /// <summary>Bytes that the peer may be ahead of all readers.</summary>
    public ulong Window => _grant.Window;

    /// <summary>New bytes that may be sent; what is sent again is free.</summary>
    public ulong Available => _allowance.Limit - Sent;

    public bool TellsLimit => _grant.IsPending;

    public bool TellsBlocked => _allowance.IsPending;

    /// <summary>False when the peer sends more than it was allowed.</summary>
    public bool TryReceive(ulong amount)
    {
        if (amount > _grant.Told - Received)
        {
            return false;
        }

        Received += amount;
        Changes++;
        return true;
    }

    /// <summary>The application has read so many bytes.</summary>
    public void Consume(ulong amount)
    {
        _tuner.OnRead(amount);
        Return(amount);
    }

    /// <summary>Bytes were read, or dropped unread.</summary>
    public void Return(ulong amount)
    {
        _grant.Return(amount);
        Changes++;
    }

    public void Spend(ulong amount)
    {
        Sent += amount;
        Changes++;
    }

    /// <summary>Data waits and nothing is available.</summary>
    public void NoteBlocked() => Changes += _allowance.OnBlocked() ? 1UL : 0;

    public void OnMaxData(ulong limit) => Changes += _allowance.Raise(limit) ? 1UL : 0;

    public void OnDataBlocked(ulong limit)
    {
        _grant.OnBlocked(limit);
        Changes++;
    }

    /// <summary>The limit to put into a MAX_DATA frame that is written now.</summary>
    public ulong Limit => _grant.Limit;

    /// <summary>The peer is about to be told a limit: the window may grow before that.</summary>
    public void Tune(ulong maxWindow, Instant now, TimeSpan roundTrip)
    {
        _grant.Grow(_tuner.Next(_grant.Window, maxWindow, now, roundTrip));
        Changes++;
    }

    public void OnLimitTold()
    {
        _grant.OnTold();
        Changes++;
    }

    /// <summary>The limit to put into a DATA_BLOCKED frame.</summary>
    public ulong BlockedLimit => _allowance.Limit;

    public void OnBlockedTold()
    {
        _allowance.OnTold();
        Changes++;
    }

    public void OnLimitLost(ulong limit)
    {
        _grant.OnLost(limit);
        Changes++;
    }

    public void OnBlockedLost(ulong limit)
    {
        _allowance.OnLost(limit);
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        _grant.Export(writer);
        writer.WriteNumber(Received);
        _allowance.Export(writer);
        writer.WriteNumber(Sent);
        _tuner.Export(writer);
    }

    public static Credit Import(SnapshotReader reader)
    {
        Credit credit = new()
        {
            _grant = Grant.Import(reader, ReceiveBuffer.MaxWindow),
            Received = reader.ReadNumber(VarInt.MaxValue),
            _allowance = Allowance.Import(reader),
            Sent = reader.ReadNumber(VarInt.MaxValue),
            _tuner = WindowTuner.Import(reader),
        };
        bool sound = credit.Returned <= credit.Received
            && credit.Received <= credit.Told
            && credit.Sent <= credit._allowance.Limit;
        return sound ? credit : throw new SnapshotException("flow control offsets contradict each other");
    }
}
