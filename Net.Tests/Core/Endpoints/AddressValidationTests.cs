using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Tests.Core.Connections;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Endpoints;

/// <summary>A server that asks clients where they are (RFC 9000, section 8.1), and the client's side of it.</summary>
[TestClass]
public sealed class AddressValidationTests
{
    private static readonly EndpointOptions s_always = Peer.DefaultOptions with { RetryAbove = 0 };
    private static readonly Instant s_now = new(TimeSpan.TicksPerHour);

    /// <summary>Goal: a client gets through a Retry; its first destination and the Retry's ID are confirmed; the ID says "route by name"; its next connection needs no Retry, the one after neither.</summary>
    [TestMethod]
    public void A_Retry_the_first_time_and_a_token_after()
    {
        World world = new(11);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443", options: s_always);
        Connection first = Connect(world, client, server);
        ConnectionId source = first.PeerParameters!.RetrySourceConnectionId!.Value;
        Assert.IsTrue(CidLayout.TryReadShard(source.Span, null, out uint shard));
        Assert.AreEqual(CidLayout.RouteByName, shard);
        Assert.AreEqual(first.Parts.Identity.OriginalDestination, server.Accepted[0].Parts.Identity.OriginalDestination);

        for (int i = 0; i < 3; i++)
        {
            // Time for the token to arrive.
            world.Run(TimeSpan.FromSeconds(1));
            Assert.IsNull(Connect(world, client, server).PeerParameters!.RetrySourceConnectionId);
        }

        Peer elsewhere = new(world, "10.0.0.2:444", options: s_always);
        Assert.IsNotNull(Connect(world, client, elsewhere).PeerParameters!.RetrySourceConnectionId, "another server's token is not shown");
    }

    /// <summary>
    /// Goal: where IDs are encrypted a Retry's is too, and the connection behind it is as good as any other, IDs told later included; while the newest keys are not for IDs yet,
    /// tokens are made with them already.
    /// </summary>
    [TestMethod]
    public void A_Retry_with_encrypted_IDs()
    {
        World world = new(15);
        CidCipher cipher = new("0123456789abcdef"u8);
        ConnectionKeys keys = Peer.Keys with { Cipher = cipher }, next = new(2, 1, new byte[32], Enumerable.Repeat((byte)2, 32).ToArray());
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443", options: s_always with { Keys = [keys] });
        server.Endpoint.UseKeys([keys, next], [next]);
        Connection first = Connect(world, client, server);
        ConnectionId source = first.PeerParameters!.RetrySourceConnectionId!.Value;
        Assert.IsTrue(CidLayout.TryReadShard(source.Span, cipher, out uint shard));
        Assert.AreEqual(CidLayout.RouteByName, shard);
        Assert.IsTrue(CidLayout.TryReadShard(first.Parts.PeerIds.Current.Span, cipher, out shard));
        Assert.AreEqual(1u, shard);
        world.Run(TimeSpan.FromSeconds(1));
        Assert.IsNull(Connect(world, client, server).PeerParameters!.RetrySourceConnectionId, "the token was taken");
    }

    /// <summary>Goal: without RetryAbove, and without a clock, nobody is asked and no token is given.</summary>
    [TestMethod]
    public void By_default_nobody_is_asked()
    {
        foreach (EndpointOptions options in (EndpointOptions[])[Peer.DefaultOptions, s_always])
        {
            World world = new(12);
            Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443", options: options);
            server.Endpoint.WallClock = null;
            Assert.IsNull(Connect(world, client, server).PeerParameters!.RetrySourceConnectionId);
            Assert.IsFalse(server.Accepted[0].Parts.Announcements.HasFrames);
        }
    }

