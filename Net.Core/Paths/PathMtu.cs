using Net.Core.Snapshots;

namespace Net.Core.Paths;

/// <summary>The largest datagram that a path carries, found by one probe of the wanted size (RFC 8899; RFC 9000, section 14.3).</summary>
/// <remarks>
/// 1,200 bytes always work. The probe is repeated twice when it is lost; a loss of a probe is no sign of congestion.
/// ICMP is not listened to: it can be forged.
/// </remarks>
internal sealed class PathMtu : IPart<PathMtu>
{
    public const int Base = 1200;

    /// <summary>Probe timeouts in a row after which the path is suspected to carry less than it did (RFC 8899, section 4.3).</summary>
    public const int BlackHoleTimeouts = 3;

    private const int MaxProbes = 3;

    private int _wanted;
    private int _current = Base;
    private int _probes;
    private bool _probing;

    /// <param name="wanted">UDP payload in bytes, 1,200 to 65,527: what the local link carries.</param>
    public PathMtu(int wanted) => _wanted = int.Max(wanted, Base);

    public static ulong Section => SectionNumber.PathMtu;

    public ulong Changes { get; private set; }

    /// <summary>Bytes of UDP payload that a datagram may have now.</summary>
    public int Current => _current;

    /// <summary>The size of the probe to send now; 0 when none is needed.</summary>
    public int ProbeSize => _current < _wanted && !_probing && _probes < MaxProbes ? _wanted : 0;

    /// <param name="maxUdpPayloadSize">What the peer takes, at least 1,200 (RFC 9000, section 18.2).</param>
    public void OnPeerLimit(ulong maxUdpPayloadSize)
    {
        _wanted = int.Max(Base, (int)ulong.Min(maxUdpPayloadSize, (ulong)_wanted));
        Changes++;
    }

    public void OnProbeSent()
    {
        _probing = true;
        _probes++;
        Changes++;
    }

    public void OnAcked()
    {
        _current = _probing ? _wanted : _current;
        _probing = false;
        Changes++;
    }

    public void OnLost()
    {
        _probing = false;
        Changes++;
    }

    /// <summary>Another path may carry less: begin again.</summary>
    public void OnPathChanged()
    {
        _current = Base;
        _probes = 0;
        _probing = false;
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

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)_wanted);
        writer.WriteNumber((ulong)_current);
        writer.WriteNumber((ulong)_probes);
        writer.WriteBool(_probing);
    }

    public static PathMtu Import(SnapshotReader reader)
    {
        PathMtu mtu = new((int)reader.ReadNumber(65_527))
        {
            _current = (int)reader.ReadNumber(65_527),
            _probes = (int)reader.ReadNumber(MaxProbes),
            _probing = reader.ReadBool(),
        };
        return mtu._current >= Base && mtu._current <= mtu._wanted && (!mtu._probing || mtu._probes > 0)
            ? mtu
            : throw new SnapshotException("the path's datagram size is out of range");
    }
}
