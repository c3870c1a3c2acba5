using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Recovery;

/// <summary>Loss recovery with a clock in milliseconds, and ACK frames by their ranges.</summary>
internal sealed class RecoveryHarness(bool isServer = true, bool confirmed = true)
{
    public const PacketNumberSpace App = PacketNumberSpace.ApplicationData;

    public LossRecovery Recovery { get; set; } = Create(isServer, confirmed);

    public SentFrameBuffer Acked { get; } = new();

    public SentFrameBuffer Lost { get; } = new();

    public PacketNumbers Numbers => Recovery[App].Numbers;

    public SentPackets Sent => Recovery[App].Sent;

    public static Instant At(double milliseconds) => new(TimeSpan.TicksPerDay + (long)(milliseconds * TimeSpan.TicksPerMillisecond));

    public static TimeSpan Ms(double milliseconds) => new((long)(milliseconds * TimeSpan.TicksPerMillisecond));

    public ulong Send(double at, int size = 1200, bool eliciting = true, PacketNumberSpace space = App, Ecn ecn = Ecn.NotEct, params SentFrame[] frames)
    {
        ulong number = Recovery[space].Numbers.Take();
        Recovery.OnSent(space, number, At(at), size, eliciting, eliciting, ecn, frames);
        return number;
    }

    /// <summary>A packet with one stream frame whose offset is the packet's number.</summary>
    public ulong SendData(double at, int size = 1200) =>
        Send(at, size, frames: new SentFrame(SentFrameKind.Stream, 0, Numbers.Next, 1000));

    public TransportError Ack(double at, double delay, params (ulong Smallest, ulong Largest)[] ranges) =>
        Ack(Recovery, App, At(at), Ms(delay), Acked, Lost, null, ranges);

    public TransportError AckIn(PacketNumberSpace space, double at, params (ulong Smallest, ulong Largest)[] ranges) =>
        Ack(Recovery, space, At(at), TimeSpan.Zero, Acked, Lost, null, ranges);

    public TransportError AckEcn(double at, EcnCounts counts, params (ulong Smallest, ulong Largest)[] ranges) =>
        Ack(Recovery, App, At(at), TimeSpan.Zero, Acked, Lost, counts, ranges);

    public static TransportError Ack(
        LossRecovery recovery, PacketNumberSpace space, Instant now, TimeSpan delay, SentFrameBuffer acked, SentFrameBuffer lost,
        EcnCounts? ecn, params ReadOnlySpan<(ulong Smallest, ulong Largest)> ranges)
    {
        AckRange[] descending = new AckRange[ranges.Length];
        for (int i = 0; i < ranges.Length; i++)
        {
            descending[i] = new(ranges[i].Smallest, ranges[i].Largest);
        }

        ByteWriter writer = new(new byte[4096]);
        Assert.AreEqual(ranges.Length, AckFrame.Write(ref writer, descending, 0, ecn, 4096));
        ByteReader reader = new(writer.Written[1..]);
        Assert.IsTrue(AckFrame.TryRead(ecn is null ? FrameType.Ack : FrameType.AckEcn, ref reader, out AckFrame frame));
        return recovery.OnAck(space, frame, delay, now, handshakeConfirmed: false, acked, lost);
    }

    /// <summary>Everything through bytes to another machine with another clock, which goes on.</summary>
    public static LossRecovery Move(LossRecovery source, bool isServer, Instant frozenAt, Instant now)
    {
        LossRecovery copy = new(isServer, algorithm: null);
        foreach (TravellingPart part in source.Parts)
        {
            SnapshotWriter writer = new(frozenAt);
            part.Export(writer);
            Assert.IsTrue(copy.TryImport(part.Section, part.Key, new(writer.Written, now)));
        }

        copy.CompleteImport(now);
        return copy;
    }

    public ulong[] LostOffsets() => [.. Lost.Frames.ToArray().Select(frame => frame.Offset)];

    private static LossRecovery Create(bool isServer, bool confirmed)
    {
        // The windows that these tests expect are NewReno's, whose numbers are round.
        LossRecovery recovery = new(isServer, algorithm: CongestionAlgorithm.NewReno);
        if (confirmed)
        {
            recovery.OnHandshakeConfirmed();
        }

        return recovery;
    }
}
