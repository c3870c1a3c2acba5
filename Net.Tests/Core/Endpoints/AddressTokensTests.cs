using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Wire;
using Net.Tests.Core.Connections;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Endpoints;

[TestClass]
public sealed class AddressTokensTests
{
    private const long Second = 1_800_000_000;
    private static readonly ConnectionKeys s_keys = new(3, 0, new byte[32], Enumerable.Repeat((byte)5, 32).ToArray());
    private static readonly ConnectionKeys[] s_ring = [new(4, 1, new byte[32], new byte[32]), s_keys];
    private static readonly UdpAddress s_client = ConnectionPair.Address("10.0.0.1:1000");
    private static readonly ConnectionId s_original = new([1, 2, 3, 4, 5, 6, 7, 8]);
    private static readonly ConnectionId s_source = new([9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);

    /// <summary>Goal: a Retry's token proves the address and gives back the first destination, to any node that has the key, while it is young.</summary>
    [TestMethod]
    public void A_Retry_token_opens()
    {
        TokenVerdict verdict = Open(Retry());
        Assert.AreEqual((TokenKind.Retry, s_original), (verdict.Kind, verdict.Original));
        Assert.AreEqual(TokenKind.Retry, Open(Retry(), second: Second + AddressTokens.RetryLifetime).Kind);
        Assert.AreEqual(TokenKind.Retry, Open(Retry(), second: Second - AddressTokens.MaxSkew).Kind, "another node's clock is behind");
        Assert.AreNotEqual(Open(Retry()).Serial, Open(Retry(serial: 2)).Serial);
    }

    /// <summary>Goal (checklist S29): from another address or port, for another connection, too old, of the future: false.</summary>
    [TestMethod]
    public void S29_a_Retry_token_is_bound()
    {
        byte[] token = Retry();
        Assert.AreEqual(TokenKind.FalseRetry, Open(token, client: ConnectionPair.Address("10.0.0.2:1000")).Kind);
        Assert.AreEqual(TokenKind.FalseRetry, Open(token, client: s_client.WithPort(1001)).Kind);
        Assert.AreEqual(TokenKind.FalseRetry, Open(token, destination: s_original).Kind);
        Assert.AreEqual(TokenKind.FalseRetry, Open(token, second: Second + AddressTokens.RetryLifetime + 1).Kind);
        Assert.AreEqual(TokenKind.FalseRetry, Open(token, second: Second - AddressTokens.MaxSkew - 1).Kind);
        Assert.AreEqual(TokenKind.FalseRetry, Open(token, second: long.MinValue).Kind);
        Assert.AreEqual(TokenKind.Unknown, AddressTokens.Open([s_ring[0]], token, s_client, s_source, Second).Kind, "a key that is gone");
        Assert.AreEqual(TokenKind.FalseRetry, AddressTokens.Open([s_ring[0] with { Number = 3 }], token, s_client, s_source, Second).Kind, "another federation's");
    }

    /// <summary>Goal (checklist S29): NEW_TOKEN's token holds for the host, whatever its next port, for a day.</summary>
    [TestMethod]
    public void S29_a_NEW_TOKEN_is_bound_to_the_host()
    {
        byte[] token = AddressTokens.MakeNewToken(s_keys, s_client, Serial(1), Second);
        Assert.AreEqual(TokenKind.NewToken, Open(token, client: s_client.WithPort(7), destination: s_original).Kind);
        Assert.AreEqual(TokenKind.NewToken, Open(token, second: Second + AddressTokens.NewTokenLifetime).Kind);
        Assert.AreEqual(TokenKind.Unknown, Open(token, second: Second + AddressTokens.NewTokenLifetime + 1).Kind);
        Assert.AreEqual(TokenKind.Unknown, Open(token, client: ConnectionPair.Address("10.0.0.2:1000")).Kind);
        byte[] other = [2, .. Retry()[1..]];
        Assert.AreEqual(TokenKind.Unknown, Open(other).Kind, "one kind does not pass for the other");
    }

    /// <summary>Goal (checklist S28): no changed bit, no cut, no length and no noise opens or throws.</summary>
    [TestMethod]
    public void S28_damaged_tokens_do_not_open()
    {
        foreach (byte[] token in (byte[][])[Retry(), AddressTokens.MakeNewToken(s_keys, s_client, Serial(1), Second)])
        {
            Assert.IsTrue(token.Length <= AddressTokens.MaxLength);
            for (int bit = 0; bit < token.Length * 8; bit++)
            {
                byte[] damaged = [.. token];
                damaged[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.IsFalse(Open(damaged).IsValid, $"bit {bit}");
            }

            for (int length = 0; length < token.Length; length++)
            {
                Assert.IsFalse(Open(token[..length]).IsValid);
            }
        }

        SimulatedRandom random = new(1);
        for (int length = 0; length <= 1200; length++)
        {
            byte[] noise = new byte[length];
            random.Fill(noise);
            new byte[] { (byte)(1 + (length % 2)), 0, 0, 0, 3 }.AsSpan(0, int.Min(5, length)).CopyTo(noise);
            Assert.IsFalse(Open(noise).IsValid);
        }
    }

    /// <summary>Goal: what was used is known within the bound, and the oldest goes first.</summary>
    [TestMethod]
    public void Used_tokens_are_bounded()
    {
        UsedTokens used = new(capacity: 3);
        for (uint i = 0; i < 5; i++)
        {
            _ = used.TryAdd(i);
            _ = used.TryAdd(i);
        }

        Assert.AreEqual(3, used.Count);
        Assert.IsFalse(used.Contains(1));
        Assert.IsTrue(used.Contains(2) && used.Contains(4));
    }

    /// <summary>Goal: a client's tokens are kept per server, used once, newest first, and bounded in both directions.</summary>
    [TestMethod]
    public void A_client_keeps_its_tokens()
    {
        TokenStore store = new();
        for (byte i = 0; i < 10; i++)
        {
            store.Add("a", s_client, [i]);
        }

        Assert.IsEmpty(store.Take("b", s_client));
        Assert.IsEmpty(store.Take("a", s_client.WithPort(1)));
        for (int i = 0; i < TokenStore.MaxPerServer; i++)
        {
            CollectionAssert.AreEqual(new byte[] { (byte)(9 - i) }, store.Take("a", s_client));
        }

        Assert.IsEmpty(store.Take("a", s_client));
        for (int i = 0; i < TokenStore.MaxServers; i++)
        {
            store.Add($"server {i}", s_client, [1]);
        }

        store.Add("a", s_client, [1]);
        Assert.IsEmpty(store.Take("server 0", s_client));
        Assert.HasCount(1, store.Take($"server {TokenStore.MaxServers - 1}", s_client));
    }

    private static byte[] Serial(byte value) => [.. Enumerable.Repeat(value, AddressTokens.SerialLength)];

    private static byte[] Retry(byte serial = 1) => AddressTokens.MakeRetry(s_keys, s_client, s_original, s_source, Serial(serial), Second);

    private static TokenVerdict Open(byte[] token, UdpAddress? client = null, ConnectionId? destination = null, long second = Second) =>
        AddressTokens.Open(s_ring, token, client ?? s_client, destination ?? s_source, second);
}
