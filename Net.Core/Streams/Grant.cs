using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>A limit that we set to the peer: bytes of a stream, bytes of the connection, or streams of a kind (RFC 9000, section 4).</summary>
/// <remarks>
/// <para>What was given back moves the limit; the peer learns of it when half the window has been given back, so that a frame is worth its bytes.</para>
/// <para>A mutable value. Invariants: Told &lt;= Limit; Told and Returned never shrink.</para>
/// </remarks>
internal struct Grant(ulong window)
{
    // What had been given back when a *_BLOCKED frame was last answered ahead of time, plus one; 0 = never.
    private ulong _hurried;

    /// <summary>How far the peer may be ahead of what was given back. It grows, and never shrinks.</summary>
    public ulong Window { get; private set; } = window;

    /// <summary>Given back: bytes read or discarded, streams closed.</summary>
    public ulong Returned { get; private set; }

    /// <summary>The limit that binds the peer: the highest that we ever sent.</summary>
    public ulong Told { get; private set; } = window;

    /// <summary>The peer is to be told, at the next occasion.</summary>
    public bool IsPending { get; private set; }

    /// <summary>The limit that could be told now.</summary>
    public readonly ulong Limit => Returned + Window;

    public void Return(ulong amount)
    {
        Returned += amount;
        IsPending |= Limit > Told && Limit - Told >= (Window + 1) / 2;
    }

    /// <summary>From the next limit on.</summary>
    public void Grow(ulong window) => Window = ulong.Max(Window, window);

    /// <summary>The peer says that a limit holds it up. A reliable frame is under way to it if that limit is an old one; else it may be told early.</summary>
    /// <remarks>At most once per half window given back: otherwise a peer could make us answer a frame with a frame for ever (msquic#5769).</remarks>
    public void OnBlocked(ulong limit)
    {
        if (limit >= Told && Limit > Told && (_hurried == 0 || Returned + 1 - _hurried >= (Window + 1) / 2))
        {
            _hurried = Returned + 1;
            IsPending = true;
        }
    }

    public void OnTold()
    {
        Told = Limit;
        IsPending = false;
    }

    /// <summary>The frame that told a limit was lost: it matters only when no later one was sent.</summary>
    public void OnLost(ulong limit) => IsPending |= limit == Told;

    public readonly void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Window);
        writer.WriteNumber(Returned);
        writer.WriteNumber(Told);
        writer.WriteNumber(_hurried);
        writer.WriteBool(IsPending);
    }

    public static Grant Import(SnapshotReader reader, ulong maxWindow)
    {
        Grant grant = new(reader.ReadNumber(maxWindow)) { Returned = reader.ReadNumber(VarInt.MaxValue) };
        grant.Told = reader.ReadNumber(VarInt.MaxValue);
        grant._hurried = reader.ReadNumber(VarInt.MaxValue);
        grant.IsPending = reader.ReadBool();
        return grant.Told <= grant.Limit && grant._hurried <= grant.Returned + 1
            ? grant
            : throw new SnapshotException("a limit was told that was never granted");
    }
}
