using System.Security.Cryptography;
using System.Text.Json;
using CsCheck;
using Net.Core.Connections;
using Net.Core.Diagnostics;
using Net.Core.Endpoints;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Diagnostics;

[TestClass]
public sealed class QlogTraceTests
{
    /// <summary>Goal: a trace tells a connection's life from the first packet to the last, and each event is one of those that its schema lists.</summary>
    [TestMethod]
    public void A_trace_tells_the_life_of_a_connection()
    {
        Life life = new(seed: 3);
        life.Handshake();
        life.Exchange();
        life.Client.Close(7, "done", life.World.Now);
        life.ClientPeer.Pump();
        life.World.Run(TimeSpan.FromSeconds(5));

        foreach (TraceCollector.Trace trace in life.Traces.Traces)
        {
            JsonElement header = trace.Records[0];
            Assert.AreEqual("urn:ietf:params:qlog:file:sequential", header.GetProperty("file_schema").GetString());
            Assert.AreEqual("application/qlog+json-seq", header.GetProperty("serialization_format").GetString());
            Assert.AreEqual(trace.IsServer ? "server" : "client", TraceCollector.Trace.Find(header, "trace.vantage_point.type"));
            Assert.AreEqual(life.Client.Parts.Identity.OriginalDestination.ToString(), TraceCollector.Trace.Find(header, "trace.common_fields.group_id"));
            CollectionAssert.AreEqual(new[] { "attempted", "handshake_started", "handshake_complete", "handshake_confirmed" }.Where(s => !trace.IsServer || s != "handshake_complete").ToArray(), States(trace).Take(trace.IsServer ? 3 : 4).ToArray());
            Assert.AreEqual("closed", States(trace)[^1]);
            Assert.IsTrue(trace.HasEnded);
            Assert.IsTrue(trace.Has("quic:parameters_set", "initiator", "local") && trace.Has("quic:parameters_set", "initiator", "remote"));
            Assert.IsTrue(trace.Has("quic:parameters_set", "tls_cipher", "AES_128_GCM_SHA256"));
            Assert.IsTrue(trace.Has("quic:alpn_information", "chosen_alpn.string_value", "test"));
            Assert.IsTrue(trace.Has("quic:version_information", "chosen_version", "00000001"));
            Assert.IsTrue(trace.Has("quic:key_discarded", "key_type", "client_handshake_secret"));
            Assert.IsTrue(trace.Of("quic:recovery_metrics_updated").Exists(data => data.TryGetProperty("smoothed_rtt", out _)));
            Assert.AreEqual(trace.IsServer ? "remote" : "local", TraceCollector.Trace.Find(trace.Of("quic:connection_closed").Single(), "initiator"));
            Assert.AreEqual("7", TraceCollector.Trace.Find(trace.Of("quic:connection_closed").Single(), "error_code"));
            foreach (string kind in (string[])["initial", "handshake", "1RTT"])
            {
                Assert.IsTrue(trace.Has("quic:packet_sent", "header.packet_type", kind), $"{kind} sent");
                Assert.IsTrue(trace.Has("quic:packet_received", "header.packet_type", kind), $"{kind} received");
            }

            decimal last = 0;
            foreach (JsonElement e in trace.Events)
            {
                Assert.IsTrue(e.GetProperty("time").GetDecimal() >= last, "time goes on");
                last = e.GetProperty("time").GetDecimal();
                Assert.IsTrue(s_events.Contains(e.GetProperty("name").GetString()!), e.GetProperty("name").GetString());
            }
        }
    }

    /// <summary>Goal: what one end says that it sent is what the other says that it received, frame by frame.</summary>
    [TestMethod]
    public void Both_ends_tell_the_same_story()
    {
        Life life = new(seed: 4);
        life.Handshake();
        life.Exchange();

        string[] sent = [.. life.Traces.Client.Of("quic:packet_sent").Select(Story)];
        string[] received = [.. life.Traces.Server.Of("quic:packet_received").Select(Story)];
        Assert.IsTrue(sent.Length > 10);
        CollectionAssert.AreEqual(sent[..received.Length], received);

        static string Story(JsonElement data) => $"{data.GetProperty("header").GetProperty("packet_type")} {data.GetProperty("header").GetProperty("packet_number")} {data.GetProperty("frames")}";
    }

