using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Sessions;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;

namespace Net.Tests.Vectors;

/// <summary>A component in the middle of its life, as its source seals it for a move, and its clients: what <see cref="Golden"/> has no HTTP/3 for.</summary>
/// <remarks>
/// It has moved before. Two requests were left behind with their handlers, of which one has ended; three stand at safe points; one ended between
/// the copy and the freeze. There is a checkpoint, a priority for a request that is yet to come, and there are entries in both QPACK tables of either client.
/// </remarks>
/// <param name="Keys">Of the federation.</param>
/// <param name="Parts">As <see cref="Golden.Open"/> takes them.</param>
internal sealed record GoldenComponent(FederationKeys Keys, SnapshotBinding Binding, byte[] Key, byte[] Parts, IReadOnlyList<GoldenClientState> Clients)
{
    public const int Download = 30_000;

    /// <summary>Half of it is on its way when the snapshot is made.</summary>
    public const int Upload = 20_000;

    /// <summary>Bytes of a count that comes to its end.</summary>
    public const int Counted = 8 * 200;

    /// <summary>It would go on for longer than any test.</summary>
    private const string Endless = "/counter/5000";

    private const int UploadedBefore = 5_000;
    private const int MaxBytes = 1 << 20;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>Small, so that something waits for room everywhere.</summary>
    public static ConnectionOptions ServerConnections { get; } = new() { Streams = new() { SendBuffer = 8_000, StreamWindow = 10_000, ConnectionWindow = 60_000 } };

    public static ConnectionOptions ClientConnections { get; } = new() { Streams = new() { SendBuffer = 9_000, StreamWindow = 12_000, ConnectionWindow = 80_000 } };

    /// <summary>Of what is uploaded, and of what is downloaded.</summary>
    public static byte[] Content(int length) => TestComponent.Download(length);

    /// <summary>Lives the life and writes it down; the same bytes each time.</summary>
    public static byte[] Make()
    {
        Federation federation = new(7, configure: f =>
        {
            (f.ServerConnections, f.ClientConnections) = (ServerConnections, ClientConnections);
            f.Running = RunningRequests.Tether;
        });
        SimulatedClient busy = federation.AddClient(), idle = federation.AddClient();
        foreach (SimulatedClient client in (SimulatedClient[])[busy, idle, busy, idle, busy, idle])
        {
            // Fields that come again enter the tables.
            ClientView answered = client.Request("GET", "/named/1000");
            federation.RunUntil(() => answered.IsOver, s_limit, "answered");
        }

        (ClientExchange left, Task leftBegun) = Begin("GET", $"/bytes/{Download}", default);
        (ClientExchange endlessly, ClientView endless) = Watch(Endless);
        federation.RunUntil(() => leftBegun.IsCompletedSuccessfully && endless.Received > 50, s_limit, "under way");

        // From here on requests are resumable; those of before stay with their handlers.
        federation.Running = RunningRequests.Resume;
        federation.AddNode("gamma");
        federation.Run(TimeSpan.FromMilliseconds(50));
        Move away = federation.Migrate("gamma");
        federation.RunUntil(() => away.IsOver, s_limit, "moved");
        Assert.IsTrue(away.Report!.Moved, $"{away.Report}");

        (ClientExchange counts, ClientView counting) = Watch("/counter/200");
        (ClientExchange upload, Task uploaded) = Begin("POST", "/hash", Content(Upload).AsMemory(0, UploadedBefore));
        (ClientExchange held, Task heldBegun) = Begin("GET", $"/bytes/{Download}", default);
        federation.RunUntil(() => heldBegun.IsCompletedSuccessfully && uploaded.IsCompletedSuccessfully && counting.Received > 50, s_limit, "under way again");
        federation.Run(TimeSpan.FromMilliseconds(100));
        Assert.HasCount(1, federation.Done(federation.Checkpoint()).Kept);

        Recording recording = new();
        federation.LinkMinDelay = federation.LinkMaxDelay = TimeSpan.FromMilliseconds(30);
        federation.OnLinkMessage = (_, message) => recording.OnMessage(message, () =>
        [
            Save(busy,
            [
                new(left.Id, GoldenTask.Download, 0, 0), new(held.Id, GoldenTask.Download, 0, 0), new(upload.Id, GoldenTask.Upload, 0, UploadedBefore),
                new(endlessly.Id, GoldenTask.Endless, endless.Received, 0), new(counts.Id, GoldenTask.Count, counting.Received, 0),
            ]),
            Save(idle, []),
        ]);
        ClientView soon = busy.Request("GET", "/counter/11");
        federation.Run(TimeSpan.FromMilliseconds(1));
        StreamId next = new(busy.Owner.Http3.Session.Requests.Keys.Max(id => id.Value) + 4);
        busy.Owner.Http3.Queue.Post(new Work(() => LocalControl.PriorityUpdate(busy.Owner.Http3.Session.State, new ConnectionTransport(busy.Connection), next, new(1, true))));
        _ = federation.Migrate("beta");
        federation.RunUntil(() => recording.Clients is not null, s_limit, "written down");
        Assert.IsTrue(soon.IsOver, soon.ToString());
        GoldenComponent golden = new(federation.Keys, recording.Prepare!.Binding, recording.Key(), recording.Parts.Written.ToArray(), recording.Clients!);
        return golden.Write();

        (ClientExchange Exchange, Task Begun) Begin(string method, string path, ReadOnlyMemory<byte> body)
        {
            ClientExchange exchange = busy.Owner.Http3.NewExchange();
            return (exchange, BeginAsync(exchange, new(method, "https", "web.test", path, new()), body));
        }

        (ClientExchange Exchange, ClientView View) Watch(string path)
        {
            ClientExchange exchange = busy.Owner.Http3.NewExchange();
            ClientView view = new(path, federation.World);
            _ = view.RunAsync(exchange, new("GET", "https", "web.test", path, new()), upload: null);
            return (exchange, view);
        }
    }

