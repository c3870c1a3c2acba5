using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>The path's round-trip time (RFC 9002, section 5).</summary>
/// <remarks>Invariants: no duration is negative; <c>Min &lt;= Latest</c> once there is a sample.</remarks>
internal sealed class RttEstimator : IPart<RttEstimator>
{
    /// <summary>No timer is finer than this (kGranularity).</summary>
    public static readonly TimeSpan Granularity = TimeSpan.FromMilliseconds(1);

    /// <summary>Assumed before the first sample (kInitialRtt).</summary>
    public static readonly TimeSpan Initial = TimeSpan.FromMilliseconds(333);

    /// <summary>No sample and no delay is taken to be longer: keeps every sum and back-off far from overflow.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromMinutes(2);

    private Instant _samplesFrom = new(long.MinValue / 4);
    private bool _restartsMin;

    public static ulong Section => SectionNumber.Rtt;

    public ulong Changes { get; private set; }

    public TimeSpan Latest { get; private set; }

    public TimeSpan Min { get; private set; }

    public TimeSpan Smoothed { get; private set; } = Initial;

    public TimeSpan Variation { get; private set; } = Initial / 2;

    /// <summary>When the first sample was taken; never, before (first_rtt_sample).</summary>
    public Instant FirstSampleAt { get; private set; } = Instant.Never;

    /// <summary>The longest time that the peer says it lets an acknowledgement wait (its max_ack_delay).</summary>
    public TimeSpan MaxAckDelay
    {
        get;
        set
        {
            field = value;
            Changes++;
        }
    } = TimeSpan.FromMilliseconds(25);

    public bool HasSample => !FirstSampleAt.IsNever;

    /// <summary>An ACK's delay field as a duration. Any 62-bit value with any exponent up to 20 is possible (checklist S7).</summary>
    public static TimeSpan DecodeAckDelay(ulong raw, int exponent) =>
        raw > (ulong)(Max.Ticks / TimeSpan.TicksPerMicrosecond) >> exponent
            ? Max
            : new TimeSpan((long)(raw << exponent) * TimeSpan.TicksPerMicrosecond);

    /// <summary>Learns from a packet that was acknowledged for the first time, the largest of its ACK.</summary>
    public void OnSample(Instant sentAt, Instant now, TimeSpan ackDelay, bool handshakeConfirmed)
    {
        if (sentAt < _samplesFrom)
        {
            return;
        }

        TimeSpan latest = Clamp(now - sentAt);
        Latest = latest;
        Changes++;
        if (!HasSample)
        {
            FirstSampleAt = now;
            Min = latest;
            Smoothed = latest;
            Variation = latest / 2;
            return;
        }

        Min = _restartsMin || latest < Min ? latest : Min;
        _restartsMin = false;
        ackDelay = Clamp(ackDelay);
        if (handshakeConfirmed && ackDelay > MaxAckDelay)
        {
            ackDelay = MaxAckDelay;
        }

        // A delay that would take the sample below the smallest ever seen is not believed.
        TimeSpan adjusted = latest - Min >= ackDelay ? latest - ackDelay : latest;
        TimeSpan deviation = (Smoothed - adjusted).Duration();
        Variation = new(((3 * Variation.Ticks) + deviation.Ticks) / 4);
        Smoothed = new(((7 * Smoothed.Ticks) + adjusted.Ticks) / 8);
    }

    /// <summary>A first idea of the path, in place of the default, from an exchange that gives no sample: a Retry (RFC 9002, section 6.2.2).</summary>
    /// <remarks>A longer time than the default tells of losses more than of the path.</remarks>
    public void Suppose(TimeSpan roundTrip)
    {
        if (!HasSample && roundTrip < Initial)
        {
            Smoothed = Clamp(roundTrip);
            Variation = Smoothed / 2;
            Changes++;
        }
    }

    /// <summary>Without back-off (RFC 9002, section 6.2.1).</summary>
    public TimeSpan Pto(bool withMaxAckDelay)
    {
        long margin = long.Max(4 * Variation.Ticks, Granularity.Ticks);
        return new(Smoothed.Ticks + margin + (withMaxAckDelay ? MaxAckDelay.Ticks : 0));
    }

    /// <summary>How long after a later packet's acknowledgement a packet may still be under way (kTimeThreshold; RFC 9002, section 6.1.2).</summary>
    public TimeSpan LossDelay => new(long.Max(long.Max(Latest.Ticks, Smoothed.Ticks) * 9 / 8, Granularity.Ticks));

    /// <summary>The path may have changed for good: the next sample restarts the minimum (RFC 9002, section 5.2).</summary>
    public void OnPersistentCongestion()
    {
        _restartsMin = true;
        Changes++;
    }

    /// <summary>Another path: what was learned holds no more, and packets sent before teach nothing (RFC 9000, section 9.4).</summary>
    public void OnPathChanged(Instant now)
    {
        Latest = TimeSpan.Zero;
        Min = TimeSpan.Zero;
        Smoothed = Initial;
        Variation = Initial / 2;
        FirstSampleAt = Instant.Never;
        _restartsMin = false;
        OnClockBroken(now);
    }

    /// <summary>The time of a freeze is not in the ages of what was sent before it: those packets would seem faster than the path is.</summary>
    public void OnClockBroken(Instant now)
    {
        _samplesFrom = now;
        Changes++;
    }

    /// <summary>The new owner is nearer to the ingress or farther from it than the old one was.</summary>
    /// <param name="difference">New round trip between ingress and node less the old one.</param>
    public void Shift(TimeSpan difference)
    {
        if (HasSample)
        {
            Latest = Clamp(Latest + difference);
            Min = Clamp(Min + difference);
            Smoothed = Clamp(Smoothed + difference);
            Changes++;
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteDuration(Latest);
        writer.WriteDuration(Min);
        writer.WriteDuration(Smoothed);
        writer.WriteDuration(Variation);
        writer.WriteDuration(MaxAckDelay);
        writer.WriteInstant(FirstSampleAt);
        writer.WriteBool(_samplesFrom.Ticks > long.MinValue / 4);
        writer.WriteInstant(_samplesFrom.Ticks > long.MinValue / 4 ? _samplesFrom : writer.Now);
        writer.WriteBool(_restartsMin);
    }

    public static RttEstimator Import(SnapshotReader reader)
    {
        RttEstimator rtt = new()
        {
            Latest = ReadDuration(reader),
            Min = ReadDuration(reader),
            Smoothed = ReadDuration(reader),
            Variation = ReadDuration(reader),
            MaxAckDelay = ReadDuration(reader),
            FirstSampleAt = reader.ReadInstant(),
        };
        bool hasFrom = reader.ReadBool();
        Instant from = reader.ReadInstant();
        rtt._samplesFrom = hasFrom ? from : rtt._samplesFrom;
        rtt._restartsMin = reader.ReadBool();
        bool sound = (!rtt.HasSample || (rtt.Min <= rtt.Latest && rtt.FirstSampleAt <= reader.Now))
            && (!hasFrom || from <= reader.Now);
        return sound ? rtt : throw new SnapshotException("round-trip times contradict each other");
    }

    private static TimeSpan ReadDuration(SnapshotReader reader)
    {
        TimeSpan value = reader.ReadDuration();
        return value >= TimeSpan.Zero && value <= Max ? value : throw new SnapshotException("a round-trip time is out of range");
    }

    private static TimeSpan Clamp(TimeSpan value) => value < TimeSpan.Zero ? TimeSpan.Zero : value > Max ? Max : value;
}