    /// <summary>Goal: key updates tell who began, and how far they are.</summary>
    [TestMethod]
    public void A_key_update_is_told_by_both_ends()
    {
        Life life = new(seed: 5);
        life.Handshake();
        life.Exchange();
        Assert.IsTrue(life.Client.Parts.Keys!.TryInitiateUpdate());
        life.Client.Ping();
        life.ClientPeer.Pump();
        life.World.Run(TimeSpan.FromSeconds(1));

        Assert.IsTrue(life.Traces.Client.Of("quic:key_updated").Exists(d => IsUpdate(d, "client_1rtt_secret", "local_update")));
        Assert.IsTrue(life.Traces.Client.Of("quic:key_updated").Exists(d => IsUpdate(d, "server_1rtt_secret", "local_update")));
        Assert.IsTrue(life.Traces.Server.Of("quic:key_updated").Exists(d => IsUpdate(d, "client_1rtt_secret", "remote_update")));
        Assert.IsTrue(life.Traces.Server.Of("quic:key_updated").Exists(d => IsUpdate(d, "server_1rtt_secret", "remote_update")));
        Assert.IsTrue(life.Traces.Server.Has("quic:packet_received", "header.key_phase", "1"));

        static bool IsUpdate(JsonElement data, string type, string trigger) =>
            TraceCollector.Trace.Find(data, "key_type") == type && TraceCollector.Trace.Find(data, "key_phase") == "1" && TraceCollector.Trace.Find(data, "trigger") == trigger;
    }

