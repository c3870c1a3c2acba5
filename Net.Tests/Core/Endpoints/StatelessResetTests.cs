using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Tests.Core.Connections;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Endpoints;

/// <summary>Who sends a stateless reset, to what, how long and how often (RFC 9000, section 10.3).</summary>
[TestClass]
public sealed class StatelessResetTests
{
    private const uint Shard = 1;
    private static readonly NetworkPath s_path = new(ConnectionPair.Address("10.0.0.1:1"), ConnectionPair.Address("10.0.0.2:443"), 0);
    private static readonly Instant s_now = new(TimeSpan.TicksPerHour);

    /// <summary>Goal: a client whose server has lost the connection learns of it at once, but only from a server that was told to answer.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_lost_connection_is_told(bool answers)
    {
        World world = new(21);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443");
        Connection connection = client.Connect(server);
        world.RunUntil(() => connection.IsConfirmed && server.Accepted[0].IsConfirmed, TimeSpan.FromSeconds(5));
        world.Run(TimeSpan.FromSeconds(1));
        server.Endpoint.Remove(server.Accepted[0]);
        server.Endpoint.AnswersUnknown = answers;
        connection.Ping();
        client.Pump();
        world.Run(TimeSpan.FromSeconds(1));
        Assert.AreEqual(answers ? CloseOrigin.StatelessReset : null, connection.CloseReason?.Origin);
    }

    /// <summary>Goal (checklist S34): the reset is always shorter than its cause and long enough; where that cannot be, there is none.</summary>
    [TestMethod]
    public void S34_a_reset_is_shorter_than_its_cause()
    {
        ConnectionId id = Id(Shard);
        ResetToken token = ConnectionIdDeriver.DeriveToken(Peer.Keys.ResetKey.Span, id);
        HashSet<int> lengths = [];
        for (int length = 1; length <= 1500; length++)
        {
            Endpoint endpoint = NewEndpoint((ulong)length);
            bool answered = endpoint.OnDatagram(Short(id, length), s_path, Ecn.NotEct, s_now);
            List<byte[]> answers = Answers(endpoint);
            Assert.AreEqual(length > 21, answered);
            Assert.HasCount(length > 21 ? 1 : 0, answers);
            foreach (byte[] reset in answers)
            {
                Assert.IsTrue(reset.Length >= 21 && reset.Length < length && reset.Length <= StatelessAnswers.MaxReset, $"{reset.Length} for {length}");
                Assert.AreEqual(0x40, reset[0] & 0xC0);
                Assert.AreEqual(token, new ResetToken(reset.AsSpan(reset.Length - ResetToken.Length)));
                lengths.Add(reset.Length);
            }
        }

        Assert.AreEqual(StatelessAnswers.MaxReset - 20, lengths.Count, "every length that may be");
    }

    /// <summary>Goal (checklist S33): where IDs are encrypted the shard is read under the key of their configuration; what was made up, or changed, is answered by nobody.</summary>
    [TestMethod]
    public void S33_of_encrypted_IDs_only_our_own_are_answered()
    {
        CidCipher cipher = new("0123456789abcdef"u8);
        ConnectionKeys plain = Peer.Keys, encrypted = plain with { Number = 2, Config = 1, Cipher = cipher };
        Endpoint endpoint = new(Peer.DefaultOptions with { Keys = [encrypted, plain] }, new SimulatedCrypto(new World(1))) { AnswersUnknown = true };
        ConnectionId ours = Id(Shard, 1, cipher);
        byte[] changed = ours.Span.ToArray();
        changed[^1] ^= 1;
        ConnectionId[] foreign = [Id(Shard, 1), Id(Shard, 0, cipher), Id(Shard + 1, 1, cipher), Id(Shard, 1, new(new byte[16])), new(changed)];
        foreach (ConnectionId id in foreign)
        {
            Assert.IsFalse(endpoint.OnDatagram(Short(id, 100), s_path, Ecn.NotEct, s_now));
        }

        Assert.IsTrue(endpoint.OnDatagram(Short(ours, 100), s_path, Ecn.NotEct, s_now));
        Assert.IsTrue(endpoint.OnDatagram(Short(Id(Shard), 100), s_path, Ecn.NotEct, s_now), "of a generation of before");
        Assert.HasCount(2, Answers(endpoint));
    }

    /// <summary>Goal (checklist S33): nothing is said of another shard, of none, of a foreign ID, of keys that are not here, or by who was not told to.</summary>
    [TestMethod]
    public void S33_silence_about_what_may_live_elsewhere()
    {
        Endpoint endpoint = NewEndpoint();
        ConnectionId[] foreign = [Id(Shard + 1), Id(CidLayout.RouteByName), new(new byte[CidLayout.Length]), Id(Shard, config: 3)];
        foreach (ConnectionId id in foreign)
        {
            Assert.IsFalse(endpoint.OnDatagram(Short(id, 100), s_path, Ecn.NotEct, s_now));
        }

        endpoint.AnswersUnknown = false;
        Assert.IsFalse(endpoint.OnDatagram(Short(Id(Shard), 100), s_path, Ecn.NotEct, s_now));
        Assert.IsEmpty(Answers(endpoint));
        Assert.IsFalse(new Endpoint(Peer.DefaultOptions, new SimulatedCrypto(new World(1))).AnswersUnknown);

        Endpoint withoutShard = new(Peer.DefaultOptions with { DefaultShard = 0 }, new SimulatedCrypto(new World(1))) { AnswersUnknown = true };
        Assert.IsFalse(withoutShard.OnDatagram(Short(Id(CidLayout.RouteByName), 100), s_path, Ecn.NotEct, s_now));
    }

