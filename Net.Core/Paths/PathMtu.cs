using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Paths;

/// <summary>The largest datagram that a path carries, searched for with probes (DPLPMTUD: RFC 8899; RFC 9000, section 14.3).</summary>
/// <remarks>
/// | state          | entered by                                            | probes                          | left by                                 |
/// |----------------|-------------------------------------------------------|---------------------------------|-----------------------------------------|
/// | Base           | begin, another path, black hole: 1,200 bytes          | the largest size wanted         | its arrival: Complete; three losses: Searching |
/// | Searching      | a size failed                                         | the middle of what is left      | less than <see cref="Step"/> bytes are left: Complete |
/// | Complete       | what is carried is known                              | none for <see cref="RaiseAfter"/> | that time over: the largest size again |
/// The largest size goes first, because most paths carry it. One probe is under way at a time; its loss is no sign of congestion. ICMP is not
/// listened to: it can be forged. The raise timer wakes nobody: a connection that has nothing to send has no use for larger datagrams.
/// </remarks>
internal sealed class PathMtu : IPart<PathMtu>
{
    public const int Base = 1200;

    /// <summary>The largest UDP payload (RFC 9000, section 18.2).</summary>
    public const int Max = 65_527;

    /// <summary>Probe timeouts in a row after which the path is suspected to carry less than it did (RFC 8899, section 4.3).</summary>
    public const int BlackHoleTimeouts = 3;

    /// <summary>Larger packets lost, with none of them arriving in between, that raise the same suspicion while small ones come through.</summary>
    public const int BlackHoleLosses = 10;

    /// <summary>Losses of one size that say that the path does not carry it (MAX_PROBES).</summary>
    public const int MaxProbes = 3;

    /// <summary>Bytes that are not worth another probe.</summary>
    public const int Step = 16;

    /// <summary>PMTU_RAISE_TIMER (RFC 8899, section 5.1.1): paths change.</summary>
    public static readonly TimeSpan RaiseAfter = TimeSpan.FromMinutes(10);

    private int _wanted;
    private int _current = Base;
    private int _ceiling;
    private int _failures;
    private int _probed;
    private int _lostLarge;
    private ulong _search;
    private Instant _probedAt = Instant.Never;

    /// <param name="wanted">UDP payload in bytes, 1,200 to 65,527: what the local link carries.</param>
    public PathMtu(int wanted)
    {
        _wanted = int.Clamp(wanted, Base, Max);
        _ceiling = _wanted;
    }

    public static ulong Section => SectionNumber.PathMtu;

    public ulong Changes { get; private set; }

    /// <summary>Bytes of UDP payload that a datagram may have now.</summary>
    public int Current => _current;

    /// <summary>Nothing more is to be found out for now.</summary>
    public bool IsComplete => Next(_ceiling) == 0;

    /// <summary>The size of the probe to send now; 0 when none is needed.</summary>
    public int ProbeSize(Instant now) => _probed > 0 ? 0 : Next(IsRaiseDue(now) ? _wanted : _ceiling);

    /// <summary>What a probe is remembered by until its fate is known.</summary>
    public SentFrame Probe(int size) => new(SentFrameKind.MtuProbe, _search, (ulong)size);

    /// <param name="maxUdpPayloadSize">What the peer takes, at least 1,200 (RFC 9000, section 18.2).</param>
    public void OnPeerLimit(ulong maxUdpPayloadSize)
    {
        _wanted = int.Max(Base, (int)ulong.Min(maxUdpPayloadSize, (ulong)_wanted));
        _ceiling = int.Min(_ceiling, _wanted);
        Changes++;
    }

    public void OnProbeSent(int size, Instant now)
    {
        if (IsRaiseDue(now))
        {
            _ceiling = _wanted;
            _failures = 0;
        }

        _probed = size;
        _probedAt = now;
        Changes++;
    }

    /// <summary>A probe arrived. One of another path, or of before a black hole, says nothing.</summary>
    public void OnAcked(in SentFrame probe)
    {
        if (IsUnderWay(probe))
        {
            _current = _probed;
            _failures = 0;
            _probed = 0;
            Changes++;
        }
    }

    public void OnLost(in SentFrame probe)
    {
        if (!IsUnderWay(probe))
        {
            return;
        }

        if (++_failures == MaxProbes)
        {
            _ceiling = _probed - 1;
            _failures = 0;
        }

        _probed = 0;
        Changes++;
    }

    /// <summary>Another path may carry less: begin again.</summary>
    public void OnPathChanged()
    {
        _current = Base;
        _ceiling = _wanted;
        _failures = 0;
        _probed = 0;
        _lostLarge = 0;
        _search++;
        Changes++;
    }

    /// <summary>Nothing arrives any more: perhaps large datagrams alone do not. Try small ones, and look again when they work.</summary>
    public void OnProbeTimeouts(int inARow)
    {
        if (inARow >= BlackHoleTimeouts && _current > Base)
        {
            OnPathChanged();
        }
    }

    /// <summary>What an acknowledgement told of packets that were no probes.</summary>
    /// <param name="largestAcked">Bytes of the largest packet that arrived.</param>
    /// <param name="lostLarge">Packets above <see cref="Base"/> that were lost.</param>
    public void OnFeedback(int largestAcked, int lostLarge)
    {
        if (largestAcked > Base)
        {
            Changes += _lostLarge > 0 ? 1UL : 0UL;
            _lostLarge = 0;
        }
        else if (lostLarge > 0 && _current > Base)
        {
            _lostLarge += lostLarge;
            Changes++;
            if (_lostLarge >= BlackHoleLosses)
            {
                OnPathChanged();
            }
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)_wanted);
        writer.WriteNumber((ulong)_current);
        writer.WriteNumber((ulong)_ceiling);
        writer.WriteNumber((ulong)_failures);
        writer.WriteNumber((ulong)_probed);
        writer.WriteNumber((ulong)_lostLarge);
        writer.WriteNumber(_search);
        writer.WriteInstant(_probedAt);
    }

    public static PathMtu Import(SnapshotReader reader)
    {
        PathMtu mtu = new((int)reader.ReadNumber(Max))
        {
            _current = (int)reader.ReadNumber(Max),
            _ceiling = (int)reader.ReadNumber(Max),
            _failures = (int)reader.ReadNumber(MaxProbes - 1),
            _probed = (int)reader.ReadNumber(Max),
            _lostLarge = (int)reader.ReadNumber(BlackHoleLosses - 1),
            _search = reader.ReadNumber(),
            _probedAt = reader.ReadInstant(),
        };
        bool sound = mtu._current >= Base && mtu._current <= mtu._wanted
            && mtu._ceiling >= Base && mtu._ceiling <= mtu._wanted
            && mtu._probed <= mtu._wanted
            && (mtu._probedAt.IsNever ? mtu._probed == 0 : mtu._probedAt <= reader.Now);
        return sound ? mtu : throw new SnapshotException("the path's datagram size is out of range");
    }

    private bool IsRaiseDue(Instant now) => IsComplete && _ceiling < _wanted && !_probedAt.IsNever && now - _probedAt >= RaiseAfter;

    private bool IsUnderWay(in SentFrame probe) => _probed > 0 && probe.Id == _search && probe.Offset == (ulong)_probed;

    private int Next(int ceiling)
    {
        if (ceiling == _wanted)
        {
            return _current < _wanted ? _wanted : 0;
        }

        return ceiling - _current < Step ? 0 : _current + ((ceiling - _current + 1) / 2);
    }
}
