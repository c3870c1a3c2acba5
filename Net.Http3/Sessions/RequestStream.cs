using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>One request and its response: the message that is read and the message that is written.</summary>
internal sealed class RequestStream(StreamId id) : IPart<RequestStream>
{
    public static ulong Section => SectionNumber.Http3Request;

    public StreamId Id => id;

    public ulong Changes { get; private set; }

    /// <summary>What is received: the request at a server, the response at a client.</summary>
    public MessageReader Reader { get; private init; } = new();

    public MessageWriter Writer { get; private init; } = new();

    /// <summary>The request was HEAD: its response has no body whatever its head says.</summary>
    public bool IsHead { get; private set; }

    /// <summary>The request was CONNECT: what follows a successful response is a tunnel (RFC 9114, section 4.4).</summary>
    public bool IsConnect { get; private set; }

    /// <summary>Decoded and not yet fetched by the host; always fetched before an export.</summary>
    public RequestHead? Request { get; set; }

    /// <inheritdoc cref="Request"/>
    public ResponseHead? Response { get; set; }

    /// <summary>What stood behind the body; a server's exchange takes it along at once.</summary>
    public FieldSection? Trailers { get; set; }

    /// <summary>As the client wants it, until the response says otherwise.</summary>
    public Priority Priority { get; private set; } = Priority.Default;

    public bool IsOver => Reader.IsOver && Writer.IsOver;

    public void Changed() => Changes++;

    /// <summary>The method is known.</summary>
    public void OnMethod(RequestHead head)
    {
        (IsHead, IsConnect) = (head.IsHead, head.IsConnect);
        Changes++;
    }

    /// <summary>Another priority, from now on.</summary>
    public void Prioritize(Priority priority, IStreamTransport transport)
    {
        if (priority != Priority)
        {
            Priority = priority;
            Changes++;
            transport.SetPriority(Id, priority.Urgency, priority.Incremental);
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Id.Value);
        // What a release without tunnels does not take are tunnels alone.
        writer.WriteNumber(IsConnect ? 2UL : IsHead ? 1UL : 0);
        Priority.Export(writer);
        Reader.Export(writer);
        Writer.Export(writer);
    }

    public static RequestStream Import(SnapshotReader reader)
    {
        StreamId id = new(reader.ReadNumber(VarInt.MaxValue));
        if (id.IsUnidirectional || id.IsServerInitiated)
        {
            throw new SnapshotException("a request on a stream that cannot carry one");
        }

        (ulong method, Priority priority) = (reader.ReadNumber(2), Priority.Import(reader));
        RequestStream stream = new(id) { IsHead = method == 1, IsConnect = method == 2, Priority = priority, Reader = MessageReader.Import(reader), Writer = MessageWriter.Import(reader) };
        reader.End();
        return stream;
    }
}