    /// <summary>Goal: Retry begins at the limit of handshakes, is authentic, shorter than its cause, remembers nothing, and only so many wait.</summary>
    [TestMethod]
    public void Retry_begins_at_the_limit()
    {
        Endpoint endpoint = NewEndpoint(Peer.DefaultOptions with { RetryAbove = 2 });
        for (ulong seed = 1; seed <= 40; seed++)
        {
            endpoint.OnDatagram(ConnectionPairInitial.Bytes(seed), Path(), Ecn.NotEct, s_now);
        }

        Assert.HasCount(2, endpoint.Connections);
        List<byte[]> answers = Answers(endpoint);
        Assert.HasCount(Peer.DefaultOptions.MaxStatelessPackets, answers);
        for (int i = 0; i < answers.Count; i++)
        {
            Assert.IsTrue(LongHeader.TryRead(ConnectionPairInitial.Bytes((ulong)i + 3), out LongHeader cause));
            Assert.IsTrue(RetryPacket.TryRead(answers[i], out RetryPacket retry));
            Assert.AreEqual(cause.Source, retry.Destination);
            Assert.IsTrue(RetryIntegrity.Verify(QuicVersion.V1, answers[i], cause.Destination));
            Assert.IsTrue(answers[i].Length < 1200 / 3);
        }
    }

    /// <summary>Goal (checklist S29): a Retry's token that is too old, or comes from another port, ends the attempt with INVALID_TOKEN and leaves nothing behind.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void S29_a_false_Retry_token_is_refused(bool expired)
    {
        Endpoint endpoint = NewEndpoint(s_always);
        ConnectionPair pair = new();
        byte[] second = AfterRetry(endpoint, pair);
        endpoint.WallClock += expired ? 100 : 0;
        Assert.IsTrue(endpoint.OnDatagram(second, Path(expired ? 1000 : 1001), Ecn.NotEct, s_now));
        Assert.IsEmpty(endpoint.Connections);
        List<byte[]> answers = Answers(endpoint);
        Assert.HasCount(1, answers);
        Assert.IsTrue(answers[0].Length < 128);
        pair.ToClient(new(pair.ClientPath.Remote, pair.ClientPath.Local, answers[0], Ecn.NotEct));
        Assert.AreEqual((CloseOrigin.PeerTransport, (ulong)TransportErrorCode.InvalidToken), (pair.Client.CloseReason!.Value.Origin, pair.Client.CloseReason!.Value.Code));
    }

    /// <summary>Goal: an Initial that was damaged on the way refuses nobody, whatever became of its token.</summary>
    [TestMethod]
    public void A_damaged_Initial_is_not_answered()
    {
        Endpoint endpoint = NewEndpoint(s_always);
        byte[] second = AfterRetry(endpoint, new());
        Assert.IsTrue(LongHeader.TryRead(second, out LongHeader header));
        byte[] damaged = [.. second];
        damaged[header.TokenOffset + header.TokenLength - 1] ^= 1;
        endpoint.OnDatagram(damaged, Path(), Ecn.NotEct, s_now);
        Assert.IsEmpty(endpoint.Connections);
        Assert.IsEmpty(Answers(endpoint));
        Assert.IsTrue(endpoint.OnDatagram(second, Path(), Ecn.NotEct, s_now), "the client's next try");
        Assert.HasCount(1, endpoint.Connections);
    }

    /// <summary>Goal (checklist S29): a Retry's token begins one connection; a late copy of its Initial begins no second one.</summary>
    [TestMethod]
    public void S29_a_Retry_token_is_used_once()
    {
        Endpoint endpoint = NewEndpoint(s_always);
        byte[] second = AfterRetry(endpoint, new());
        endpoint.OnDatagram(second.ToArray(), Path(), Ecn.NotEct, s_now);
        Connection connection = endpoint.Connections.Single();
        Assert.IsTrue(connection.Parts.Path.IsProven);
        endpoint.Remove(connection);
        endpoint.OnDatagram(second, Path(), Ecn.NotEct, s_now);
        Assert.IsEmpty(endpoint.Connections);
        Assert.IsEmpty(Answers(endpoint));
    }

