using System.Text;
using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;
using Net.Migration.Envelope;
using Net.Tests.Scenarios;
using Net.Tests.Simulation;

namespace Net.Tests.Vectors;

/// <summary>What a request of a <see cref="GoldenComponent"/> was for.</summary>
internal enum GoldenTask : byte
{
    Download,
    Upload,
    Count,

    /// <summary>A count whose handler has stayed on a node that is not there any more.</summary>
    Endless,
}

/// <param name="Received">Body bytes that were read before the snapshot was made.</param>
/// <param name="Sent">Body bytes that were written before.</param>
internal sealed record GoldenRequest(StreamId Id, GoldenTask Task, int Received, int Sent);

/// <summary>A client at the moment at which its component was frozen.</summary>
/// <param name="Export">Its connection, with the session of HTTP/3.</param>
internal sealed record GoldenClientState(byte[] Export, IReadOnlyList<GoldenRequest> Requests)
{
    private const int MaxBytes = 1 << 20;

    public void Write(FieldWriter writer)
    {
        writer.WriteVarBytes(Export);
        writer.WriteVarInt((ulong)Requests.Count);
        foreach (GoldenRequest request in Requests)
        {
            writer.WriteVarInt(request.Id.Value);
            writer.WriteByte((byte)request.Task);
            writer.WriteUInt32((uint)request.Received);
            writer.WriteUInt32((uint)request.Sent);
        }
    }

    public static GoldenClientState Read(ref ByteReader reader)
    {
        Assert.IsTrue(reader.TryReadBytes(MaxBytes, out byte[] export) & reader.TryReadVarInt(out ulong count));
        GoldenRequest[] requests = new GoldenRequest[count];
        for (int i = 0; i < requests.Length; i++)
        {
            bool isSound = reader.TryReadVarInt(out ulong id) & reader.TryReadByte(out byte task) & reader.TryReadUInt32(out uint received) & reader.TryReadUInt32(out uint sent);
            Assert.IsTrue(isSound);
            requests[i] = new(new(id), (GoldenTask)task, (int)received, (int)sent);
        }

        return new(export, requests);
    }
}

/// <summary>A client that goes on where its state leaves it: reads and sends what is left of its requests, and can ask for more.</summary>
internal sealed class GoldenClient
{
    private readonly Dictionary<StreamId, Open> _open = [];
    private readonly ConnectionTransport _transport;
    private readonly Peer _peer;
    private readonly World _world;

    public GoldenClient(World world, GoldenClientState state)
    {
        _world = world;
        ConnectionImage image = new();
        image.Apply(state.Export);
        Connection = Golden.Import(image, GoldenComponent.ClientConnections, world.Now);
        _transport = new(Connection);
        Session = SessionSnapshot.Import(image.SectionsAbove(world.Now), _transport);
        foreach (GoldenRequest request in state.Requests)
        {
            _open.Add(request.Id, new(request));
        }

        _peer = new(world, Connection.Path.Local.ToString(), options: Peer.DefaultOptions with { Connection = GoldenComponent.ClientConnections }) { OnEvent = OnEvent };
        Connection.Thaw(Connection.Epoch + 1, world.Now);
        _peer.Endpoint.Adopt(Connection);
        Connection.Resume(samePath: true, speak: Connection.IsActive || Connection.HasToAcknowledge, world.Now);
        Session.Resume();
        Advance();
        _peer.Pump();
    }

    public Connection Connection { get; }

    public Http3Session Session { get; }

    public bool IsDone => _open.Values.All(open => open.IsOver);

    /// <summary>How the requests of a kind have ended: <c>null</c> for well, else why not.</summary>
    public IEnumerable<Http3ErrorCode?> Ends(GoldenTask task) => _open.Values.Where(open => open.IsOver && open.Request.Task == task).Select(open => open.Error);

    /// <summary>Another download.</summary>
    public StreamId Ask()
    {
        Assert.IsTrue(Session.TryOpenRequest(new("GET", "https", "web.test", $"/named/{GoldenComponent.Download}", new()), hasBody: false, out StreamId id));
        _open.Add(id, new(new(id, GoldenTask.Download, 0, 0)));
        _peer.Pump();
        return id;
    }

