using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Streams;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Core.Diagnostics;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>0-RTT at the level of single packets: what may be in them, what is kept of them, and that a copy is not read.</summary>
[TestClass]
public sealed class EarlyDataTests
{
    private const long Second = 1_800_000_000;

    private static readonly TlsServerOptions s_tls = new() { AlpnProtocols = ["test"u8.ToArray()], AcceptsEarlyData = true };

    /// <summary>Goal: a frame that has no place in 0-RTT is a violation (RFC 9000, section 12.5).</summary>
    [TestMethod]
    [DataRow((byte)FrameType.Ack)]
    [DataRow((byte)FrameType.Crypto)]
    [DataRow((byte)FrameType.NewToken)]
    [DataRow((byte)FrameType.RetireConnectionId)]
    [DataRow((byte)FrameType.PathResponse)]
    [DataRow((byte)FrameType.HandshakeDone)]
    public void Frames_that_answer_are_no_early_data(byte type)
    {
        ConnectionPair pair = Resuming(out _);
        Datagram forged = pair.Forge(pair.Client, EncryptionLevel.ZeroRtt, [type, 0, 0, 0, 0, 0, 0, 0, 0]);
        foreach (Datagram datagram in pair.Take(pair.Client))
        {
            pair.ToServer(datagram);
        }

        Assert.AreEqual(EarlyDataState.Accepted, pair.Server.EarlyData);
        pair.ToServer(forged);
        Assert.AreEqual((ulong)TransportErrorCode.ProtocolViolation, pair.Server.CloseReason!.Value.Code);
    }

    /// <summary>
    /// Goal: a flight that somebody sends again, to another connection of the same server or of its successor, is not read a second time
    /// (checklist S43); the copy's handshake goes on without it, and cannot be completed.
    /// </summary>
    [TestMethod]
    public void S43_a_copy_of_a_first_flight_is_not_read()
    {
        ConnectionPair pair = Resuming(out TicketContext tickets);
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        Assert.AreEqual(5, pair.Client.Write(id, "order"u8, fin: true));
        List<Datagram> flight = pair.Take(pair.Client);
        List<Datagram> copies = [.. flight.Select(d => d with { Bytes = [.. d.Bytes] })];
        foreach (Datagram datagram in flight)
        {
            pair.ToServer(datagram);
        }

        Assert.IsTrue(pair.Server.Peek(id).SequenceEqual("order"u8));
        Assert.IsFalse(pair.Server.IsHandshakeComplete);
        Assert.AreEqual(1, ((EarlyDataLedger)tickets.Ledger).Count);

        Assert.IsTrue(LongHeader.TryRead(copies[0].Bytes, out LongHeader header));
        Connection second = pair.Accept(header, pair.ServerPath);
        List<ConnectionEvent> events = [];
        foreach (Datagram copy in copies)
        {
            second.OnDatagram(copy.Bytes, pair.ServerPath, Ecn.NotEct, null, pair.Now);
            events.AddRange(pair.ServeOther(second));
        }

        Assert.AreEqual((EarlyDataState.Rejected, true), (second.EarlyData, second.IsOpen));
        Assert.IsEmpty(events, "nothing of it reaches an application");
    }

    /// <summary>Goal: 0-RTT packets that come before the ClientHello is complete wait, a bounded number of them (checklist S36).</summary>
    [TestMethod]
    public void S36_early_packets_wait_within_a_limit()
    {
        HandshakeState state = new();
        for (int i = 0; i < 10 * HandshakeState.MaxEarlyDataPackets; i++)
        {
            state.KeepEarlyData(new byte[1200], default);
        }

        int kept = 0;
        for (; state.TryTakeEarlyData(out _); kept++)
        {
        }

        Assert.AreEqual(HandshakeState.MaxEarlyDataPackets, kept);
    }

