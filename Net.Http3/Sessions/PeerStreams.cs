using Net.Core.Wire;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>Streams that the peer opens.</summary>
internal static class PeerStreams
{
    /// <summary>Takes note of streams of the peer up to this one: lower ones of its kind are open as well (RFC 9000, section 2.1).</summary>
    public static Http3Error Admit(Http3Session session, IStreamTransport transport, StreamId id)
    {
        ConnectionState state = session.State;
        if (id.IsServerInitiated == state.IsServer)
        {
            return Http3Error.None;
        }

        if (id.IsUnidirectional)
        {
            for (; state.NextUnidirectional <= id.Index; state.NextUnidirectional++)
            {
                StreamId opened = StreamId.Of(state.NextUnidirectional, !state.IsServer, unidirectional: true);
                session.Streams.Add(opened, new(opened));
            }

            return Http3Error.None;
        }

        if (!state.IsServer)
        {
            return Http3Error.Connection(Http3ErrorCode.StreamCreationError, "a server opened a bidirectional stream");
        }

        for (; state.NextRequest <= id.Index; state.NextRequest++)
        {
            StreamId opened = StreamId.Of(state.NextRequest, serverInitiated: false, unidirectional: false);
            if (opened.Value >= state.GoAwaySent)
            {
                transport.StopSending(opened, (ulong)Http3ErrorCode.RequestRejected);
                transport.Reset(opened, (ulong)Http3ErrorCode.RequestRejected);
                session.Decoder.Cancel(opened.Value);
            }
            else
            {
                session.Requests.Add(opened, new(opened));
                if (transport.IsObserved)
                {
                    transport.Tell(new StreamTypeTrace(IsLocal: false, opened, Type: null));
                }
            }
        }

        return Http3Error.None;
    }
}
