using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Connection-level flow control, both directions, in bytes summed over all streams (RFC 9000, section 4.1).</summary>
/// <remarks>Invariants: Returned &lt;= Received &lt;= Told, and Sent &lt;= the peer's limit.</remarks>
internal sealed class Credit : IPart<Credit>
{
    private Grant _grant;
    private Allowance _allowance;

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
    }

    public static Credit Import(SnapshotReader reader)
    {
        Credit credit = new()
        {
            _grant = Grant.Import(reader, ReceiveBuffer.MaxWindow),
            Received = reader.ReadNumber(VarInt.MaxValue),
            _allowance = Allowance.Import(reader),
            Sent = reader.ReadNumber(VarInt.MaxValue),
        };
        bool sound = credit.Returned <= credit.Received
            && credit.Received <= credit.Told
            && credit.Sent <= credit._allowance.Limit;
        return sound ? credit : throw new SnapshotException("flow control offsets contradict each other");
    }
}
