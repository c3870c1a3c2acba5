using Net.Core.Wire;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>Our encoder and decoder streams (RFC 9204, section 4.2): opened when there is something to say, before all requests.</summary>
internal static class QpackStreams
{
    /// <summary>Bytes that the encoder stream takes now.</summary>
    /// <remarks>
    /// Instructions are queued before the section that needs them, on a stream of the highest urgency, so they get connection credit first;
    /// and the peer's decoder reads that stream whatever else it holds back: section 2.1.3's deadlock does not arise.
    /// </remarks>
    public static int Room(QpackEncoder encoder, QpackDecoder decoder, IStreamTransport transport, Grease? grease)
    {
        if (!encoder.WantsStream)
        {
            return 0;
        }

        if (encoder.Stream is null && transport.TryOpen(unidirectional: true, out StreamId id))
        {
            encoder.Stream = Begin(id, Http3StreamType.QpackEncoder, encoder.Pending, transport);
            OnOpened(encoder, decoder, transport, grease);
        }

        return encoder.Stream is StreamId stream ? transport.WriteRoom(stream) - encoder.Pending.Count : 0;
    }

    /// <summary>Sends what waits.</summary>
    /// <returns><c>false</c> when the peer lets so little through that acknowledgements pile up.</returns>
    public static bool TryFlush(QpackEncoder encoder, QpackDecoder decoder, IStreamTransport transport, Grease? grease)
    {
        if (decoder.Stream is null && decoder.Pending.Count > 0 && transport.TryOpen(unidirectional: true, out StreamId id))
        {
            ByteBacklog said = decoder.Pending;
            ReadOnlySpan<byte> waiting = said.Waiting.ToArray();
            said.Take(said.Count);
            decoder.Stream = Begin(id, Http3StreamType.QpackDecoder, said, transport);
            said.Append(waiting);
            OnOpened(encoder, decoder, transport, grease);
        }

        // What has left is in the stream's section: a copy of before, which still has it, must be made anew, or it leaves twice.
        if (Flush(encoder.Stream, encoder.Pending, transport))
        {
            encoder.Changed();
        }

        if (Flush(decoder.Stream, decoder.Pending, transport))
        {
            decoder.Changed();
        }

        return decoder.Pending.Count <= Http3Limits.MaxDecoderBacklog;
    }

    /// <summary>With the second of them all streams that we need are open: what the peer still permits may go to one that nobody needs.</summary>
    private static void OnOpened(QpackEncoder encoder, QpackDecoder decoder, IStreamTransport transport, Grease? grease)
    {
        if (encoder.Stream is not null && decoder.Stream is not null)
        {
            grease?.OpenStream(transport);
        }
    }

    private static StreamId Begin(StreamId id, Http3StreamType type, ByteBacklog backlog, IStreamTransport transport)
    {
        // With the control stream, before all requests: sections wait for what it carries.
        transport.SetPriority(id, 0, incremental: false);
        backlog.Append([(byte)type]);
        if (transport.IsObserved)
        {
            transport.Tell(new StreamTypeTrace(IsLocal: true, id, type));
        }

        return id;
    }

    /// <returns>Whether anything has left.</returns>
    private static bool Flush(StreamId? stream, ByteBacklog backlog, IStreamTransport transport)
    {
        if (stream is not StreamId id || backlog.Count == 0)
        {
            return false;
        }

        int taken = transport.Write(id, backlog.Waiting, fin: false);
        backlog.Take(taken);
        return taken > 0;
    }
}
