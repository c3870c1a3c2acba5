using Net.Core.Connections;
using Net.Core.Recovery;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>A handshake on a bad network: what is sent again, and when.</summary>
[TestClass]
public sealed class HasteningTests
{
    /// <summary>Goal: of the two packets of a client's probe timeout either one begins the handshake.</summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void Both_probes_carry_the_ClientHello(int arrives)
    {
        ConnectionPair pair = new();
        Assert.HasCount(1, pair.Take(pair.Client), "lost");
        pair.Advance(TimeSpan.FromSeconds(1));
        pair.Tick();
        List<Datagram> probes = pair.Take(pair.Client);
        Assert.HasCount(LossRecovery.ProbesPerTimeout, probes);
        pair.ToServer(probes[arrives]);
        pair.Settle();
        Assert.IsTrue(pair.Client.IsConfirmed);
    }

    /// <summary>Goal: a server that repeats its flight shows that it waits for the client's Finished: it gets it at once, not after a timeout of the client.</summary>
    [TestMethod]
    public void A_repeated_flight_is_answered_at_once()
    {
        ConnectionPair pair = new();
        List<Datagram> flight = Flight(pair);
        // The client takes the path to be as slow as this first answer was.
        pair.Advance(TimeSpan.FromMilliseconds(900));
        flight.ForEach(pair.ToClient);
        Assert.IsNotNull(pair.Client.Session, "the client is done");
        Assert.AreNotEqual(0, pair.Take(pair.Client).Count, "its Finished, lost");
        pair.Advance(pair.Server.Deadline - pair.Now);
        Assert.IsTrue(pair.Client.Deadline > pair.Now, "the client's own timeout is not due");
        pair.Server.Tick(pair.Now);
        pair.Take(pair.Server).ForEach(pair.ToClient);
        pair.Take(pair.Client).ForEach(pair.ToServer);
        Assert.IsTrue(pair.Server.IsConfirmed);
    }

    /// <summary>
    /// Goal: a server that was asked for the client's lost Finished says what has arrived until the client hears it: its first answers are lost, and
    /// the client, as OpenSSL's, sends nothing but PINGs of its own accord.
    /// </summary>
    /// <param name="hasGap">The lost packet's number shows that it was lost.</param>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void An_answer_that_is_lost_is_repeated_until_the_client_has_it(bool hasGap)
    {
        ConnectionPair pair = new();
        List<Datagram> flight = Flight(pair);
        flight.ForEach(pair.ToClient);
        if (hasGap)
        {
            _ = pair.Take(pair.Client);
        }

        // What acknowledges the flight; without it, the flight itself would be repeated.
        byte last = (byte)(pair.Server.Parts.Recovery[PacketNumberSpace.Handshake].Numbers.Next - 1);
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.Handshake, [(byte)FrameType.Ack, last, 0, 0, last, (byte)FrameType.Ping]));

        for (int lost = 0; lost < 3; lost++)
        {
            Assert.IsNotEmpty(pair.Take(pair.Server), $"the answer and {lost} repetitions");
            pair.Advance(pair.Server.Deadline - pair.Now);
            pair.Server.Tick(pair.Now);
        }

        Assert.IsLessThan(TimeSpan.FromSeconds(8), pair.Now - new Net.Core.Time.Instant(TimeSpan.TicksPerHour));
        pair.Take(pair.Server).ForEach(pair.ToClient);
        pair.Settle();
        Assert.IsTrue(pair.Server.IsConfirmed);
    }

    /// <summary>Goal: a client's 1-RTT packet without its Finished shows that this was lost: the server's flight goes out again at once.</summary>
    [TestMethod]
    public void A_packet_without_the_Finished_is_answered_at_once()
    {
        ConnectionPair pair = new();
        List<Datagram> flight = Flight(pair);
        flight.ForEach(pair.ToClient);
        _ = pair.Take(pair.Client);
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
        Assert.IsNotEmpty(pair.Take(pair.Server));
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
        Assert.IsEmpty(pair.Take(pair.Server), "once");
    }

    /// <summary>Goal: a peer that repeats itself again and again gets no more than a few answers.</summary>
    [TestMethod]
    public void Repeats_have_a_limit()
    {
        ConnectionPair pair = new();
        List<Datagram> flight = Flight(pair);
        flight.ForEach(pair.ToClient);
        _ = pair.Take(pair.Client);
        // CRYPTO: the first bytes of EncryptedExtensions, which the client has read long ago.
        byte[] frame = [0x06, 0, 4, 8, 0, 0, 0];
        int answers = 0;
        for (int i = 0; i < 20; i++)
        {
            pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.Handshake, frame));
            answers += pair.Take(pair.Client).Any(datagram => datagram.Bytes.Length > 80) ? 1 : 0;
        }

        Assert.AreEqual(Hastening.MaxRepeats, answers);
    }

    /// <summary>Goal: the time that a Retry took stands for the round trip until there is a sample.</summary>
    [TestMethod]
    public void A_retry_tells_how_far_the_server_is()
    {
        RttEstimator rtt = new();
        rtt.Suppose(TimeSpan.FromSeconds(3));
        Assert.AreEqual(RttEstimator.Initial, rtt.Smoothed, "the first Initial was lost");
        rtt.Suppose(TimeSpan.FromMilliseconds(40));
        Assert.IsFalse(rtt.HasSample);
        Assert.AreEqual(TimeSpan.FromMilliseconds(40 + (4 * 20)), rtt.Pto(withMaxAckDelay: false));
        rtt.OnSample(new(0), new(TimeSpan.FromMilliseconds(100).Ticks), TimeSpan.Zero, handshakeConfirmed: false);
        rtt.Suppose(TimeSpan.FromMilliseconds(40));
        Assert.AreEqual(TimeSpan.FromMilliseconds(100), rtt.Smoothed);
    }

    private static List<Datagram> Flight(ConnectionPair pair)
    {
        pair.Take(pair.Client).ForEach(pair.ToServer);
        return pair.Take(pair.Server);
    }
}
