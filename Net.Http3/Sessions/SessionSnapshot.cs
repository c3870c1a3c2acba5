using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Http3.Sessions;

/// <summary>A session as sections of a snapshot, and back.</summary>
internal static class SessionSnapshot
{
    /// <summary>Writes every part of the session whose change count has moved, or all of them.</summary>
    /// <exception cref="InvalidOperationException">Events were not taken: what they tell would be lost.</exception>
    public static void Export(Http3Session session, SnapshotWriter writer)
    {
        if (session.HasEvents)
        {
            throw new InvalidOperationException("events of the session were not taken");
        }

        writer.WriteSection(SectionNumber.Http3Connection, 0, session.State.Export);
        foreach (UnidirectionalStream stream in session.Streams.Values.OrderBy(stream => stream.Id))
        {
            writer.WriteSection(SectionNumber.Http3UnidirectionalStream, stream.Id.Value, stream.Export);
        }

        foreach (RequestStream request in session.Requests.Values.OrderBy(request => request.Id))
        {
            writer.WriteSection(SectionNumber.Http3Request, request.Id.Value, request.Export);
        }
    }

    /// <summary>Builds a session from its sections; others are ignored.</summary>
    /// <param name="sections">Of one connection.</param>
    /// <param name="transport">The same connection, already restored.</param>
    /// <param name="reader">Gives the moment of the import.</param>
    /// <exception cref="SnapshotException">A section is missing, repeated or malformed, or two contradict each other.</exception>
    public static Http3Session Import(IEnumerable<SnapshotSection> sections, IStreamTransport transport, Func<SnapshotSection, SnapshotReader> reader)
    {
        ConnectionState? state = null;
        Dictionary<StreamId, UnidirectionalStream> streams = [];
        Dictionary<StreamId, RequestStream> requests = [];
        foreach (SnapshotSection section in sections)
        {
            bool sound = true;
            switch (section.Number)
            {
                case SectionNumber.Http3Connection:
                    sound = state is null;
                    state = ConnectionState.Import(reader(section));
                    break;

                case SectionNumber.Http3UnidirectionalStream:
                    UnidirectionalStream stream = UnidirectionalStream.Import(reader(section));
                    sound = stream.Id.Value == section.Key && streams.TryAdd(stream.Id, stream);
                    break;

                case SectionNumber.Http3Request:
                    RequestStream request = RequestStream.Import(reader(section));
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
            && Known(state.PeerControl) && Known(state.PeerEncoder) && Known(state.PeerDecoder);
        return consistent
            ? new(transport, state!, streams.Values, requests.Values)
            : throw new SnapshotException("the sections of HTTP/3 contradict each other");

        bool Known(StreamId? id) => id is not StreamId known || streams.ContainsKey(known);
    }
}