    /// <summary>Goal (checklist S30): whatever destination follows a Retry, and however often, the tables hold what is there and no more.</summary>
    [TestMethod]
    public void S30_changed_destinations_after_a_Retry()
    {
        Endpoint endpoint = NewEndpoint(s_always);
        ConnectionPair pair = new();
        byte[] second = AfterRetry(endpoint, pair);
        for (int i = 0; i < 13; i++)
        {
            byte[] changed = [.. second];
            changed[6 + i] ^= 0xFF;
            endpoint.OnDatagram(changed, Path(), Ecn.NotEct, s_now);
        }

        Assert.IsEmpty(endpoint.Connections);
        Assert.IsEmpty(Answers(endpoint));
        endpoint.AcceptsNew = false;
        Assert.IsFalse(endpoint.OnDatagram(second.ToArray(), Path(), Ecn.NotEct, s_now));
        endpoint.AcceptsNew = true;
        Assert.IsTrue(endpoint.OnDatagram(second.ToArray(), Path(), Ecn.NotEct, s_now));
        Assert.IsTrue(endpoint.OnDatagram(second.ToArray(), Path(), Ecn.NotEct, s_now));
        Assert.HasCount(1, endpoint.Connections);
        endpoint.Remove(endpoint.Connections.Single());
        Assert.IsEmpty(endpoint.Connections);
    }

    /// <summary>Goal (checklist S28): an Initial with a token of any length and content begins nothing and throws nothing.</summary>
    [TestMethod]
    public void S28_tokens_of_every_length()
    {
        Endpoint endpoint = NewEndpoint(s_always);
        SimulatedRandom random = new(9);
        for (int length = 0; length <= 1200; length++)
        {
            byte[] token = new byte[length];
            random.Fill(token);
            new byte[] { (byte)(1 + (length % 2)), 0, 0, 0, 1 }.AsSpan(0, int.Min(5, length)).CopyTo(token);
            byte[] bytes = new byte[1500];
            ByteWriter writer = new(bytes);
            LongHeader.Write(ref writer, LongPacketType.Initial, QuicVersion.V1, new(new byte[8]), new(new byte[4]), token, out int lengthOffset);
            LongHeader.PatchLength(bytes, lengthOffset, bytes.Length - writer.Position);
            endpoint.OnDatagram(bytes, Path(), Ecn.NotEct, s_now);
            Assert.IsEmpty(endpoint.Connections);
            foreach (byte[] answer in Answers(endpoint))
            {
                Assert.IsTrue(RetryPacket.TryRead(answer, out _));
            }
        }
    }

    private static NetworkPath Path(int port = 1000) => new(ConnectionPair.Address($"10.0.0.1:{port}"), ConnectionPair.Address("10.0.0.2:443"), 0);

    private static Endpoint NewEndpoint(EndpointOptions options) => new(options, new SimulatedCrypto(new World(1))) { WallClock = 1_800_000_000 };

    private static Connection Connect(World world, Peer client, Peer server)
    {
        Connection connection = client.Connect(server);
        world.RunUntil(() => connection.IsConfirmed, TimeSpan.FromSeconds(5));
        return connection;
    }

    /// <summary>The Initial with which the pair's client answers the endpoint's Retry.</summary>
    private static byte[] AfterRetry(Endpoint endpoint, ConnectionPair pair)
    {
        endpoint.OnDatagram(pair.Take(pair.Client)[0].Bytes, Path(), Ecn.NotEct, s_now);
        byte[] retry = Answers(endpoint).Single();
        pair.ToClient(new(pair.ClientPath.Remote, pair.ClientPath.Local, retry, Ecn.NotEct));
        return pair.Take(pair.Client)[0].Bytes;
    }

    private static List<byte[]> Answers(Endpoint endpoint)
    {
        List<byte[]> answers = [];
        byte[] buffer = new byte[1500];
        while (endpoint.TryTransmit(buffer, 0, s_now, out Transmit transmit))
        {
            if (endpoint.LastSender is null)
            {
                answers.Add(buffer[..transmit.Length]);
            }
        }

        return answers;
    }
}
