using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Snapshots;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Tests.Core.Tls;

/// <summary>A second handshake of the same two, by a ticket of the first.</summary>
[TestClass]
public sealed class TlsResumptionTests
{
    private const long Second = 1_800_000_000;

    private static readonly RememberedLimits s_limits = new(1000, 100, 101, 102, 10, 11, 2, 0, false);

    public static IEnumerable<object[]> Ways =>
        from suite in new[] { CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256 }
        from retry in new[] { false, true }
        from early in new[] { false, true }
        select new object[] { (int)suite, retry, early };

    /// <summary>Goal: with a ticket both sides agree, show no certificate, and read 0-RTT data unless a HelloRetryRequest came between.</summary>
    [TestMethod]
    [DynamicData(nameof(Ways))]
    public void A_ticket_spares_the_certificate(int suiteNumber, bool retry, bool early)
    {
        CipherSuite suite = (CipherSuite)suiteNumber;
        HandshakePair pair = Resume(Ticket(suite), suite, retry: retry, early: early).Run();

        AssertAgreed(pair);
        Assert.IsTrue(pair.Client.Session!.IsResumed && pair.Server.Session!.IsResumed);
        Assert.IsFalse(pair.Log.Exists(m => HandshakePair.TypeOf(m.Bytes) is HandshakeType.Certificate or HandshakeType.CertificateVerify));
        CollectionAssert.AreEqual(TestHost.Server.Chain[0], pair.Client.Session.PeerCertificates.Single().ToArray(), "that of the first session");
        Assert.IsTrue(pair.ClientHost.Requests.Exists(r => r is ValidateCertificateRequest), "it must still be trusted");
        EarlyDataState expected = !early ? EarlyDataState.None : retry ? EarlyDataState.Rejected : EarlyDataState.Accepted;
        Assert.AreEqual((expected, expected), (pair.Client.Session.EarlyData, pair.Server.Session.EarlyData));
        TlsSecret sent = pair.ClientSecrets.Find(s => s.Level == EncryptionLevel.ZeroRtt), read = pair.ServerSecrets.Find(s => s.Level == EncryptionLevel.ZeroRtt);
        Assert.AreEqual(early, sent.IsWrite);
        Assert.AreEqual(early && !retry, read.Secret.Length > 0);
        Assert.IsTrue(retry || sent.Secret.Span.SequenceEqual(read.Secret.Span));
    }

    /// <summary>Goal: a certificate that is no longer trusted ends the resumed handshake too, as with SslStream.</summary>
    [TestMethod]
    public void A_remembered_certificate_is_judged_again()
    {
        HandshakePair pair = Resume(Ticket(), verdict: CertificateVerdict.Revoked).Run();
        Assert.AreEqual(0x100UL + 44, (ulong)pair.ClientError.Code);
    }

    /// <summary>
    /// Goal: a ticket is taken only for what it was given for (checklist S45): name, protocol, version, hash, key, lifetime, trust; else the
    /// handshake is a full one, and nobody minds.
    /// </summary>
    [TestMethod]
    [DataRow("other name")]
    [DataRow("other protocol")]
    [DataRow("other version")]
    [DataRow("other hash")]
    [DataRow("other keys")]
    [DataRow("rotated away")]
    [DataRow("expired")]
    [DataRow("from the future")]
    [DataRow("client certificates")]
    [DataRow("no tickets")]
    [DataRow("damaged")]
    public void A_ticket_for_something_else_is_passed_over(string what)
    {
        ResumptionTicket ticket = Ticket();
        TicketContext context = Context();
        if (what == "damaged")
        {
            ticket.Ticket[^1] ^= 1;
        }

        HandshakePair pair = new(
            seed: 9,
            clientSuites: what == "other hash" ? [CipherSuite.Aes256GcmSha384, CipherSuite.Aes128GcmSha256] : null,
            serverName: what == "other name" ? "other.test" : "server.test",
            clientAlpn: what == "other protocol" ? ["hq-interop"u8.ToArray(), "h3"u8.ToArray()] : null,
            mode: what == "client certificates" ? ClientCertificates.Request : ClientCertificates.None,
            offer: new(ticket, Age(ticket, 0), EarlyData: false),
            tickets: what switch
            {
                "other version" => context with { Version = QuicVersion.V2 },
                "other keys" => context with { Keys = [new(1, Enumerable.Repeat((byte)2, 32).ToArray())] },
                "rotated away" => context with { Keys = [new(2, new byte[32])] },
                "expired" => context with { Second = Second + TlsLimits.TicketLifetime + 1 },
                "from the future" => context with { Second = Second - EarlyDataLedger.Tolerance - 1 },
                "no tickets" => null,
                _ => context,
            });
        if (what == "other hash")
        {
            // The server prefers its own order: make the first suite unavailable there.
            pair = Resume(ticket, CipherSuite.Aes128GcmSha256, serverSuite: CipherSuite.Aes256GcmSha384);
        }
        else if (what == "other protocol")
        {
            pair = Resume(ticket, alpn: "hq-interop");
        }

        pair.Run();
        AssertAgreed(pair);
        Assert.IsFalse(pair.Client.Session!.IsResumed || pair.Server.Session!.IsResumed);
        Assert.IsTrue(pair.Log.Exists(m => HandshakePair.TypeOf(m.Bytes) == HandshakeType.Certificate));
    }

