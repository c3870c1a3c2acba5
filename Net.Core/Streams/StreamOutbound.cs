using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Frames about streams and flow control on their way out, and their fate: limits and resets first, then what was lost, then new bytes.</summary>
internal sealed class StreamOutbound(StreamSet streams)
{
    private static readonly bool[] _kinds = [false, true];

    /// <summary>Something could be written now.</summary>
    public bool HasFrames =>
        streams.Credit.TellsLimit || streams.Credit.TellsBlocked || HasLimits
        || streams.Schedule.HasControl || streams.Schedule.HasFree
        || (streams.Schedule.HasFresh && streams.Credit.Available > 0);

    private bool HasLimits =>
        streams.Limits.TellsLimit(false) || streams.Limits.TellsLimit(true) || streams.Limits.TellsBlocked(false) || streams.Limits.TellsBlocked(true);

    /// <summary>Fills the packet as far as it goes.</summary>
    /// <param name="builder">The packet.</param>
    /// <param name="now">The time, and</param>
    /// <param name="roundTrip">the path's round trip (zero while unknown): by these the windows grow.</param>
    public void WriteFrames(ref PacketBuilder builder, Instant now, TimeSpan roundTrip)
    {
        Pace pace = new(now, roundTrip);
        if (WriteCredit(ref builder, pace) && (!HasLimits || WriteLimits(ref builder)) && WriteControl(ref builder, pace) && WriteStreams(ref builder))
        {
            // What these bytes used up: the connection's credit, or a stream's limit.
            _ = WriteCredit(ref builder, pace) && WriteControl(ref builder, pace);
        }
    }

    public void OnAcked(in SentFrame frame)
    {
        StreamEntry? entry = IsOfStream(frame.Kind) ? streams.Find(frame.Stream) : null;
        if (entry is null)
        {
            return;
        }

        switch (frame.Kind)
        {
            case SentFrameKind.Stream when entry.Send is SendStream send:
                bool wasComplete = send.IsComplete;
                if (send.OnAcked(frame.Offset, frame.Length, frame.Fin))
                {
                    streams.Raise(entry, StreamEventKind.Writable);
                }

                if (send.IsComplete && !wasComplete)
                {
                    streams.Raise(entry, StreamEventKind.Finished);
                }

                break;
            case SentFrameKind.ResetStream:
                entry.Send?.OnResetAcked();
                break;
            case SentFrameKind.StopSending:
                entry.Receive?.OnStopAcked();
                break;
            default:
                return;
        }

        streams.Settle(entry);
    }

    public void OnLost(in SentFrame frame)
    {
        switch (frame.Kind)
        {
            case SentFrameKind.MaxData: streams.Credit.OnLimitLost(frame.Offset); return;
            case SentFrameKind.DataBlocked: streams.Credit.OnBlockedLost(frame.Offset); return;
            case SentFrameKind.MaxStreams: streams.Limits.OnLimitLost(frame.Id == 1, frame.Offset); return;
            case SentFrameKind.StreamsBlocked: streams.Limits.OnBlockedLost(frame.Id == 1, frame.Offset); return;
        }

        StreamEntry? entry = IsOfStream(frame.Kind) ? streams.Find(frame.Stream) : null;
        if (entry is null)
        {
            return;
        }

        switch (frame.Kind)
        {
            case SentFrameKind.Stream: entry.Send?.OnLost(frame.Offset, frame.Length, frame.Fin); break;
            case SentFrameKind.ResetStream: entry.Send?.OnResetLost(); break;
            case SentFrameKind.StreamDataBlocked: entry.Send?.OnBlockedLost(frame.Offset); break;
            case SentFrameKind.StopSending: entry.Receive?.OnStopLost(); break;
            case SentFrameKind.MaxStreamData: entry.Receive?.OnLimitLost(frame.Offset); break;
        }

        streams.Settle(entry);
    }

    private static bool IsOfStream(SentFrameKind kind) =>
        kind is SentFrameKind.Stream or SentFrameKind.ResetStream or SentFrameKind.StopSending
            or SentFrameKind.MaxStreamData or SentFrameKind.StreamDataBlocked;

