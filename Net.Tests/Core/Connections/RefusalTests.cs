using Net.Core.Connections;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

/// <summary>A client whose system has heard that nobody listens at the server's port (ICMP).</summary>
[TestClass]
public sealed class RefusalTests
{
    /// <summary>Goal: a client that hears of it again and again ends at once, long before its handshake's time is over; each time before that it asks again without waiting.</summary>
    [TestMethod]
    public void A_client_that_nobody_answers_believes_it_soon()
    {
        ConnectionPair pair = new();
        Assert.IsNotEmpty(pair.Take(pair.Client));
        for (int i = 1; i < HandshakeState.RefusalsToBelieve; i++)
        {
            pair.Client.OnRefused(pair.Now);
            Assert.IsTrue(pair.Client.IsOpen);
            Assert.IsTrue(LongHeader.TryRead(pair.Take(pair.Client).Single().Bytes, out LongHeader again));
            Assert.AreEqual(LongPacketType.Initial, again.Type);
        }

        pair.Client.OnRefused(pair.Now);
        Assert.IsTrue(pair.Client.IsClosed);
        Assert.AreEqual(CloseOrigin.Refused, pair.Client.CloseReason?.Origin);
        Assert.IsEmpty(pair.Take(pair.Client), "there is nobody to say it to");
        Assert.IsTrue(pair.Client.TryTakeEvent(out ConnectionEvent closed));
        Assert.AreEqual(ConnectionEventKind.Closed, closed.Kind);
    }

    /// <summary>Goal: from the server's first packet on no ICMP message means anything, in the handshake and behind it, nor to a server: anyone could have made it up.</summary>
    [TestMethod]
    public void Who_has_heard_its_peer_is_deaf_to_it()
    {
        ConnectionPair pair = new();
        pair.Client.OnRefused(pair.Now);
        foreach (Datagram datagram in pair.Take(pair.Client))
        {
            pair.ToServer(datagram);
        }

        pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.Initial, [(byte)FrameType.Ping], size: 1200));
        Assert.IsFalse(pair.Client.IsHandshakeComplete);
        Refuse(pair);
        pair.Settle();
        Assert.IsTrue(pair.Client.IsConfirmed && pair.Server.IsConfirmed);
        Refuse(pair);
    }

    private static void Refuse(ConnectionPair pair)
    {
        for (int i = 0; i < 2 * HandshakeState.RefusalsToBelieve; i++)
        {
            pair.Client.OnRefused(pair.Now);
            pair.Server.OnRefused(pair.Now);
        }

        Assert.IsTrue(pair.Client.IsOpen && pair.Server.IsOpen);
    }
}
