using Net.Core.Io;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Tests.Core.Snapshots;
using Net.Tests.Http3.Sessions;

namespace Net.Tests.Http3.Server;

/// <summary>A client session and a component, in one thread and on a clock that the test turns.</summary>
internal sealed class HostWorld
{
    private readonly Dictionary<StreamId, List<byte>> _bodies = [];
    private readonly Dictionary<StreamId, int> _read = [];
    private readonly FakeQueue _queue = new();

    public HostWorld(IComponent component, ExchangeHostOptions? options = null, bool early = false)
    {
        Options = options ?? new() { Inline = true };
        Host = new(component, _queue, Options);
        Connection = new(Host, Link.Server);
        Link.Server.Attach(Connection);
        if (early)
        {
            Connection.StartEarly();
        }
        else
        {
            Connection.Start();
        }

        Client = new(Link.Client);
        Link.Client.Attach(Client);
        Client.Start();
    }

    public FakeLink Link { get; } = new();

    public ExchangeHostOptions Options { get; }

    public ExchangeHost Host { get; private set; }

    public ServerConnection Connection { get; private set; }

    public Http3Session Client { get; }

    public Instant Now { get; set; } = new(1000);

    public Dictionary<StreamId, ResponseHead> Responses { get; } = [];

    /// <summary>Statuses of interim responses, as they came.</summary>
    public List<int> Interim { get; } = [];

    /// <summary>What stood behind the responses' bodies.</summary>
    public Dictionary<StreamId, FieldSection> Trailers { get; } = [];

    public HashSet<StreamId> Ended { get; } = [];

    public Dictionary<StreamId, ulong> Aborted { get; } = [];

    /// <summary>Called after each step of <see cref="Run"/>.</summary>
    public Action Between { get; set; } = () => { };

    /// <summary>Bytes of each response that the client reads in one step of the clock; what it does not read fills the window.</summary>
    public int ReadsAtMost { get; set; } = int.MaxValue;

    public byte[] Body(StreamId id) => _bodies.TryGetValue(id, out List<byte>? body) ? [.. body] : [];

    public StreamId Request(string method = "GET", string path = "/", bool hasBody = false, string authority = "web.test", params Field[] headers)
    {
        Assert.IsTrue(Client.TryOpenRequest(new(method, "https", authority, path, new(headers)), hasBody, out StreamId id));
        return id;
    }

    /// <summary>Runs until nothing moves any more.</summary>
    public void Run(int pieces = int.MaxValue)
    {
        bool moved = true;
        while (moved)
        {
            moved = Link.Deliver(Link.Client, pieces) | _queue.Run(Now);
            moved |= Link.Deliver(Link.Server, pieces) | _queue.Run(Now);
            Read();
            Between();
        }
    }

    /// <summary>Turns the clock to the host's deadline and runs on.</summary>
    public void RunToDeadline()
    {
        Now = Host.Deadline;
        _read.Clear();
        Host.Tick(Now);
        Run();
    }

    /// <summary>Writes the server down, abandons it, and goes on with what was read back, under a host of its own.</summary>
    public void Move(IComponent destination)
    {
        List<SnapshotSection> sections = WriteDown();
        Host.Abandon(Now);
        Host = NewHost(destination);
        Connection = ReadBack(Host, sections);
        Link.Server.Attach(Connection);
        Connection.Resume();
    }

    public List<SnapshotSection> WriteDown()
    {
        Assert.IsTrue(Host.IsQuiet);
        SnapshotWriter writer = new(Now);
        foreach (TravellingPart part in Connection.Parts)
        {
            writer.WriteSection(part.Section, part.Key, part.Export);
        }

        return SessionSnapshotTests.Sections(writer);
    }

    public ExchangeHost NewHost(IComponent component) => new(component, _queue, Options);

    public ServerConnection ReadBack(ExchangeHost host, IEnumerable<SnapshotSection> sections) =>
        ServerConnection.Import(host, Link.Server, [.. sections.Select(section => (section, Now))]);

    private void Read()
    {
        byte[] buffer = new byte[256];
        while (Client.TryTakeEvent(out Http3Event e))
        {
            if (Client.TakeResponse(e.Id) is ResponseHead head)
            {
                Responses.Add(e.Id, head);
            }

            if (e.Kind == Http3EventKind.Interim)
            {
                Interim.Add((int)e.Code);
            }

            if (e.Kind == Http3EventKind.Aborted)
            {
                Aborted.Add(e.Id, e.Code);
            }
        }

        foreach (StreamId id in Client.Requests.Keys.ToArray())
        {
            ReadOutcome outcome;
            RequestStream request = Client.Requests[id];
            while ((outcome = Client.Read(id, buffer.AsSpan(0, Math.Min(buffer.Length, ReadsAtMost - _read.GetValueOrDefault(id))), out int count)) == ReadOutcome.Data && count > 0)
            {
                _read[id] = _read.GetValueOrDefault(id) + count;
                _bodies.TryAdd(id, []);
                _bodies[id].AddRange(buffer.AsSpan(0, count));
            }

            if (outcome == ReadOutcome.End)
            {
                Ended.Add(id);
            }

            if (request.Trailers is FieldSection trailers)
            {
                Trailers[id] = trailers;
            }
        }
    }
}

internal sealed class FakeQueue : IShardQueue
{
    private readonly Queue<IShardWork> _work = new();

    public bool Post(IShardWork work)
    {
        _work.Enqueue(work);
        return true;
    }

    /// <summary>Runs what was posted before this call.</summary>
    public bool Run(Instant now)
    {
        bool any = _work.Count > 0;
        for (int count = _work.Count; count > 0; count--)
        {
            _work.Dequeue().Run(now);
        }

        return any;
    }
}

/// <summary>A component from a method.</summary>
internal class Handler(Func<Http3Exchange, CancellationToken, ValueTask> handle) : IComponent
{
    public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => handle(exchange, cancellationToken);
}

internal sealed class PacedHandler(Func<Http3Exchange, CancellationToken, ValueTask> handle) : Handler(handle), IPacedComponent;

internal sealed class ResumableHandler(Func<Http3Exchange, CancellationToken, ValueTask> handle) : Handler(handle), IResumableComponent;
