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
    public static Http3Session Import(IEnumerable<(SnapshotSection Section, Instant Now)> sections, IStreamTransport transport)
    {
        ConnectionState? state = null;
        QpackEncoder? encoder = null;
        QpackDecoder? decoder = null;
        Priorities? priorities = null;
        Dictionary<StreamId, UnidirectionalStream> streams = [];
        Dictionary<StreamId, RequestStream> requests = [];
        foreach ((SnapshotSection section, Instant now) in sections)
        {
            bool sound = true;
            switch (section.Number)
            {
                case SectionNumber.Http3Connection:
                    sound = state is null;
                    state = ConnectionState.Import(new(section.Body, now));
                    break;

                case SectionNumber.QpackEncoder:
                    sound = encoder is null;
                    encoder = QpackEncoder.Import(new(section.Body, now));
                    break;

                case SectionNumber.QpackDecoder:
                    sound = decoder is null;
                    decoder = QpackDecoder.Import(new(section.Body, now));
                    break;

                case SectionNumber.Priorities:
                    sound = priorities is null;
                    priorities = Priorities.Import(new(section.Body, now));
                    break;

                case SectionNumber.Http3UnidirectionalStream:
                    UnidirectionalStream stream = UnidirectionalStream.Import(new(section.Body, now));
                    sound = stream.Id.Value == section.Key && streams.TryAdd(stream.Id, stream);
                    break;

                case SectionNumber.Http3Request:
                    RequestStream request = RequestStream.Import(new(section.Body, now));
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

        bool consistent = state is not null && state.IsServer == transport.IsServer
            && streams.Keys.All(id => id.IsServerInitiated != state.IsServer && id.Index < state.NextUnidirectional)
            && (!state.IsServer || requests.Keys.All(id => id.Index < state.NextRequest))
            && (encoder?.Stream is not StreamId local || IsLocal(local)) && decoder is not null && (decoder.Stream is not StreamId other || IsLocal(other))
            && decoder.BlockedStreams.All(id => requests.ContainsKey(new(id)))
            && Known(state.PeerControl) && Known(state.PeerEncoder) && Known(state.PeerDecoder);
        return consistent
            ? new(transport, state!, encoder ?? new(Http3Limits.DefaultTableCapacity), decoder!, priorities ?? new(), streams, requests)
            : throw new SnapshotException("the sections of HTTP/3 contradict each other");

        bool IsLocal(StreamId id) => id.IsUnidirectional && id.IsServerInitiated == state!.IsServer;

        bool Known(StreamId? id) => id is not StreamId known || streams.ContainsKey(known);
    }
}
