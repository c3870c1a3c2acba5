using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Tests.Core.Connections;

/// <summary>Packets that are begun only where they fit: the peer chooses how long our headers are, and how much we may send.</summary>
[TestClass]
public sealed class PacketizerTests
{
    private const int MostRoom = 160;

    /// <summary>
    /// Goal: whatever a client's ID and its credit, a server sends within the credit or nothing, and then waits for more without a timer that has passed.
    /// (A header longer than what was left once ended the whole thread.)
    /// </summary>
    [TestMethod]
    public void A_server_keeps_within_any_credit()
    {
        for (int length = 0; length <= ConnectionId.MaxLength; length++)
        {
            ConnectionPair pair = new();
            pair.Take(pair.Client).ForEach(pair.ToServer);
            ConnectionParts c = pair.Server.Parts;
            c.PeerIds.ReplaceFirst(new(new byte[length]));
            byte[] buffer = new byte[2000];
            int spoken = 0;
            for (int credit = 0; credit <= MostRoom; credit++)
            {
                for (int wishes = 1; wishes <= 3; wishes++)
                {
                    SetCredit(c.Path, credit);
                    if ((wishes & 1) != 0)
                    {
                        c.Received(PacketNumberSpace.Initial).OnAckNotSent();
                    }

                    c.Probes[(int)PacketNumberSpace.Handshake] = wishes >> 1;
                    bool any = pair.Server.TryTransmit(buffer, 0, pair.Now, out Transmit transmit);
                    Assert.IsTrue(!any || transmit.Length <= credit, $"an ID of {length}, credit of {credit}");
                    Assert.AreEqual(c.MaySpeak || any, any, $"an ID of {length}, credit of {credit}: it would try again and again");
                    spoken += any ? 1 : 0;
                }
            }

            Assert.IsGreaterThan(3 * 50, spoken);
            Assert.IsTrue(c.Recovery[PacketNumberSpace.Initial].Numbers.Next > 40 && c.Recovery[PacketNumberSpace.Handshake].Numbers.Next > 40);
        }
    }

    /// <summary>Goal: at each level, and with each length of the peer's ID, a packet is built in whatever room is left of a datagram, or none is; a client's too.</summary>
    [TestMethod]
    [DataRow((int)EncryptionLevel.Initial, DisplayName = "Initial")]
    [DataRow((int)EncryptionLevel.ZeroRtt, DisplayName = "ZeroRtt")]
    [DataRow((int)EncryptionLevel.Handshake, DisplayName = "Handshake")]
    [DataRow((int)EncryptionLevel.OneRtt, DisplayName = "OneRtt")]
    public void A_packet_is_built_where_it_fits(int number)
    {
        EncryptionLevel level = (EncryptionLevel)number;
        ConnectionPair pair = level switch
        {
            EncryptionLevel.OneRtt => ConnectionPair.Confirmed(),
            EncryptionLevel.Handshake => new(),
            _ => EarlyDataTests.Resuming(out _),
        };
        if (level == EncryptionLevel.Handshake)
        {
            pair.Take(pair.Client).ForEach(pair.ToServer);
            pair.Take(pair.Server).ForEach(pair.ToClient);
        }

        ConnectionParts c = pair.Client.Parts;
        for (int length = 0; length <= ConnectionId.MaxLength; length++)
        {
            for (int token = 0; token <= (level == EncryptionLevel.Initial ? 64 : 0); token += 32)
            {
                c.PeerIds.ReplaceFirst(new(new byte[length]));
                c.Handshake?.UseToken(new byte[token]);
                int least = Packetizer.MinPacket(c, level);
                for (int room = 0; room <= MostRoom; room++)
                {
                    foreach (int start in (int[])[0, 900])
                    {
                        c.Frames.Clear();
                        c.Probes[(int)Handshaking.SpaceOf(level)] = 1;
                        byte[] datagram = new byte[start + room];
                        bool any = Packetizer.TryBuild(c, level, datagram, start, mayElicit: true, pair.Now, out OpenPacket packet);
                        Assert.AreEqual(room >= least, any, $"an ID of {length}, room of {room}");
                        Assert.IsTrue(!any || (packet.Start == start && packet.End + PacketProtection.TagLength <= datagram.Length));
                    }
                }
            }
        }
    }

    /// <summary>Goal: the longest token that a client takes, and the longest ID, leave room for its ClientHello, and for its close.</summary>
    [TestMethod]
    public void The_longest_token_leaves_room()
    {
        ConnectionPair pair = new();
        ConnectionParts c = pair.Client.Parts;
        c.PeerIds.ReplaceFirst(new(new byte[ConnectionId.MaxLength]));
        c.Handshake!.UseToken(new byte[FirstAnswers.MaxToken]);
        Assert.IsNotEmpty(pair.Take(pair.Client));
        c.Fail(TransportError.Internal("for the sake of it"), pair.Now);
        Assert.HasCount(1, pair.Take(pair.Client));
    }

    private static void SetCredit(PathState path, int credit)
    {
        path.OnSent((int)path.Allowance);
        for (; path.Allowance < credit; path.OnReceived(path.Current, 1))
        {
        }

        path.OnSent((int)path.Allowance - credit);
        Assert.AreEqual(credit, path.Allowance);
    }
}