    public override string ToString() =>
        $"{Connection.CloseReason?.ToString() ?? "open"}: {string.Join(", ", _open.Values.Select(open => $"{open.Request} then {open.Body.Count}/{open.Sent} over={open.IsOver} {open.Error}"))}";

    private void OnEvent(Connection connection, ConnectionEvent e)
    {
        if (e.Kind == ConnectionEventKind.Stream)
        {
            switch (e.Stream.Kind)
            {
                case StreamEventKind.Opened or StreamEventKind.Readable: Session.OnReadable(e.Stream.Id); break;
                case StreamEventKind.Writable: Session.OnWritable(e.Stream.Id); break;
                case StreamEventKind.ResetByPeer: Session.OnReset(e.Stream.Id, e.Stream.Code); break;
                case StreamEventKind.StoppedByPeer: Session.OnStopped(e.Stream.Id, e.Stream.Code); break;
                case StreamEventKind.StreamsAvailable: Session.OnStreamsAvailable(); break;
                default: break;
            }
        }

        Advance();
        _transport.Settle(_world.Now);
    }

    private void Advance()
    {
        while (Session.TryTakeEvent(out Http3Event e))
        {
            if (!_open.TryGetValue(e.Id, out Open? open))
            {
                Assert.AreNotEqual(Http3EventKind.Failed, e.Kind, $"{(Http3ErrorCode)e.Code}");
                continue;
            }

            switch (e.Kind)
            {
                case Http3EventKind.Head: Assert.AreEqual(200, Session.TakeResponse(e.Id)!.Status); break;
                case Http3EventKind.Readable: Read(open); break;
                case Http3EventKind.Writable: Write(open); break;
                case Http3EventKind.Aborted: open.Error = (Http3ErrorCode)e.Code; break;
                default: break;
            }
        }
    }

    private void Read(Open open)
    {
        byte[] buffer = new byte[3000];
        ReadOutcome outcome;
        while ((outcome = Session.Read(open.Request.Id, buffer, out int count)) == ReadOutcome.Data)
        {
            open.Body.AddRange(buffer.AsSpan(0, count));
        }

        if (outcome == ReadOutcome.End)
        {
            open.AssertRight();
            open.IsComplete = true;
        }
    }

    private void Write(Open open)
    {
        byte[] content = open.Request.Task == GoldenTask.Upload ? GoldenComponent.Content(GoldenComponent.Upload) : [];
        while (open.Sent < content.Length && Session.Write(open.Request.Id, content.AsSpan(open.Sent)) is int count and > 0)
        {
            open.Sent += count;
            Assert.IsTrue(open.Sent < content.Length || Session.TryFinish(open.Request.Id));
        }
    }

    private sealed class Open(GoldenRequest request)
    {
        public GoldenRequest Request => request;

        /// <summary>From the snapshot on.</summary>
        public List<byte> Body { get; } = [];

        public int Sent { get; set; } = request.Sent;

        public bool IsComplete { get; set; }

        public Http3ErrorCode? Error { get; set; }

        public bool IsOver => IsComplete || Error is not null;

        public void AssertRight()
        {
            switch (request.Task)
            {
                case GoldenTask.Download:
                    CollectionAssert.AreEqual(GoldenComponent.Content(GoldenComponent.Download)[request.Received..], Body);
                    break;
                case GoldenTask.Upload:
                    ulong hash = Scenario.Hash(GoldenComponent.Content(GoldenComponent.Upload));
                    Assert.AreEqual($"{GoldenComponent.Upload} {hash:x16}\n", Encoding.ASCII.GetString([.. Body]));
                    break;
                default:
                    Assert.AreEqual(GoldenComponent.Counted, request.Received + Body.Count);
                    // Others count too, so numbers may be left out, but none comes twice.
                    int[] lines = [.. Encoding.ASCII.GetString([.. Body]).Split('\n').Where(line => line.Length == 7).Select(int.Parse)];
                    CollectionAssert.AreEqual(lines.Distinct().Order().ToArray(), lines);
                    Assert.IsGreaterThan(request.Received / 8, lines[0]);
                    break;
            }
        }
    }
}