    /// <summary>Goal: a server that accepts 0-RTT data and then permits less than the client remembers is at fault (RFC 9000, section 7.4.1; checklist S44).</summary>
    [TestMethod]
    public void S44_a_server_that_accepts_may_not_reduce()
    {
        ConnectionPair pair = Resuming(out _, limits => limits with { MaxStreamsBidi = limits.MaxStreamsBidi + 1 });
        pair.Settle();
        Assert.AreEqual((ulong)TransportErrorCode.ProtocolViolation, pair.Client.CloseReason!.Value.Code);
    }

    /// <summary>Goal: once the handshake is complete, both ends read and write in 1-RTT alone, and the bytes of both kinds are one stream.</summary>
    [TestMethod]
    public void Early_and_later_bytes_are_one_stream()
    {
        ConnectionPair pair = Resuming(out _);
        Assert.IsTrue(pair.ClientEvents.Exists(e => e.Kind == ConnectionEventKind.EarlyData));
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        pair.Client.Write(id, "early "u8, fin: false);
        pair.Settle();
        pair.Client.Write(id, "and late"u8, fin: true);
        pair.Settle();
        List<byte> read = [];
        while (pair.Server.Peek(id) is { IsEmpty: false } bytes)
        {
            read.AddRange(bytes);
            pair.Server.Consume(id, bytes.Length);
        }

        Assert.AreEqual("early and late", System.Text.Encoding.ASCII.GetString([.. read]));
        Assert.IsTrue(pair.Client.IsConfirmed && pair.Server.IsConfirmed);
        Assert.AreEqual(EarlyDataState.Accepted, pair.Client.Session!.EarlyData);
        Assert.IsTrue(pair.ServerEvents.FindIndex(e => e.Kind == ConnectionEventKind.EarlyData) < pair.ServerEvents.FindIndex(e => e.Kind == ConnectionEventKind.HandshakeCompleted));
    }

    /// <summary>Goal: traces and key logs of both ends tell what became of 0-RTT data, and both have the same early exporter secret (RFC 9850, section 2.1).</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void What_became_of_early_data_is_told(bool isAccepted)
    {
        TraceCollector traces = new();
        KeyLog keys = new();
        ConnectionOptions options = ConnectionOptions.Default with { Observers = traces, KeyLog = keys };
        ConnectionPair pair = Resuming(out _, clientSide: options, serverSide: options, accepts: isAccepted);
        pair.Settle();
        Assert.IsTrue(pair.Client.IsConfirmed);
        string told = isAccepted ? "accepted" : "rejected";
        foreach (TraceCollector.Trace trace in traces.Traces)
        {
            Assert.AreEqual(told, TraceCollector.Trace.Find(trace.Of("continuum:early_data_updated")[^1], "new"), trace.IsServer ? "server" : "client");
        }

        string[] secrets = keys.Of("EARLY_EXPORTER_SECRET");
        Assert.HasCount(isAccepted ? 2 : 1, secrets, "a server that rejects has none");
        Assert.AreEqual(1, secrets.Distinct().Count());
        Assert.HasCount(64, secrets[0]);
        Assert.IsFalse(keys.Of("EXPORTER_SECRET").Contains(secrets[0]));
    }

    private sealed class KeyLog : IKeyLog
    {
        private readonly List<(string Label, string Secret)> _lines = [];

        public void Log(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret) => _lines.Add((label, Convert.ToHexStringLower(secret)));

        public string[] Of(string label) => [.. _lines.Where(line => line.Label == label).Select(line => line.Secret)];
    }

