using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>A session as sections of a snapshot, and back.</summary>
internal static class SessionSnapshot
{
    /// <summary>Every part of the session, in a fixed order.</summary>
    /// <exception cref="InvalidOperationException">Events were not taken: what they tell would be lost.</exception>
    public static IEnumerable<TravellingPart> Parts(Http3Session session)
    {
        if (session.HasEvents)
        {
            throw new InvalidOperationException("events of the session were not taken");
        }

        return
        [
            TravellingPart.Of(session.State),
            // What was never used is what it is by default at the other side.
            .. session.Encoder.IsUntouched ? [] : (ReadOnlySpan<TravellingPart>)[TravellingPart.Of(session.Encoder)],
            TravellingPart.Of(session.Decoder),
            .. session.Priorities.IsEmpty ? [] : (ReadOnlySpan<TravellingPart>)[TravellingPart.Of(session.Priorities)],
            .. session.Streams.Values.OrderBy(stream => stream.Id).Select(stream => TravellingPart.Of(stream, stream.Id.Value)),
            .. session.Requests.Values.OrderBy(request => request.Id).Select(request => TravellingPart.Of(request, request.Id.Value)),
        ];
    }

    /// <summary>Builds a session from its sections; others are ignored.</summary>
    /// <param name="sections">Of one connection, each with the moment that its ages count from.</param>
    /// <param name="transport">The same connection, already restored.</param>
    /// <exception cref="SnapshotException">A section is missing, repeated or malformed, or two contradict each other.</exception>
    public static Http3Session Import(ReadOnlySpan<(SnapshotSection Section, Instant Now)> sections, IStreamTransport transport)
    {
        ConnectionState? state = null;
        QpackEncoder? encoder = null;
        QpackDecoder? decoder = null;
        Priorities? priorities = null;
        Dictionary<StreamId, UnidirectionalStream> streams = [];
        Dictionary<StreamId, RequestStream> requests = [];
        SnapshotReader reader = new(default, default);
        foreach ((SnapshotSection section, Instant now) in sections)
        {
            bool sound = true;
            reader.Restart(section.Body, now);
            switch (section.Number)
            {
                case SectionNumber.Http3Connection:
                    sound = state is null;
                    state = ConnectionState.Import(reader);
                    break;

                case SectionNumber.QpackEncoder:
                    sound = encoder is null;
                    encoder = QpackEncoder.Import(reader);
                    break;

                case SectionNumber.QpackDecoder:
                    sound = decoder is null;
                    decoder = QpackDecoder.Import(reader);
                    break;

                case SectionNumber.Priorities:
                    sound = priorities is null;
                    priorities = Priorities.Import(reader);
                    break;

                case SectionNumber.Http3UnidirectionalStream:
                    UnidirectionalStream stream = UnidirectionalStream.Import(reader);
                    sound = stream.Id.Value == section.Key && streams.TryAdd(stream.Id, stream);
                    break;

                case SectionNumber.Http3Request:
                    RequestStream request = RequestStream.Import(reader);
                    sound = request.Id.Value == section.Key && requests.TryAdd(request.Id, request);
                    break;

                default:
                    break;
            }

            if (!sound)
            {
                throw new SnapshotException("a section of HTTP/3 comes twice or under a wrong key");
            }
        }

        return state is not null && decoder is not null && AreConsistent(state, encoder, decoder, streams, requests, transport)
            ? new(transport, state, encoder ?? new(Http3Limits.DefaultTableCapacity), decoder, priorities ?? new(), streams, requests)
            : throw new SnapshotException("the sections of HTTP/3 contradict each other");
    }

    private static bool AreConsistent(
        ConnectionState state, QpackEncoder? encoder, QpackDecoder decoder,
        Dictionary<StreamId, UnidirectionalStream> streams, Dictionary<StreamId, RequestStream> requests, IStreamTransport transport)
    {
        bool sound = state.IsServer == transport.IsServer
            && IsOurs(encoder?.Stream, state) && IsOurs(decoder.Stream, state)
            && IsThere(state.PeerControl, streams) && IsThere(state.PeerEncoder, streams) && IsThere(state.PeerDecoder, streams);
        foreach (StreamId id in streams.Keys)
        {
            sound &= id.IsServerInitiated != state.IsServer && id.Index < state.NextUnidirectional;
        }

        foreach (StreamId id in requests.Keys)
        {
            sound &= !state.IsServer || id.Index < state.NextRequest;
        }

        foreach (ulong id in decoder.BlockedStreams)
        {
            sound &= requests.ContainsKey(new(id));
        }

        return sound;
    }

    private static bool IsOurs(StreamId? id, ConnectionState state) => id is not StreamId known || (known.IsUnidirectional && known.IsServerInitiated == state.IsServer);

    private static bool IsThere(StreamId? id, Dictionary<StreamId, UnidirectionalStream> streams) => id is not StreamId known || streams.ContainsKey(known);
}