    /// <summary>Goal (checklist S33): during a hand-over nothing is said, neither of frozen connections nor of any other.</summary>
    [TestMethod]
    public void S33_silence_while_anything_is_frozen()
    {
        World world = new(22);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443");
        Connection connection = client.Connect(server);
        world.RunUntil(() => connection.IsConfirmed && server.Accepted[0].IsConfirmed, TimeSpan.FromSeconds(5));
        world.Run(TimeSpan.FromSeconds(1));
        server.Endpoint.AnswersUnknown = true;
        server.Accepted[0].Freeze(world.Now);
        Assert.IsTrue(server.Endpoint.OnDatagram(Short(connection.Parts.PeerIds.Current, 100), s_path, Ecn.NotEct, world.Now), "it is known");
        Assert.IsFalse(server.Endpoint.OnDatagram(Short(Id(Shard), 100), s_path, Ecn.NotEct, world.Now));
        Assert.IsEmpty(Answers(server.Endpoint));
    }

    /// <summary>Goal (checklist S34): two servers that have lost the same connection fall silent, even if each reset looked like a packet to the other.</summary>
    [TestMethod]
    public void S34_resets_do_not_go_back_and_forth()
    {
        Endpoint[] servers = [NewEndpoint(), NewEndpoint()];
        byte[] datagram = Short(Id(Shard), 1200);
        int turns = 0;
        while (servers[turns % 2].OnDatagram(datagram, s_path, Ecn.NotEct, s_now + TimeSpan.FromMinutes(turns)))
        {
            datagram = Answers(servers[turns % 2]).Single();
            Id(Shard).Span.CopyTo(datagram.AsSpan(1));
            turns++;
            Assert.IsTrue(turns < 100);
        }

        Assert.IsTrue(turns > 10);
    }

    /// <summary>Goal (checklist S34): resets are few, and come back with time.</summary>
    [TestMethod]
    public void S34_resets_are_limited()
    {
        Endpoint endpoint = NewEndpoint();
        Assert.AreEqual(Peer.DefaultOptions.MaxResetsPerSecond, Flood(endpoint, s_now));
        Assert.AreEqual(0, Flood(endpoint, s_now));
        Assert.AreEqual(Peer.DefaultOptions.MaxResetsPerSecond / 2, Flood(endpoint, s_now + TimeSpan.FromSeconds(0.5)));
        Assert.AreEqual(Peer.DefaultOptions.MaxResetsPerSecond, Flood(endpoint, s_now + TimeSpan.FromDays(1)), "no more is saved up");

        // Nor may more wait than any answers to strangers.
        int answered = 0;
        for (int i = 0; i < 100; i++)
        {
            answered += endpoint.OnDatagram(Short(Id(Shard), 100), s_path, Ecn.NotEct, s_now + TimeSpan.FromDays(2)) ? 1 : 0;
        }

        Assert.AreEqual(Peer.DefaultOptions.MaxStatelessPackets, answered);
    }

    private static int Flood(Endpoint endpoint, Instant now)
    {
        int answered = 0;
        for (int i = 0; i < 500; i++)
        {
            endpoint.OnDatagram(Short(Id(Shard), 100), s_path, Ecn.NotEct, now);
            answered += Answers(endpoint).Count;
        }

        return answered;
    }

    private static Endpoint NewEndpoint(ulong seed = 1) => new(Peer.DefaultOptions, new SimulatedCrypto(new World(seed))) { AnswersUnknown = true };

    private static ConnectionId Id(uint shard, int config = 0, CidCipher? cipher = null)
    {
        byte[] id = new byte[CidLayout.Length];
        CidLayout.Write(id, config, shard, "nonce 8b"u8, cipher);
        return new(id);
    }

    private static byte[] Short(ConnectionId id, int length)
    {
        byte[] packet = new byte[int.Max(length, 1 + id.Length)];
        packet[0] = 0x41;
        id.Span.CopyTo(packet.AsSpan(1));
        return packet[..length];
    }

    private static List<byte[]> Answers(Endpoint endpoint)
    {
        List<byte[]> answers = [];
        byte[] buffer = new byte[1500];
        while (endpoint.TryTransmit(buffer, 0, s_now, out Transmit transmit))
        {
            answers.Add(buffer[..transmit.Length]);
        }

        return answers;
    }
}