    /// <summary>Goal: a name is the same name in whatever letters (checklist S45).</summary>
    [TestMethod]
    public void S45_names_are_compared_without_case()
    {
        HandshakePair pair = Resume(Ticket(), serverName: "SERVER.Test").Run();
        AssertAgreed(pair);
        Assert.IsTrue(pair.Server.Session!.IsResumed);
    }

    /// <summary>Goal: who does not know a ticket's key is no client of ours.</summary>
    [TestMethod]
    public void A_wrong_binder_is_decrypt_error()
    {
        HandshakePair pair = Resume(Ticket());
        pair.Tamper = (fromClient, bytes) =>
        {
            if (fromClient && HandshakePair.TypeOf(bytes) == HandshakeType.ClientHello)
            {
                bytes[^1] ^= 1;
            }

            return bytes;
        };
        Assert.AreEqual(0x100UL + 51, (ulong)pair.Run().ServerError.Code);
    }

    /// <summary>Goal: 0-RTT is refused, and the session resumed all the same, when it could be a copy or was made for other rules (checklist S43, S44).</summary>
    [TestMethod]
    [DataRow("late")]
    [DataRow("early")]
    [DataRow("used")]
    [DataRow("before start")]
    [DataRow("full")]
    [DataRow("reduced")]
    [DataRow("other settings")]
    [DataRow("not wanted")]
    public void S43_early_data_that_may_be_a_copy_is_refused(string what)
    {
        ResumptionTicket ticket = Ticket(early: true);
        TicketContext context = Context(what == "before start" ? new(since: Second) : what == "full" ? new(long.MinValue, capacity: 0) : null);
        if (what == "used")
        {
            HandshakePair first = Resume(ticket, early: true, context: context).Run();
            Assert.AreEqual(EarlyDataState.Accepted, first.Server.Session!.EarlyData);
        }

        int age = what switch { "late" => 60, "early" => -60, _ => 0 };
        HandshakePair pair = Resume(
            ticket,
            early: true,
            ageSeconds: age,
            refuses: what == "not wanted",
            earlyState: what == "other settings" ? [1] : null,
            context: what == "reduced" ? context with { Limits = s_limits with { MaxStreamsBidi = 9 } } : context).Run();
        AssertAgreed(pair);
        Assert.IsTrue(pair.Client.Session!.IsResumed);
        Assert.AreEqual((EarlyDataState.Rejected, EarlyDataState.Rejected), (pair.Client.Session.EarlyData, pair.Server.Session!.EarlyData));
        Assert.IsFalse(pair.ServerSecrets.Exists(s => s.Level == EncryptionLevel.ZeroRtt));
    }

    /// <summary>Goal: a server's answer about tickets that it could not give is refused, with the RFC's alert.</summary>
    [TestMethod]
    public void Answers_that_do_not_fit_are_refused()
    {
        HandshakePair full = new() { Tamper = OnServerHello(h => h.SelectedIdentity = 0) };
        Assert.AreEqual(0x100UL + 110, (ulong)full.Run().ClientError.Code, "not offered");
        HandshakePair second = Resume(Ticket());
        second.Tamper = OnServerHello(h => h.SelectedIdentity = 1);
        Assert.AreEqual(0x100UL + 47, (ulong)second.Run().ClientError.Code, "beyond what was offered");
    }