    /// <summary>As it is kept in a file.</summary>
    public byte[] Write()
    {
        FieldWriter writer = new();
        Keys.Write(writer);
        writer.WriteString(Binding.Component);
        writer.WriteUInt64(Binding.Epoch);
        writer.WriteUInt32(Binding.Shard);
        Binding.Source.Write(writer);
        Binding.Destination.Write(writer);
        writer.WriteUInt64(Binding.Attempt);
        writer.WriteVarBytes(Key);
        writer.WriteVarBytes(Parts);
        writer.WriteVarInt((ulong)Clients.Count);
        foreach (GoldenClientState client in Clients)
        {
            client.Write(writer);
        }

        return writer.Written.ToArray();
    }

    public static GoldenComponent Read(byte[] file)
    {
        ByteReader reader = new(file);
        bool isSound = FederationKeys.TryRead(ref reader, out FederationKeys? keys) & reader.TryReadString(63, out string component) & reader.TryReadUInt64(out ulong epoch)
            & reader.TryReadUInt32(out uint shard) & Net.Migration.Directory.Member.TryRead(ref reader, out Net.Migration.Directory.Member source)
            & Net.Migration.Directory.Member.TryRead(ref reader, out Net.Migration.Directory.Member destination) & reader.TryReadUInt64(out ulong attempt)
            & reader.TryReadBytes(SnapshotBinding.KeyLength, out byte[] key) & reader.TryReadBytes(MaxBytes, out byte[] parts) & reader.TryReadVarInt(out ulong clients);
        Assert.IsTrue(isSound, "a golden file is damaged");
        GoldenClientState[] states = new GoldenClientState[clients];
        for (int i = 0; i < states.Length; i++)
        {
            states[i] = GoldenClientState.Read(ref reader);
        }

        return new(keys!, new(component, epoch, shard, source, destination, attempt), key, parts, states);
    }

    /// <summary>The numbers of all sections that are in it, of the component and of its connections.</summary>
    public HashSet<ulong> Numbers(ImageStore store)
    {
        HashSet<ulong> numbers = [.. Clients.SelectMany(client => Golden.Numbers(client.Export))];
        foreach (SnapshotSection section in store.Indices.SelectMany(store.Sections))
        {
            numbers.Add(section.Number);
            numbers.UnionWith(section.Number == SectionNumber.Connection ? Golden.Numbers(section.Body) : []);
        }

        return numbers;
    }

    /// <summary>An upload is not ended, and of a download no more than the head is read.</summary>
    private static async Task BeginAsync(ClientExchange exchange, RequestHead head, ReadOnlyMemory<byte> body)
    {
        await exchange.SendAsync(head, hasBody: !body.IsEmpty);
        if (body.IsEmpty)
        {
            await exchange.ReadHeadAsync();
        }
        else
        {
            await exchange.WriteAsync(body);
        }
    }

    private static GoldenClientState Save(SimulatedClient client, IReadOnlyList<GoldenRequest> requests)
    {
        SnapshotWriter writer = new(client.Now);
        client.Connection.Copy(writer, SessionSnapshot.Parts(client.Owner.Http3.Session));
        return new(writer.Written.ToArray(), requests);
    }

    /// <summary>What is said over the link between the two nodes of a move.</summary>
    private sealed class Recording
    {
        private AcceptMessage? _accept;

        public PrepareMessage? Prepare { get; private set; }

        public FieldWriter Parts { get; } = new();

        /// <summary>As they are when the source has sent all: it stands still, and they have got nothing of the next owner yet.</summary>
        public IReadOnlyList<GoldenClientState>? Clients { get; private set; }

        public void OnMessage(LinkMessage message, Func<IReadOnlyList<GoldenClientState>> save)
        {
            (Prepare, _accept) = (message as PrepareMessage ?? Prepare, message as AcceptMessage ?? _accept);
            if (message is PartMessage part)
            {
                Parts.WriteBool(part.IsLast);
                Parts.WriteVarBytes(part.Bytes.Span);
            }
            else if (message is FinalEndMessage)
            {
                Clients = save();
            }
        }

        public byte[] Key()
        {
            byte[] key = new byte[SnapshotBinding.KeyLength];
            Prepare!.Binding.DeriveKey(Prepare.Share.Span, _accept!.Share.Span, key);
            return key;
        }
    }

    private sealed class Work(Action action) : IShardWork
    {
        public void Run(Instant now) => action();
    }
}