    [TestMethod]
    public void A_new_address_of_the_client_is_told_by_the_server()
    {
        Life life = new(seed: 6);
        life.Handshake();
        life.Exchange();
        life.MoveClient("10.9.9.9:4321");
        life.World.Run(TimeSpan.FromSeconds(1));

        List<JsonElement> migrations = life.Traces.Server.Of("quic:migration_state_updated");
        CollectionAssert.AreEqual(new[] { "migration_started", "migration_complete" }, migrations.Select(d => TraceCollector.Trace.Find(d, "new")).ToArray());
        Assert.AreEqual("10.9.9.9", TraceCollector.Trace.Find(migrations[0], "tuple_remote.ip_v4"));
        Assert.IsTrue(life.Traces.Server.Of("quic:packet_sent").Exists(d => d.GetProperty("frames").ToString().Contains("path_challenge", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void A_retry_is_told_by_both_ends()
    {
        Life life = new(seed: 7, options => options with { RetryAbove = 0 });
        life.Handshake();

        Assert.IsTrue(life.Traces.Client.Has("quic:packet_received", "header.packet_type", "retry"));
        Assert.IsTrue(life.Traces.Client.Of("quic:packet_sent").Exists(d => TraceCollector.Trace.Find(d, "header.token.raw.length") is not null));
        Assert.IsTrue(life.Traces.Server.Of("quic:parameters_set").Exists(d => d.TryGetProperty("retry_source_connection_id", out _)));
    }

    [TestMethod]
    public void Loss_and_congestion_are_told()
    {
        Life life = new(seed: 8);
        life.Handshake();
        life.World.Network = NetworkConditions.Bad;
        life.Exchange();

        List<TraceCollector.Trace> traces = life.Traces.Traces;
        Assert.IsTrue(traces.Exists(t => t.Has("quic:packet_lost", "trigger", "reordering_threshold")));
        Assert.IsTrue(traces.Exists(t => t.Has("quic:congestion_state_updated", "new", "recovery")));
        Assert.IsTrue(traces.Exists(t => t.Has("quic:packet_dropped", "trigger", "duplicate")));
        Assert.IsTrue(traces.Exists(t => t.Has("quic:packet_dropped", "trigger", "decryption_failure")));
    }

    /// <summary>Goal: a move is told by both owners, under the epoch of each.</summary>
    [TestMethod]
    public void A_move_is_told_by_both_owners()
    {
        TraceCollector traces = new();
        World world = new(9);
        EndpointOptions options = Life.Observed(traces);
        Cluster cluster = new(world, new StreamServer([1, 2, 3]).OnEvent, options: options, connections: options.Connection);
        StreamClient app = new((Job.Download, []));
        Peer client = new(world, "10.0.0.1:1000") { OnEvent = app.OnEvent };
        client.Connect(cluster.Front);
        world.RunUntil(() => cluster.CanMove, TimeSpan.FromSeconds(5));
        cluster.Move(TimeSpan.FromMilliseconds(5));
        world.RunUntil(() => app.IsDone && cluster.Moves == 1, TimeSpan.FromSeconds(5));

        CollectionAssert.AreEqual(new[] { "continuum:frozen", "continuum:exported", "continuum:destroyed" }, Steps(traces.Traces[0]));
        Assert.IsTrue(traces.Traces[0].HasEnded);
        CollectionAssert.AreEqual(new[] { "continuum:imported", "continuum:thawed", "continuum:resumed" }, Steps(traces.Traces[1]));
        Assert.AreEqual("1", TraceCollector.Trace.Find(traces.Traces[1].Of("continuum:resumed").Single(), "epoch"));
        Assert.IsTrue(traces.Traces[1].Has("quic:alpn_information", "chosen_alpn.string_value", "test"), "a trace that begins in the middle says what was agreed");

        static string[] Steps(TraceCollector.Trace trace) =>
            [.. trace.Events.Select(e => e.GetProperty("name").GetString()!).Where(name => name.StartsWith("continuum:", StringComparison.Ordinal))];
    }

    /// <summary>Goal: an observed connection is the same as one that is not, byte for byte.</summary>
    [TestMethod]
    public void Nobody_can_tell_that_a_connection_is_observed()
    {
        string[] runs = [.. new[] { true, false }.Select(isObserved =>
        {
            Life life = new(seed: 10, options => isObserved ? options : options with { Connection = options.Connection with { Observers = null } });
            life.World.Network = NetworkConditions.Bad;
            List<byte> wire = [];
            life.World.Sending = (_, _, bytes) => wire.AddRange(bytes);
            life.Handshake();
            life.Exchange();
            Assert.AreEqual(isObserved, life.Traces.Traces.Count > 0);
            return Convert.ToHexString(SHA256.HashData(wire.ToArray()));
        })];
        Assert.AreEqual(runs[0], runs[1]);
    }

    /// <summary>Goal: what the application protocol tells stands in the trace with the time of the step in which it was told, also by a call that brings none.</summary>
    [TestMethod]
    public void An_application_event_has_the_time_of_its_step()
    {
        Life life = new(seed: 13);
        life.Handshake();
        Net.Core.Time.Instant later = life.World.Now + TimeSpan.FromSeconds(3);
        life.ClientPeer.Endpoint.Tick(later);
        Observation.Tell(life.Client, new Note());
        JsonElement record = life.Traces.Client.Events.Last(e => e.GetProperty("name").GetString() == "test:note");
        Assert.AreEqual("of a kind", record.GetProperty("data").GetProperty("text").GetString());
        Assert.AreEqual((decimal)(later - new Net.Core.Time.Instant(TimeSpan.TicksPerHour)).TotalMilliseconds, record.GetProperty("time").GetDecimal());
    }

    /// <summary>Goal: whatever a packet holds, its record is one line of JSON (checklist S42).</summary>
    [TestMethod]
    public void Any_payload_makes_one_record()
    {
        TraceCollector traces = new();
        Life life = new(seed: 11, options => options with { Connection = options.Connection with { Observers = traces } });
        IConnectionObserver trace = life.Client.Parts.Observer!;
        Gen.Byte.Array[0, 200].Sample(
            payload =>
            {
                int before = traces.Client.Records.Count;
                trace.OnPacketReceived(new(PacketKind.OneRtt, 5, payload.Length, 0, new([1, 2]), default), payload, life.World.Now);
                return traces.Client.Records.Count == before + 1;
            },
            iter: 2_000, threads: 1);
    }

    /// <summary>Goal: a peer's words are escaped and cut, a flood of frames is cut (checklist S42).</summary>
    [TestMethod]
    public void S42_a_peers_words_are_escaped_and_cut()
    {
        Life life = new(seed: 12);
        IConnectionObserver trace = life.Client.Parts.Observer!;
        byte[] reason = [.. "x\r\n\u001e{\"name\":\"forged\"}"u8, 0xFF, 0xFE, .. new byte[5_000]];
        byte[] payload = new byte[reason.Length + 20];
        ByteWriter writer = new(payload);
        new ConnectionCloseFrame(isApplication: true, 3, 0, reason).Write(ref writer);
        trace.OnPacketReceived(new(PacketKind.OneRtt, 1, 100, 0, default, default), payload.AsSpan(0, writer.Position), life.World.Now);
        JsonElement frame = life.Traces.Client.Of("quic:packet_received").Single().GetProperty("frames")[0];
        StringAssert.StartsWith(frame.GetProperty("reason").GetString(), "x\r\n\u001e{\"name\":\"forged\"}");
        Assert.IsTrue(frame.GetProperty("reason").GetString()!.Length <= QlogFrames.MaxReason);

        byte[] pings = new byte[60_000];
        pings.AsSpan().Fill((byte)FrameType.Ping);
        trace.OnPacketReceived(new(PacketKind.OneRtt, 2, 60_000, 0, default, default), pings, life.World.Now);
        Assert.AreEqual(QlogFrames.MaxPerPacket, life.Traces.Client.Of("quic:packet_received")[1].GetProperty("frames").GetArrayLength());
    }

    private static readonly HashSet<string> s_events =
    [
        "quic:connection_started", "quic:connection_closed", "quic:connection_id_updated", "quic:connection_state_updated", "quic:tuple_assigned",
        "quic:mtu_updated", "quic:version_information", "quic:alpn_information", "quic:parameters_set", "quic:packet_sent", "quic:packet_received",
        "quic:packet_dropped", "quic:packet_buffered", "quic:migration_state_updated", "quic:key_updated", "quic:key_discarded",
        "quic:recovery_parameters_set", "quic:recovery_metrics_updated", "quic:congestion_state_updated", "quic:packet_lost",
    ];

    private static string[] States(TraceCollector.Trace trace) =>
        [.. trace.Of("quic:connection_state_updated").Select(d => d.GetProperty("new").GetString()!)];

    private sealed class Note : IApplicationEvent
    {
        public string Name => "test:note";

        public void Write(Utf8JsonWriter json) => json.WriteString("text"u8, "of a kind");
    }

    /// <summary>A client and a server, both traced.</summary>
    private sealed class Life
    {
        private readonly Peer _server;
        private readonly StreamClient _app;

        public Life(ulong seed, Func<EndpointOptions, EndpointOptions>? change = null)
        {
            World = new(seed);
            EndpointOptions options = Observed(Traces);
            options = change?.Invoke(options) ?? options;
            byte[] content = new byte[300_000];
            _server = new(World, "10.0.0.2:443", options: options) { OnEvent = new StreamServer(content).OnEvent };
            _app = new((Job.Download, []), (Job.Echo, content));
            ClientPeer = new(World, "10.0.0.1:1000", options: options) { OnEvent = _app.OnEvent };
            Client = ClientPeer.Connect(_server);
        }

        public World World { get; }

        public TraceCollector Traces { get; } = new();

        public Peer ClientPeer { get; }

        public Connection Client { get; }

        public static EndpointOptions Observed(TraceCollector traces) =>
            Peer.DefaultOptions with { Connection = ConnectionOptions.Default with { Observers = traces } };

        public void Handshake() => World.RunUntil(() => Client.IsConfirmed, TimeSpan.FromSeconds(30));

        public void Exchange()
        {
            World.RunUntil(() => _app.IsDone, TimeSpan.FromSeconds(60));
            World.Network = new();
            World.Run(TimeSpan.FromSeconds(1));
        }

        public void MoveClient(string address)
        {
            Assert.IsTrue(UdpAddress.TryParse(address, out UdpAddress parsed));
            ClientPeer.ActAs = parsed;
            World.Attach(parsed, ClientPeer.Deliver);
            Client.Ping();
            ClientPeer.Pump();
        }
    }
}