    /// <summary>Goal: pre_shared_key that is malformed, not last or without its modes is refused; many identities cost nothing (checklist S41).</summary>
    [TestMethod]
    public void S41_malformed_offers_are_refused()
    {
        static ulong Code(byte[] body)
        {
            TransportError error = PskOffer.TryRead(body, out PskOffer? offer);
            Assert.AreEqual(error.IsError, offer is null);
            return (ulong)error.Code;
        }

        byte[] good = [0, 7, 0, 1, 9, 0, 0, 0, 1, 0, 33, 32, .. new byte[32]];
        Assert.AreEqual(0UL, Code(good));
        for (int length = 0; length < good.Length; length++)
        {
            Assert.AreEqual(0x100UL + 50, Code(good[..length]), $"cut at {length}");
        }

        byte[] identities = [.. Enumerable.Repeat<byte[]>([0, 1, 9, 0, 0, 0, 1], 5000).SelectMany(i => i)];
        byte[] binders = [.. Enumerable.Repeat<byte[]>([32, .. new byte[32]], 1000).SelectMany(b => b)];
        byte[] many = [(byte)(identities.Length >> 8), (byte)identities.Length, .. identities, (byte)(binders.Length >> 8), (byte)binders.Length, .. binders];
        Assert.AreEqual(0x100UL + 47, Code(many), "not one binder for each");
        Assert.IsFalse(PskOffer.TryRead([0, 14, .. identities[..14], 0, 66, .. binders[..66]], out PskOffer? two).IsError);
        Assert.HasCount(2, two!.Identities);
        Assert.AreEqual(68, two.BindersLength);
    }

    /// <summary>Goal: sealed tickets say nothing, open only whole and under their key, and survive any damage without an exception.</summary>
    [TestMethod]
    public void Tickets_open_only_as_they_were_sealed()
    {
        SealedSession session = new(CipherSuite.Aes256GcmSha384, QuicVersion.V1, Second, 60, 7, "h3"u8.ToArray(), "a.test", new byte[48], s_limits, new byte[] { 1, 2 });
        TicketKey key = new(3, new byte[32]);
        byte[] serial = new byte[TicketSealer.SerialLength];
        byte[] ticket = TicketSealer.Seal(key, session, serial);
        Assert.IsTrue(TicketSealer.TryOpen([new(2, new byte[32]), key], ticket, out SealedSession? opened, out _));
        Assert.AreEqual((session.Suite, session.Version, session.IssuedAt, session.Lifetime, session.AgeAdd), (opened.Suite, opened.Version, opened.IssuedAt, opened.Lifetime, opened.AgeAdd));
        Assert.AreEqual((session.ServerName, session.Limits), (opened.ServerName, opened.Limits));
        Assert.IsTrue(opened.Alpn.Span.SequenceEqual("h3"u8) && opened.Psk.Length == 48 && opened.ApplicationState.Span.SequenceEqual(new byte[] { 1, 2 }));
        for (int i = 0; i < ticket.Length; i++)
        {
            byte[] damaged = [.. ticket];
            damaged[i] ^= 0x40;
            Assert.IsFalse(TicketSealer.TryOpen([key], damaged, out _, out _), $"octet {i}");
            Assert.IsFalse(TicketSealer.TryOpen([key], ticket.AsSpan(0, i), out _, out _), $"cut at {i}");
        }

        Assert.IsFalse(TicketSealer.TryOpen([key], new byte[TlsLimits.OwnTicket + 1], out _, out _));
    }

    /// <summary>Goal: the ledger travels, goes on refusing what it refused, forgets what can pass no more, and takes no more than its capacity.</summary>
    [TestMethod]
    public void An_EarlyDataLedger_travels_and_forgets_in_time()
    {
        EarlyDataLedger ledger = new(since: 90, capacity: 2);
        Assert.IsFalse(ledger.TryUse(1, sentAt: 90, now: 95), "before the start");
        Assert.IsTrue(ledger.TryUse(1, sentAt: 100, now: 100));
        Assert.IsTrue(ledger.TryUse(2, sentAt: 101, now: 101));
        Assert.IsFalse(ledger.TryUse(3, sentAt: 101, now: 101), "full");

        SnapshotWriter writer = new(default);
        ledger.Export(writer);
        EarlyDataLedger copy = EarlyDataLedger.Import(new(writer.Written, default), capacity: 2);
        Assert.AreEqual(2, copy.Count);
        Assert.IsFalse(copy.TryUse(1, sentAt: 100, now: 110), "used");
        Assert.IsFalse(copy.TryUse(9, sentAt: 90, now: 95), "before the start");
        Assert.IsTrue(copy.TryUse(3, sentAt: 121, now: 121), "the first is forgotten: a copy of its ClientHello is too old now");
        Assert.IsFalse(copy.TryUse(1, sentAt: 100, now: 121));
        Assert.ThrowsExactly<SnapshotException>(() => EarlyDataLedger.Import(new(writer.Written, default), capacity: 1));
        Assert.ThrowsExactly<SnapshotException>(() => EarlyDataLedger.Import(new(writer.Written[..^1], default)));
    }

