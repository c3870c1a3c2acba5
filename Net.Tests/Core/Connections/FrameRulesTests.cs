using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Wire;
using Net.Tests.Simulation;
using static Net.Tests.Core.Connections.ConnectionPair;

namespace Net.Tests.Core.Connections;

/// <summary>What each kind of packet may carry, and what happens when it carries something else (checklist S35).</summary>
[TestClass]
public sealed class FrameRulesTests
{
    private const ulong LastType = (ulong)FrameType.DatagramWithLength + 3;

    /// <summary>Goal: every frame type, well or badly formed, in every kind of packet, in every state of the handshake, is taken or ends with an error; it never throws.</summary>
    [TestMethod]
    public void S35_every_frame_type_at_every_level_is_taken_or_refused()
    {
        int refused = 0, taken = 0;
        for (ulong type = 0; type <= LastType; type++)
        {
            foreach (EncryptionLevel level in (EncryptionLevel[])[EncryptionLevel.Initial, EncryptionLevel.Handshake, EncryptionLevel.OneRtt])
            {
                foreach (bool byClient in (bool[])[true, false])
                {
                    foreach (byte filling in (byte[])[0, 1, 8, 0x3F, 0xFF])
                    {
                        ConnectionPair pair = At(level, byClient);
                        byte[] frames = new byte[24];
                        frames.AsSpan().Fill(filling);
                        frames[0] = (byte)type;
                        Connection by = byClient ? pair.Client : pair.Server;
                        Connection to = byClient ? pair.Server : pair.Client;
                        Datagram datagram = pair.Forge(by, level, frames, size: 1200);
                        if (byClient)
                        {
                            pair.ToServer(datagram);
                        }
                        else
                        {
                            pair.ToClient(datagram);
                        }

                        bool isForbidden = level != EncryptionLevel.OneRtt && type is not (0 or 1 or 2 or 3 or 6 or 0x1C);
                        Assert.IsTrue(!isForbidden || !to.IsOpen, $"type {type} in a packet of {level}");
                        if (!FrameTypes.IsKnown((FrameType)type) || isForbidden)
                        {
                            // What nobody has defined is no frame at all; a known one is in the wrong place (section 12.4).
                            TransportErrorCode error = FrameTypes.IsKnown((FrameType)type) ? TransportErrorCode.ProtocolViolation : TransportErrorCode.FrameEncodingError;
                            Assert.AreEqual((ulong)error, to.CloseReason!.Value.Code, $"type {type} in a packet of {level}");
                        }

                        _ = to.IsOpen ? taken++ : refused++;
                    }
                }
            }
        }

        Assert.IsTrue(refused > 100 && taken > 100, $"{refused} and {taken}");
    }

    /// <summary>Goal: frames that one role must not send end with PROTOCOL_VIOLATION.</summary>
    [TestMethod]
    public void What_only_a_server_may_say_a_client_may_not()
    {
        AssertRefused(TransportErrorCode.ProtocolViolation, byClient: true, Frame(new HandshakeDoneFrame()));
        AssertRefused(TransportErrorCode.ProtocolViolation, byClient: true, [(byte)FrameType.NewToken, 1, 7]);
    }

    /// <summary>Goal: a token must not be empty, a packet not without a frame, a type not longer than needed, an unknown type not at all (section 12.4, checklist S50).</summary>
    [TestMethod]
    public void Malformed_payloads_have_their_errors()
    {
        AssertRefused(TransportErrorCode.FrameEncodingError, byClient: false, [(byte)FrameType.NewToken, 0, 0, 0]);
        AssertRefused(TransportErrorCode.ProtocolViolation, byClient: true, [0x40, 0x01, 0, 0]);
        AssertRefused(TransportErrorCode.FrameEncodingError, byClient: true, [0x40, 0x77, 0, 0]);
        AssertRefused(TransportErrorCode.FrameEncodingError, byClient: true, [0x1F, 0, 0, 0]);
        AssertRefused(TransportErrorCode.FrameEncodingError, byClient: false, [0x2F, 0, 0, 0]);
        AssertRefused(TransportErrorCode.FrameEncodingError, byClient: true, [0, 0, 0, 0x40]);
    }