    /// <summary>
    /// Goal: a client with a ticket whose version is turned down begins again without it (RFC 9369, section 5), once, and what it has said in 0-RTT arrives
    /// when the new handshake is complete.
    /// </summary>
    [TestMethod]
    public void A_client_with_a_ticket_begins_again_with_another_version()
    {
        ConnectionPair pair = Resuming(out _, clientSide: ConnectionOptions.Default with { MayChangeVersion = true });
        Assert.HasCount(1, pair.Client.Parts.Local.VersionInformation!.Available, "0-RTT is of the ticket's version");
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        Assert.AreEqual(5, pair.Client.Write(id, "order"u8, fin: true));
        Assert.IsTrue(pair.Take(pair.Client).Count > 0, "a flight that this server does not understand");

        ByteWriter writer = new(new byte[100]);
        VersionNegotiationPacket.Write(
            ref writer, 0, pair.Client.Parts.Local.InitialSourceConnectionId!.Value, pair.Client.Parts.Identity.OriginalDestination, [QuicVersion.V2]);
        pair.ToClient(new(default, default, writer.Written.ToArray(), Ecn.NotEct));
        Assert.AreEqual((QuicVersion.V2, EarlyDataState.Rejected), (pair.Client.Version, pair.Client.EarlyData));
        // Such a server speaks version 2 alone, and says so; ours speaks both.
        Datagram again = pair.Take(pair.Client).Single();
        Assert.IsTrue(LongHeader.TryRead(again.Bytes, out LongHeader header));
        Assert.AreEqual((QuicVersion.V2, LongPacketType.Initial), (header.Version, header.Type));
        pair.SpeaksOnly(again, QuicVersion.V2);
        pair.Settle();
        Assert.IsTrue(pair.Client.IsConfirmed, $"{pair.Client.CloseReason}");
        Assert.AreEqual((false, EarlyDataState.Rejected), (pair.Client.Session!.IsResumed, pair.Client.Session.EarlyData));
        Assert.IsTrue(pair.Server.Peek(id).SequenceEqual("order"u8));
        Assert.AreEqual(0UL, pair.Client.Parts.Traffic.PacketsLost, "what nobody could read was not lost on the way");

        pair = Resuming(out _, clientSide: ConnectionOptions.Default with { MayChangeVersion = false });
        _ = pair.Take(pair.Client);
        writer = new(new byte[100]);
        VersionNegotiationPacket.Write(
            ref writer, 0, pair.Client.Parts.Local.InitialSourceConnectionId!.Value, pair.Client.Parts.Identity.OriginalDestination, [QuicVersion.V2]);
        pair.ToClient(new(default, default, writer.Written.ToArray(), Ecn.NotEct));
        Assert.AreEqual(CloseOrigin.VersionNegotiation, pair.Client.CloseReason?.Origin, "who names one version has no other");
    }

    /// <summary>A pair whose client has a ticket of an earlier one, and has its first flight ready.</summary>
    internal static ConnectionPair Resuming(out TicketContext tickets, Func<RememberedLimits, RememberedLimits>? remember = null, ConnectionOptions? clientSide = null, ConnectionOptions? serverSide = null, bool accepts = true)
    {
        tickets = new([Peer.Keys.TicketKey], Second, QuicVersion.V1, default, new EarlyDataLedger(since: long.MinValue));
        ConnectionPair first = new(tls: s_tls, tickets: tickets);
        first.Settle();
        first.Server.OfferTicket(s_tls, Peer.Keys.TicketKey, Second, new byte[20]);
        first.Settle();
        ResumptionTicket given = first.Client.Parts.NewTickets.Dequeue();
        ResumptionTicket ticket = new()
        {
            Suite = given.Suite,
            Version = given.Version,
            Alpn = given.Alpn,
            Ticket = given.Ticket,
            Psk = given.Psk,
            AgeAdd = given.AgeAdd,
            ReceivedAt = new(TimeSpan.TicksPerHour),
            ExpiresAt = given.ExpiresAt,
            AllowsEarlyData = given.AllowsEarlyData,
            Limits = remember?.Invoke(given.Limits) ?? given.Limits,
            PeerCertificates = given.PeerCertificates,
        };
        TlsServerOptions tls = accepts ? s_tls : new() { AlpnProtocols = s_tls.AlpnProtocols };
        return new(clientSide, serverSide, seed: 6, tls: tls, ticket: ticket, tickets: tickets);
    }
}
