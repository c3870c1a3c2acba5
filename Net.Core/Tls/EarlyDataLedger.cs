using Net.Core.Snapshots;

namespace Net.Core.Tls;

/// <summary>Which tickets have lately brought 0-RTT data: none brings it twice (RFC 8446, sections 8.1 to 8.3; checklist S43).</summary>
/// <remarks>
/// <para>
/// A ClientHello says how old its ticket is. One that is repeated later than <see cref="Tolerance"/> contradicts its own age, so a serial
/// has to be remembered only for as long as a copy could still pass. A full ledger accepts no more 0-RTT: it forgets nobody early.
/// </para>
/// <para>
/// It belongs to who opens the tickets: an endpoint, or a component, with which it travels. A server that starts without the ledger of its
/// former life refuses what was sent before its start, as it may have been accepted then: see <see cref="AfterLoss"/>.
/// </para>
/// </remarks>
/// <param name="since">
/// Nothing is accepted that says to have been sent up to this second of the wall clock. <see cref="long.MinValue"/>, for all, is for keys that are no
/// older than this ledger; <see cref="long.MaxValue"/> for none.
/// </param>
/// <param name="capacity">Serials within the window.</param>
internal sealed class EarlyDataLedger(long since, int capacity = EarlyDataLedger.DefaultCapacity) : IEarlyDataLedger
{
    public const int DefaultCapacity = 16_384;

    /// <summary>Seconds by which a ticket's stated age may differ from ours: round trips, two clocks, and seconds that are cut off.</summary>
    public const long Tolerance = 10;

    private const long Kept = 2 * Tolerance;

    private readonly HashSet<UInt128> _serials = [];
    private readonly Queue<(UInt128 Serial, long Second)> _order = new();
    private readonly long _since = since;

    public int Count => _order.Count;

    /// <summary>Grows with every change of what travels.</summary>
    public ulong Changes { get; private set; }

    /// <summary>A ledger for who has lost another, or never had it, while tickets of its keys are about.</summary>
    /// <param name="now">Second of the wall clock.</param>
    /// <remarks>What was accepted before may say to have been sent in a moment to come: by as much as clocks may differ.</remarks>
    public static EarlyDataLedger AfterLoss(long now) => new(now + Tolerance);

    /// <inheritdoc/>
    public bool TryUse(UInt128 serial, long sentAt, long now)
    {
        Forget(now);
        bool isFresh = sentAt >= now - Tolerance && sentAt <= now + Tolerance;
        if (!isFresh || sentAt <= _since || _order.Count >= capacity || !_serials.Add(serial))
        {
            return false;
        }

        _order.Enqueue((serial, now));
        Changes++;
        return true;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteSigned(_since);
        writer.WriteNumber((ulong)_order.Count);
        Span<byte> bytes = stackalloc byte[16];
        foreach ((UInt128 serial, long second) in _order)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, serial);
            writer.WriteBytes(bytes);
            writer.WriteSigned(second);
        }
    }

    /// <exception cref="SnapshotException">Malformed, longer than a ledger is, or not in the order of time.</exception>
    public static EarlyDataLedger Import(SnapshotReader reader, int capacity = DefaultCapacity)
    {
        EarlyDataLedger ledger = new(reader.ReadSigned(), capacity);
        int count = reader.ReadCount();
        long last = long.MinValue;
        for (int i = 0; i < count; i++)
        {
            UInt128 serial = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(reader.ReadBytes(16).Span);
            long second = reader.ReadSigned();
            if (i == capacity || second < last || !ledger._serials.Add(serial))
            {
                throw new SnapshotException("a ledger of early data contradicts itself");
            }

            ledger._order.Enqueue((serial, second));
            last = second;
        }

        return ledger;
    }

    private void Forget(long now)
    {
        while (_order.TryPeek(out (UInt128 Serial, long Second) oldest) && oldest.Second < now - Kept)
        {
            _order.Dequeue();
            _serials.Remove(oldest.Serial);
            Changes++;
        }
    }
}
