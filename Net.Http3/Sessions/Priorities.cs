using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>PRIORITY_UPDATE for requests whose head has not arrived (RFC 9218, section 7): the frame may overtake it.</summary>
/// <remarks>The last one for a stream counts. What is beyond the limit is forgotten: a priority is a hint, and the stream then has that of its head.</remarks>
internal sealed class Priorities : IPart<Priorities>
{
    private readonly SortedDictionary<ulong, Priority> _waiting = [];

    public static ulong Section => SectionNumber.Priorities;

    public ulong Changes { get; private set; }

    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>A PRIORITY_UPDATE frame for a request.</summary>
    public void Note(ulong stream, Priority priority)
    {
        if (_waiting.Count < Http3Limits.MaxWaitingPriorities || _waiting.ContainsKey(stream))
        {
            _waiting[stream] = priority;
            Changes++;
        }
    }

    /// <summary>The priority that was told for this stream, whose head is there now.</summary>
    public Priority? Take(StreamId stream)
    {
        if (!_waiting.Remove(stream.Value, out Priority priority))
        {
            return null;
        }

        Changes++;
        return priority;
    }

    /// <summary>Carries out what is for requests that are running, and drops what is for those that are over.</summary>
    /// <param name="requests">Those that are not over.</param>
    /// <param name="next">The index of the first request that was not opened yet.</param>
    /// <param name="transport">The connection.</param>
    public void Apply(Dictionary<StreamId, RequestStream> requests, ulong next, IStreamTransport transport)
    {
        foreach (ulong waiting in _waiting.Keys.ToArray())
        {
            StreamId id = new(waiting);
            RequestStream? request = requests.GetValueOrDefault(id);
            if (request is { Reader.Phase: not ReadPhase.Head })
            {
                request.Prioritize(Take(id)!.Value, transport);
            }
            else if (request is null && id.Index < next)
            {
                Take(id);
            }
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)_waiting.Count);
        foreach ((ulong stream, Priority priority) in _waiting)
        {
            writer.WriteNumber(stream);
            priority.Export(writer);
        }
    }

    public static Priorities Import(SnapshotReader reader)
    {
        Priorities priorities = new();
        for (int count = reader.ReadCount(); count > 0; count--)
        {
            priorities.Note(reader.ReadNumber(VarInt.MaxValue), Priority.Import(reader));
        }

        reader.End();
        bool sound = priorities._waiting.Keys.All(id => !new StreamId(id).IsUnidirectional && !new StreamId(id).IsServerInitiated);
        return sound ? priorities : throw new SnapshotException("a priority for something that is no request");
    }
}
