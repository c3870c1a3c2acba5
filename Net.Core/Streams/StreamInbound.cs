using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Frames of the peer about streams and flow control, into the parts that they concern (RFC 9000, sections 19.4, 19.5 and 19.8 to 19.14).</summary>
/// <remarks>A frame for a closed stream is an old one that comes late: it changes nothing (RFC 9000, section 3.2).</remarks>
internal sealed class StreamInbound(StreamSet streams)
{
    public TransportError On(in StreamFrame frame)
    {
        TransportError error = Find(frame.Id, forReceiving: true, FrameType.Stream, out StreamEntry? entry);
        if (error.IsError || entry is null)
        {
            return error;
        }

        error = entry.Receive!.OnStream(frame, streams.Credit, out bool isNews);
        if (error.IsError)
        {
            return error;
        }

        if (isNews)
        {
            streams.Raise(entry, StreamEventKind.Readable);
        }

        streams.Settle(entry);
        return TransportError.None;
    }

    public TransportError On(in ResetStreamFrame frame)
    {
        TransportError error = Find(frame.Id, forReceiving: true, FrameType.ResetStream, out StreamEntry? entry);
        if (error.IsError || entry is null)
        {
            return error;
        }

        error = entry.Receive!.OnResetStream(frame, streams.Credit, out bool isNews);
        if (error.IsError)
        {
            return error;
        }

        if (isNews)
        {
            streams.Withdraw(entry, StreamEventKind.Readable);
            entry.ResetCode = frame.ErrorCode;
            streams.Raise(entry, StreamEventKind.ResetByPeer);
        }

        streams.Settle(entry);
        return TransportError.None;
    }

    public TransportError On(in StopSendingFrame frame)
    {
        TransportError error = Find(frame.Id, forReceiving: false, FrameType.StopSending, out StreamEntry? entry);
        if (!error.IsError && entry is not null && entry.Send!.OnStopSending(frame.ErrorCode))
        {
            streams.Withdraw(entry, StreamEventKind.Writable);
            entry.StopCode = frame.ErrorCode;
            streams.Raise(entry, StreamEventKind.StoppedByPeer);
            streams.Settle(entry);
        }

        return error;
    }

    public TransportError On(in MaxStreamDataFrame frame)
    {
        TransportError error = Find(frame.Id, forReceiving: false, FrameType.MaxStreamData, out StreamEntry? entry);
        if (!error.IsError && entry is not null)
        {
            entry.Send!.OnMaxStreamData(frame.Limit);
            streams.Settle(entry);
        }

        return error;
    }

    public TransportError On(in StreamDataBlockedFrame frame)
    {
        TransportError error = Find(frame.Id, forReceiving: true, FrameType.StreamDataBlocked, out StreamEntry? entry);
        if (!error.IsError && entry is not null)
        {
            entry.Receive!.OnStreamDataBlocked(frame.Limit);
            streams.Settle(entry);
        }

        return error;
    }

    public TransportError On(in MaxDataFrame frame)
    {
        streams.Credit.OnMaxData(frame.Limit);
        return TransportError.None;
    }

    public TransportError On(in DataBlockedFrame frame)
    {
        streams.Credit.OnDataBlocked(frame.Limit);
        return TransportError.None;
    }

    public TransportError On(in MaxStreamsFrame frame)
    {
        streams.Limits.OnMaxStreams(frame.Unidirectional, frame.Limit);
        return TransportError.None;
    }

    public TransportError On(in StreamsBlockedFrame frame)
    {
        streams.Limits.OnStreamsBlocked(frame.Unidirectional, frame.Limit);
        return TransportError.None;
    }

    // No error and no entry: the stream is closed.
    private TransportError Find(StreamId id, bool forReceiving, FrameType frame, out StreamEntry? entry)
    {
        entry = streams.Find(id);
        if (entry is null && !streams.WasOpened(id))
        {
            if (id.IsServerInitiated == streams.IsServer)
            {
                return TransportError.StreamState(frame);
            }

            // A stream on which only the peer sends is not opened by a frame that it may not send about it.
            if (!forReceiving && id.IsUnidirectional)
            {
                return TransportError.StreamState(frame);
            }

            if (!streams.TryOpenByPeer(id))
            {
                return TransportError.StreamLimit(frame);
            }

            entry = streams.Find(id);
        }

        bool isOurs = id.IsServerInitiated == streams.IsServer;
        return id.IsUnidirectional && isOurs == forReceiving ? TransportError.StreamState(frame) : TransportError.None;
    }
}