    /// <summary>Goal: who has lost a ledger accepts nothing that the former one may have accepted: a client's clock may be ahead of ours.</summary>
    [TestMethod]
    public void S43_a_lost_ledger()
    {
        EarlyDataLedger ledger = EarlyDataLedger.AfterLoss(now: 100);
        Assert.IsFalse(ledger.TryUse(1, sentAt: 100 + EarlyDataLedger.Tolerance, now: 100), "accepted a moment ago");
        Assert.IsFalse(ledger.TryUse(1, sentAt: 100 + EarlyDataLedger.Tolerance, now: 100 + (2 * EarlyDataLedger.Tolerance)), "as late as it may come again");
        Assert.IsTrue(ledger.TryUse(1, sentAt: 101 + EarlyDataLedger.Tolerance, now: 101), "nobody accepted that at 100");
        Assert.IsFalse(new EarlyDataLedger(since: long.MaxValue).TryUse(1, sentAt: 100, now: 100), "whose host has said nothing");
    }

    private static TicketContext Context(EarlyDataLedger? ledger = null) => new([new(1, new byte[32])], Second, QuicVersion.V1, s_limits, ledger ?? new(since: long.MinValue));

    private static uint Age(ResumptionTicket ticket, int seconds) => unchecked((uint)(seconds * 1000) + ticket.AgeAdd);

    /// <summary>A ticket of a full handshake.</summary>
    private static ResumptionTicket Ticket(CipherSuite suite = CipherSuite.Aes128GcmSha256, bool early = true)
    {
        HandshakePair pair = new HandshakePair(clientSuites: [suite], tickets: Context()).Run();
        AssertAgreed(pair);
        byte[] entropy = new byte[20];
        pair.ServerHost.FillEntropy(entropy);
        NewSessionTicket message = new SessionTickets().Issue(
            pair.Server.Session!, new() { AlpnProtocols = ["h3"u8.ToArray()], AcceptsEarlyData = early }, QuicVersion.V1, s_limits, new(1, new byte[32]), Second, entropy);
        ResumptionTicket? ticket = new SessionTickets().Receive(message, pair.Client.Session!, QuicVersion.V1, s_limits, default);
        Assert.IsNotNull(ticket);
        return ticket;
    }

    private static HandshakePair Resume(
        ResumptionTicket ticket,
        CipherSuite suite = CipherSuite.Aes128GcmSha256,
        CipherSuite? serverSuite = null,
        bool retry = false,
        bool early = false,
        bool refuses = false,
        int ageSeconds = 0,
        string serverName = "server.test",
        string alpn = "h3",
        byte[]? earlyState = null,
        TicketContext? context = null,
        CertificateVerdict verdict = CertificateVerdict.Trusted)
    {
        HandshakePair pair = new(
            clientSuites: serverSuite is CipherSuite other ? [other, suite] : [suite],
            clientGroups: retry ? [NamedGroup.Secp256r1, NamedGroup.X25519] : null,
            serverGroups: [NamedGroup.X25519],
            serverSuites: [serverSuite ?? suite],
            clientAlpn: [System.Text.Encoding.ASCII.GetBytes(alpn), .. alpn == "h3" ? Array.Empty<byte[]>() : [ticket.Alpn.ToArray()]],
            serverAlpn: [System.Text.Encoding.ASCII.GetBytes(alpn)],
            serverName: serverName,
            seed: 2,
            offer: new(ticket, Age(ticket, ageSeconds), early),
            tickets: context ?? Context(),
            early: early && !refuses,
            earlyState: earlyState);
        pair.ClientHost.Verdict = verdict;
        return pair;
    }

    private static void AssertAgreed(HandshakePair pair)
    {
        Assert.IsFalse(pair.ClientError.IsError, pair.ClientError.ToString());
        Assert.IsFalse(pair.ServerError.IsError, pair.ServerError.ToString());
        Assert.IsTrue(pair.IsComplete);
        CollectionAssert.AreEqual(pair.Client.Session!.ResumptionSecret.ToArray(), pair.Server.Session!.ResumptionSecret.ToArray());
        foreach (EncryptionLevel level in new[] { EncryptionLevel.Handshake, EncryptionLevel.OneRtt })
        {
            foreach (bool isWrite in new[] { false, true })
            {
                TlsSecret client = pair.ClientSecrets.Single(s => s.Level == level && s.IsWrite == isWrite);
                TlsSecret server = pair.ServerSecrets.Single(s => s.Level == level && s.IsWrite != isWrite);
                Assert.IsTrue(client.Secret.Span.SequenceEqual(server.Secret.Span), $"{level}");
            }
        }
    }

    private static Func<bool, byte[], byte[]?> OnServerHello(Action<ServerHello> change) => (fromClient, bytes) =>
    {
        if (fromClient || HandshakePair.TypeOf(bytes) != HandshakeType.ServerHello)
        {
            return null;
        }

        Assert.IsFalse(ServerHello.TryRead(bytes.AsSpan(HandshakeMessage.HeaderLength), out ServerHello hello).IsError);
        change(hello);
        return MessageWriter.Frame(hello);
    };
}