    /// <summary>Goal: an ID that was never told cannot be retired, nor the one that the packet came to; twice is once (checklist S12).</summary>
    [TestMethod]
    public void S12_retiring_what_was_not_issued_is_a_violation()
    {
        AssertRefused(TransportErrorCode.ProtocolViolation, byClient: true, Frame(new RetireConnectionIdFrame(4)));
        AssertRefused(TransportErrorCode.ProtocolViolation, byClient: true, Frame(new RetireConnectionIdFrame(0)));
        ConnectionPair pair = Confirmed();
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [.. Frame(new RetireConnectionIdFrame(2)), .. Frame(new RetireConnectionIdFrame(2))]));
        Assert.IsTrue(pair.Server.IsOpen);
        CollectionAssert.AreEqual(new ulong[] { 0, 1, 3, 4 }, pair.Server.Parts.LocalIds.Active.ToArray());
    }

    /// <summary>Goal: one packet cannot pull more IDs than were told: retiring what is issued but not told is a violation (checklist S14).</summary>
    [TestMethod]
    public void S14_a_packet_of_retirements_pulls_no_more_than_was_told()
    {
        ConnectionPair pair = Confirmed();
        List<byte> frames = [];
        for (ulong number = 1; number < 200; number++)
        {
            frames.AddRange(Frame(new RetireConnectionIdFrame(number)));
        }

        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, frames.ToArray()));
        Assert.IsFalse(pair.Server.IsOpen);
        Assert.IsTrue(pair.Server.Parts.LocalIds.Active[^1] < 10);
    }

    /// <summary>Goal: a flood of new IDs, each retiring all before it, ends when too many retirements wait (checklist S10).</summary>
    [TestMethod]
    public void S10_a_flood_of_new_ids_is_ended()
    {
        ConnectionPair pair = Confirmed();
        int sent = 0;
        for (ulong number = 4; pair.Client.IsOpen && number < 1000; number++, sent++)
        {
            byte[] id = new byte[8];
            BitConverter.TryWriteBytes(id, number);
            byte[] token = new byte[16];
            BitConverter.TryWriteBytes(token, number);
            pair.ToClient(pair.Forge(pair.Server, EncryptionLevel.OneRtt, Frame(new NewConnectionIdFrame(number, number, new(id), new(token)))));
        }

        Assert.AreEqual((ulong)TransportErrorCode.ConnectionIdLimitError, pair.Client.CloseReason!.Value.Code);
        Assert.IsTrue(sent <= PeerConnectionIds.MaxRetiring + 1, $"{sent}");
    }

    /// <summary>Goal: of a flood of PATH_CHALLENGE only the newest are answered (checklist S11).</summary>
    [TestMethod]
    public void A_flood_of_challenges_is_answered_in_part()
    {
        ConnectionPair pair = Confirmed();
        for (ulong data = 0; data < 500; data++)
        {
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, Frame(new PathChallengeFrame(data))));
        }

        Assert.IsTrue(pair.Take(pair.Server).Count < 5);
        Assert.IsTrue(pair.Server.IsOpen);
    }

    /// <summary>Goal: packets that hold nothing but acknowledgements are never answered, and PINGs with half as many packets at most (checklist S5).</summary>
    [TestMethod]
    public void Acknowledgements_are_not_acknowledged()
    {
        ConnectionPair pair = Confirmed();
        for (int i = 0; i < 50; i++)
        {
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ack, 0, 0, 0, 0]));
            pair.Advance(TimeSpan.FromMilliseconds(30));
            pair.Tick();
        }

        Assert.IsEmpty(pair.Take(pair.Server));
        int answers = 0;
        for (int i = 0; i < 100; i++)
        {
            pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, [(byte)FrameType.Ping]));
            answers += pair.Take(pair.Server).Count;
        }

        Assert.IsTrue(answers <= 51, $"{answers}");
    }

    /// <summary>Goal: the peer acknowledges a number that was left out: it guesses, and is told so.</summary>
    [TestMethod]
    public void An_optimistic_acknowledgement_is_a_violation()
    {
        ConnectionPair pair = Confirmed();
        ulong next = pair.Server.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next;
        for (int i = 0; i < 600; i++)
        {
            pair.Server.Ping();
            pair.Exchange();
        }

        byte[] ack = new byte[20];
        ByteWriter writer = new(ack);
        writer.WriteByte((byte)FrameType.Ack);
        ulong last = pair.Server.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next - 1;
        writer.WriteVarInt(last);
        writer.WriteVarInt(0);
        writer.WriteVarInt(0);
        writer.WriteVarInt(last - next);
        pair.ToServer(pair.Forge(pair.Client, EncryptionLevel.OneRtt, writer.Written));
        Assert.AreEqual((ulong)TransportErrorCode.ProtocolViolation, pair.Server.CloseReason!.Value.Code);
    }

    private static void AssertRefused(TransportErrorCode code, bool byClient, byte[] frames)
    {
        ConnectionPair pair = Confirmed();
        Connection to = byClient ? pair.Server : pair.Client;
        Datagram datagram = pair.Forge(byClient ? pair.Client : pair.Server, EncryptionLevel.OneRtt, frames);
        if (byClient)
        {
            pair.ToServer(datagram);
        }
        else
        {
            pair.ToClient(datagram);
        }

        Assert.AreEqual((ulong)code, to.CloseReason?.Code, $"{to.CloseReason}");
        Assert.HasCount(1, pair.Take(to));
    }

    /// <summary>A pair whose two ends both have the keys of a level, in which one of them is about to speak.</summary>
    private static ConnectionPair At(EncryptionLevel level, bool byClient)
    {
        if (level == EncryptionLevel.OneRtt)
        {
            return Confirmed();
        }

        // The client's answer to the server's flight is held back: both ends have Initial and Handshake keys then.
        ConnectionPair pair = new();
        foreach (Datagram datagram in pair.Take(pair.Client))
        {
            pair.ToServer(datagram);
        }

        List<Datagram> flight = pair.Take(pair.Server);
        if (level == EncryptionLevel.Handshake)
        {
            foreach (Datagram datagram in flight)
            {
                pair.ToClient(datagram);
            }
        }

        return pair;
    }
}