    // Each of the following says whether it wrote all it had: else the packet is full.
    private bool WriteCredit(ref PacketBuilder builder, in Pace pace)
    {
        Credit credit = streams.Credit;
        if (credit.TellsLimit)
        {
            credit.Tune(streams.Options.MaxConnectionWindow, pace.Now, pace.RoundTrip);
            if (!builder.TryWrite(new MaxDataFrame(credit.Limit), new(SentFrameKind.MaxData, Offset: credit.Limit)))
            {
                return false;
            }

            credit.OnLimitTold();
        }

        if (credit.TellsBlocked)
        {
            if (!builder.TryWrite(new DataBlockedFrame(credit.BlockedLimit), new(SentFrameKind.DataBlocked, Offset: credit.BlockedLimit)))
            {
                return false;
            }

            credit.OnBlockedTold();
        }

        return true;
    }

    private bool WriteLimits(ref PacketBuilder builder)
    {
        StreamLimits limits = streams.Limits;
        foreach (bool unidirectional in _kinds)
        {
            ulong id = unidirectional ? 1UL : 0;
            if (limits.TellsLimit(unidirectional))
            {
                ulong limit = limits.Limit(unidirectional);
                if (!builder.TryWrite(new MaxStreamsFrame(unidirectional, limit), new(SentFrameKind.MaxStreams, id, limit)))
                {
                    return false;
                }

                limits.OnLimitTold(unidirectional);
            }

            if (limits.TellsBlocked(unidirectional))
            {
                ulong limit = limits.BlockedLimit(unidirectional);
                if (!builder.TryWrite(new StreamsBlockedFrame(unidirectional, limit), new(SentFrameKind.StreamsBlocked, id, limit)))
                {
                    return false;
                }

                limits.OnBlockedTold(unidirectional);
            }
        }

        return true;
    }

    private bool WriteControl(ref PacketBuilder builder, in Pace pace)
    {
        while (streams.Schedule.FirstControl is StreamEntry entry)
        {
            bool isWritten = WriteControl(ref builder, entry, pace);
            streams.Settle(entry);
            if (!isWritten)
            {
                return false;
            }
        }

        return true;
    }

    private bool WriteControl(ref PacketBuilder builder, StreamEntry entry, in Pace pace)
    {
        StreamId id = entry.Id;
        if (entry.Send is { TellsReset: true } reset)
        {
            if (!builder.TryWrite(new ResetStreamFrame(id, reset.ResetCode, reset.Sent), new(SentFrameKind.ResetStream, id.Value)))
            {
                return false;
            }

            reset.OnResetTold();
        }

        if (entry.Receive is { TellsStop: true } stop)
        {
            if (!builder.TryWrite(new StopSendingFrame(id, stop.StopCode), new(SentFrameKind.StopSending, id.Value)))
            {
                return false;
            }

            stop.OnStopTold();
        }

        if (entry.Receive is { TellsLimit: true } receive)
        {
            receive.Tune(streams.Options.MaxStreamWindow, pace.Now, pace.RoundTrip);
            ulong limit = receive.Limit;
            if (!builder.TryWrite(new MaxStreamDataFrame(id, limit), new(SentFrameKind.MaxStreamData, id.Value, limit)))
            {
                return false;
            }

            receive.OnLimitTold();
        }

        if (entry.Send is { TellsBlocked: true } send)
        {
            ulong limit = send.BlockedLimit;
            if (!builder.TryWrite(new StreamDataBlockedFrame(id, limit), new(SentFrameKind.StreamDataBlocked, id.Value, limit)))
            {
                return false;
            }

            send.OnBlockedTold();
        }

        return true;
    }

    private bool WriteStreams(ref PacketBuilder builder)
    {
        while (streams.Schedule.Next(withFresh: streams.Credit.Available > 0) is StreamEntry entry)
        {
            bool isWritten = entry.Send!.TryWriteFrame(ref builder, entry.Id, streams.Credit);
            streams.Settle(entry);
            if (!isWritten)
            {
                return false;
            }

            if (entry.IsIncremental)
            {
                streams.Rotate(entry);
            }
        }

        return true;
    }

    private readonly record struct Pace(Instant Now, TimeSpan RoundTrip);
}
