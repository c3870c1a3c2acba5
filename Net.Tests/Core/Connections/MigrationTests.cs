using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Paths;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>Addresses that change on purpose (RFC 9000, section 9). Every datagram passes with the path that it was sent by.</summary>
[TestClass]
public sealed class MigrationTests
{
    private static readonly UdpAddress s_elsewhere = ConnectionPair.Address("10.0.9.1:2000");
    private static readonly UdpAddress s_preferred = ConnectionPair.Address("10.0.0.3:444");

    /// <summary>
    /// Goal: a client that moves asks in its very first datagram from there, full and to a new ID; the server answers and asks back; both go on with
    /// other IDs, new windows and round trips, and give the old IDs back (RFC 9000, sections 8.2, 9.4, 9.5; checklist S21).
    /// </summary>
    [TestMethod]
    public void S21_a_client_moves_without_being_linked()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        ConnectionId clientBefore = pair.Client.Parts.PeerIds.Current, serverBefore = pair.Server.Parts.PeerIds.Current;
        NetworkPath there = pair.ClientPath with { Local = s_elsewhere };
        Assert.AreEqual(MigrationRefusal.None, pair.Client.TryMigrate(there, pair.Now));
        Datagram first = pair.Take(pair.Client).Single(d => d.From == s_elsewhere);
        Assert.HasCount(PathMtu.Base, first.Bytes);
        Assert.AreNotEqual(clientBefore, Destination(first));
        Assert.AreEqual(pair.ClientPath.Local, pair.Client.Path.Local, "it stays until there is an answer");

        ToServer(pair, first);
        Assert.AreEqual(pair.ServerPath.Remote, pair.Server.Path.Remote, "a probe moves nobody");
        List<Datagram> answers = pair.Take(pair.Server);
        Datagram answer = answers.Single(d => d.To == s_elsewhere);
        Assert.HasCount(PathMtu.Base, answer.Bytes);
        Assert.AreNotEqual(serverBefore, Destination(answer));
        answers.ForEach(pair.ToClientByPath);
        Assert.AreEqual(s_elsewhere, pair.Client.Path.Local);
        Assert.IsTrue(pair.ClientEvents.Any(e => e.Kind == ConnectionEventKind.PathChanged));
        Assert.IsFalse(pair.Client.Rtt.HasSample, "a new path, a new round trip");

        Settle(pair);
        Assert.AreEqual(s_elsewhere, pair.Server.ValidatedPath.Remote);
        Assert.IsTrue(pair.ServerEvents.Any(e => e.Kind == ConnectionEventKind.PathChanged));
        Assert.AreEqual(Destination(answer), pair.Server.Parts.PeerIds.Current);
        Assert.AreEqual(Destination(first), pair.Client.Parts.PeerIds.Current);
        Assert.IsFalse(pair.Server.Parts.LocalIds.Active.Contains(0UL), "the ID of the old path was given back");
        Assert.IsFalse(pair.Client.Parts.LocalIds.Active.Contains(0UL));
        Assert.AreEqual(1452, pair.Client.Parts.Mtu.Current, "the size is searched again");
    }

    /// <summary>Goal: a path that does not answer is asked a few times and given up; the connection has never left the old one.</summary>
    [TestMethod]
    public void A_path_that_does_not_answer_is_given_up()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.AreEqual(MigrationRefusal.None, pair.Client.TryMigrate(pair.ClientPath with { Local = s_elsewhere }, pair.Now));
        int asked = 0;
        for (int i = 0; i < 500; i++)
        {
            foreach (Datagram datagram in pair.Take(pair.Client))
            {
                asked += datagram.From == s_elsewhere ? 1 : 0;
                if (datagram.From != s_elsewhere)
                {
                    ToServer(pair, datagram);
                }
            }

            pair.Take(pair.Server).ForEach(pair.ToClientByPath);
            pair.Advance(TimeSpan.FromMilliseconds(10));
            pair.Tick();
        }

        Assert.IsTrue(asked is > 1 and < 10, $"asked {asked} times (checklist S23: a budget)");
        Assert.AreEqual(1, pair.ClientEvents.Count(e => e.Kind == ConnectionEventKind.PathFailed));
        Assert.IsTrue(pair.Client.IsOpen);
        Assert.AreEqual(pair.ClientPath.Local, pair.Client.Path.Local);
        Assert.AreEqual(int.MaxValue, pair.Client.Parts.Recovery.Congestion.SlowStartThreshold, "a probe's loss is no congestion");
        Assert.AreEqual(MigrationRefusal.None, pair.Client.TryMigrate(pair.ClientPath with { Local = s_elsewhere }, pair.Now), "it may try again");
    }

    /// <summary>Goal (checklist S18): nobody moves before the handshake is confirmed, to a stranger's address, or where the server forbids it; such packets are not even looked at.</summary>
    [TestMethod]
    public void S18_a_move_is_refused_where_it_is_forbidden()
    {
        ConnectionPair early = new();
        Assert.AreEqual(MigrationRefusal.NotConfirmed, early.Client.TryMigrate(early.ClientPath with { Local = s_elsewhere }, early.Now));

        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.AreEqual(MigrationRefusal.UnknownServerAddress, pair.Client.TryMigrate(pair.ClientPath with { Remote = s_preferred }, pair.Now));
        Assert.AreEqual(MigrationRefusal.SamePath, pair.Client.TryMigrate(pair.ClientPath, pair.Now));
        Assert.AreEqual(MigrationRefusal.NotConfirmed, pair.Server.TryMigrate(pair.ServerPath with { Local = s_elsewhere }, pair.Now));

        ConnectionPair strict = ConnectionPair.Confirmed(server: ConnectionOptions.Default with { DisableActiveMigration = true });
        Assert.AreEqual(MigrationRefusal.ForbiddenByPeer, strict.Client.TryMigrate(strict.ClientPath with { Local = s_elsewhere }, strict.Now));

        // A client that does not care: an ID that was not in use, from another address.
        strict.Client.Parts.Path.Try(strict.ClientPath with { Local = s_elsewhere }, TimeSpan.FromSeconds(1), strict.Now + TimeSpan.FromSeconds(3));
        ToServer(strict, strict.Take(strict.Client).Single(d => d.From == s_elsewhere));
        Assert.AreEqual(1, strict.Server.Parts.Path.Count);
        Assert.IsFalse(strict.Take(strict.Server).Any(d => d.To == s_elsewhere));

        // A NAT changes the address alone: that is survived.
        strict.Client.Ping();
        strict.ServerPath = strict.ServerPath with { Remote = s_elsewhere };
        strict.Settle();
        Assert.AreEqual(s_elsewhere, strict.Server.ValidatedPath.Remote);
    }

    /// <summary>Goal: a NAT's new address is asked in the first packet that goes there, window or not, and the application hears of it once it is proven.</summary>
    [TestMethod]
    public void A_new_address_is_asked_in_the_first_packet_even_if_the_window_is_full()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.IsTrue(pair.Server.TryOpen(unidirectional: true, out StreamId id));
        pair.Server.Write(id, new byte[60_000], fin: false);
        List<Datagram> lost = pair.Take(pair.Server);
        Assert.IsTrue(lost.Count > 5);
        Assert.AreEqual(0, pair.Server.Parts.Recovery.SendAllowance(pair.Now));
        NetworkPath before = pair.ServerPath;
        pair.ServerPath = before with { Remote = before.Remote.WithPort(1001) };
        pair.Client.Ping();
        pair.Take(pair.Client).ForEach(pair.ToServer);
        Assert.AreEqual((pair.ServerPath.Remote, before.Remote), (pair.Server.Path.Remote, pair.Server.ValidatedPath.Remote));
        pair.ServerEvents.Clear();
        Datagram first = pair.Take(pair.Server).First(d => d.To == pair.ServerPath.Remote);
        pair.ToClient(first);
        Assert.IsTrue(pair.Client.Parts.Path.HasFrames, "it was asked");
        pair.Settle();
        Assert.AreEqual(pair.ServerPath.Remote, pair.Server.ValidatedPath.Remote);
        Assert.AreEqual(1, pair.ServerEvents.Count(e => e.Kind == ConnectionEventKind.PathChanged));
    }

    /// <summary>Goal: who sends copies of a client's datagrams from another address gets little, and loses the connection to the next packet of the client (RFC 9000, section 9.3.3).</summary>
    [TestMethod]
    public void An_attacker_who_copies_packets_does_not_keep_the_connection()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        NetworkPath attacker = pair.ServerPath with { Remote = s_elsewhere };
        pair.Client.Ping();
        pair.ToServer(pair.Take(pair.Client).Single(), attacker);
        Assert.AreEqual((s_elsewhere, pair.ServerPath.Remote), (pair.Server.Path.Remote, pair.Server.ValidatedPath.Remote));
        List<Datagram> sent = pair.Take(pair.Server);
        Assert.IsTrue(sent.Where(d => d.To == s_elsewhere).Sum(d => d.Bytes.Length) <= 3 * 100);
        // The client answers the question that went to its own address.
        sent.Where(d => d.To == pair.ServerPath.Remote).ToList().ForEach(pair.ToClient);
        pair.Take(pair.Client).ForEach(pair.ToServer);
        pair.Client.Ping();
        pair.Take(pair.Client).ForEach(pair.ToServer);
        Assert.AreEqual((pair.ServerPath.Remote, true), (pair.Server.Path.Remote, pair.Server.Parts.Path.IsProven));
        pair.Settle(6000);
        Assert.IsTrue(pair.Client.IsOpen && pair.Server.IsOpen);
    }

    /// <summary>Goal (checklist S20): probes of paths that are long forgotten are lost and acknowledged late, and nothing happens.</summary>
    [TestMethod]
    public void S20_probes_of_abandoned_paths_are_acknowledged_late()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        List<Datagram> late = [];
        for (ushort port = 1; port <= 20; port++)
        {
            NetworkPath path = pair.ServerPath with { Remote = s_elsewhere.WithPort(port) };
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, ConnectionPair.Frame(new PathChallengeFrame(port)), size: 1200), path);
            late.AddRange(pair.Take(pair.Server).Where(d => d.To == path.Remote));
        }

        pair.Settle(8000);
        Assert.IsTrue(pair.Server.Parts.Path.Count <= PathState.MaxPaths);
        late.ForEach(pair.ToClient);
        pair.Settle();
        Assert.IsTrue(pair.Client.IsOpen && pair.Server.IsOpen);
    }

    /// <summary>Goal: a server's preferred address is asked, to the ID that came with it, and used; the server answers from there, also after it has moved itself (RFC 9000, section 9.6).</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_preferred_address_is_moved_to(bool serverMoves)
    {
        ConnectionOptions options = ConnectionOptions.Default with { PreferredIPv4 = s_preferred, DisableActiveMigration = true };
        ConnectionPair pair = ConnectionPair.Confirmed(server: options);
        PreferredAddress offered = pair.Client.PeerParameters!.PreferredAddress!.Value;
        Assert.AreEqual(s_preferred, offered.IPv4);
        Assert.AreEqual(MigrationRefusal.None, pair.Client.TryMigrate(pair.ClientPath with { Remote = s_preferred }, pair.Now));
        Datagram first = pair.Take(pair.Client).Single(d => d.To == s_preferred);
        Assert.AreEqual(offered.ConnectionId, Destination(first));
        ToServer(pair, first);
        if (serverMoves)
        {
            pair.MoveServer();
        }

        List<Datagram> answers = pair.Take(pair.Server);
        Assert.IsTrue(answers.Any(d => d.From == s_preferred), "from where it was asked (RFC 9000, section 8.2.2)");
        answers.ForEach(pair.ToClientByPath);
        Settle(pair);
        Assert.AreEqual(s_preferred, pair.Client.Path.Remote);
        Assert.AreEqual(s_preferred, pair.Server.Path.Local);
        Assert.AreEqual(0, pair.Server.Parts.Recovery.PtoCount);
        pair.Client.Ping();
        Assert.IsTrue(pair.Take(pair.Client).All(d => d.To == s_preferred));
    }

    /// <summary>
    /// Goal: a NAT that changes between a server's flight and its client's answer costs a round trip, no more, although the client has nothing to say but
    /// its Finished: the server reads it, wherever it comes from, and goes where it came from once the handshake is confirmed.
    /// </summary>
    [TestMethod]
    public void A_NAT_that_changes_in_the_handshake_is_followed_when_it_is_confirmed()
    {
        ConnectionPair pair = new(server: ConnectionOptions.Default with { DisableActiveMigration = true });
        pair.Take(pair.Client).ForEach(pair.ToServer);
        pair.Take(pair.Server).ForEach(pair.ToClient);
        Assert.IsTrue(pair.Client.IsHandshakeComplete);
        Assert.IsFalse(pair.Server.IsConfirmed);

        NetworkPath outside = pair.ServerPath with { Remote = s_elsewhere };
        int received = 0;
        foreach (Datagram datagram in pair.Take(pair.Client))
        {
            received += datagram.Bytes.Length;
            pair.ToServer(datagram, outside);
        }

        Assert.IsTrue(pair.Server.IsConfirmed);
        Assert.AreEqual(s_elsewhere, pair.Server.Path.Remote);
        Assert.AreEqual(pair.ServerPath.Remote, pair.Server.ValidatedPath.Remote, "not proven yet");
        List<Datagram> answers = pair.Take(pair.Server);
        Assert.IsLessThanOrEqualTo(PathState.AmplificationFactor * received, answers.Where(d => d.To == s_elsewhere).Sum(d => d.Bytes.Length));
        for (int i = 0; i < 60; i++)
        {
            // Nobody is behind the old address any more.
            answers.Where(d => d.To == s_elsewhere).ToList().ForEach(pair.ToClient);
            pair.Take(pair.Client).ForEach(datagram => pair.ToServer(datagram, outside));
            pair.Advance(TimeSpan.FromMilliseconds(10));
            pair.Tick();
            answers = pair.Take(pair.Server);
        }

        Assert.IsTrue(pair.Client.IsConfirmed);
        Assert.AreEqual(s_elsewhere, pair.Server.ValidatedPath.Remote);
    }

    /// <summary>
    /// Goal (checklist S18): before the handshake is confirmed a server answers where it began, and nowhere else, also when packets that open come from
    /// elsewhere: who copies them takes nothing along, and leaves no state.
    /// </summary>
    [TestMethod]
    public void S18_a_handshake_is_answered_where_it_began()
    {
        ConnectionPair pair = new();
        NetworkPath outside = pair.ServerPath with { Remote = s_elsewhere };
        pair.Take(pair.Client).ForEach(pair.ToServer);
        List<Datagram> flight = pair.Take(pair.Server);
        Assert.IsTrue(LongHeader.TryRead(flight[0].Bytes, out LongHeader header) && header.PacketLength < flight[0].Bytes.Length);
        // ServerHello alone lets the client send Handshake packets, but no Finished.
        pair.ToClient(flight[0] with { Bytes = flight[0].Bytes[..header.PacketLength] });
        bool isProven = false;
        for (int i = 0; i < 200; i++)
        {
            pair.Take(pair.Client).ForEach(datagram => pair.ToServer(datagram, outside));
            isProven |= pair.Server.Parts.Path.IsProven;
            pair.Advance(TimeSpan.FromMilliseconds(10));
            pair.Tick();
            foreach (Datagram datagram in pair.Take(pair.Server))
            {
                Assert.AreEqual(pair.ServerPath.Remote, datagram.To);
            }
        }

        Assert.IsTrue(isProven, "who read our Initial is where it was sent to");
        Assert.AreEqual(1, pair.Server.Parts.Path.Count);
        Assert.IsFalse(pair.Server.IsConfirmed || pair.Client.IsHandshakeComplete);
        flight.ForEach(pair.ToClient);
        pair.Settle();
        Assert.IsTrue(pair.Client.IsConfirmed && pair.Server.IsConfirmed, "and it goes on where it began");
        Assert.AreEqual(pair.ServerPath.Remote, pair.Server.ValidatedPath.Remote);
    }

    private static ConnectionId Destination(Datagram datagram)
    {
        Assert.IsTrue(InvariantHeader.TryRead(datagram.Bytes, CidLayout.Length, out InvariantHeader header));
        return header.Destination;
    }

    private static void ToServer(ConnectionPair pair, Datagram datagram) => pair.ToServer(datagram, new(datagram.From, datagram.To, 0));

    private static void Settle(ConnectionPair pair)
    {
        for (int i = 0; i < 60; i++)
        {
            pair.Take(pair.Client).ForEach(datagram => ToServer(pair, datagram));
            pair.Take(pair.Server).ForEach(pair.ToClientByPath);
            pair.Advance(TimeSpan.FromMilliseconds(10));
            pair.Tick();
        }
    }
}
