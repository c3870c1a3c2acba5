using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class CryptoStreamTests
{
    /// <summary>Goal: a flight arrives whole through loss, reordering and a move of both ends in the middle.</summary>
    [TestMethod]
    public void A_flight_survives_loss_and_moves()
    {
        byte[] flight = StreamPair.Pattern(20_000);
        CryptoStream sender = new(), receiver = new();
        sender.Write(flight);
        List<byte> read = [];
        Random random = new(3);
        List<(byte[] Payload, SentFrame[] Frames)> parcels = [];
        for (int i = 0; !sender.IsAcknowledged; i++)
        {
            Assert.IsLessThan(10_000, i, "no progress");
            byte[] payload = new byte[random.Next(100, 1200)];
            SentFrameBuffer frames = new();
            PacketBuilder builder = new(payload, frames);
            sender.WriteFrames(ref builder, EncryptionLevel.Handshake);
            Assert.IsTrue(frames.Frames.ToArray().All(frame => frame is { Kind: SentFrameKind.Crypto, Level: EncryptionLevel.Handshake }));
            parcels.Add((payload[..builder.Writer.Position], frames.Frames.ToArray()));
            (byte[] arrived, SentFrame[] carried) = parcels[random.Next(parcels.Count)];
            bool isLost = random.Next(4) == 0;
            ByteReader reader = new(isLost ? default : arrived);
            while (reader.TryReadVarInt(out _) && CryptoFrame.TryRead(ref reader, out CryptoFrame frame))
            {
                Assert.AreEqual(TransportError.None, receiver.On(frame));
            }

            foreach (SentFrame frame in carried)
            {
                if (isLost)
                {
                    sender.OnLost(frame);
                }
                else
                {
                    sender.OnAcked(frame);
                }
            }

            while (receiver.Peek() is { IsEmpty: false } piece)
            {
                read.AddRange(piece);
                receiver.Consume(piece.Length);
            }

            (sender, receiver) = (Move(sender), Move(receiver));
        }

        CollectionAssert.AreEqual(flight, read);
        Assert.IsFalse(sender.HasFrames || receiver.HasGaps);
    }

    /// <summary>Goal: more than 64 kB that wait close with CRYPTO_BUFFER_EXCEEDED; the same offsets are fine once what came before was read.</summary>
    [TestMethod]
    public void S38_waiting_bytes_are_bounded()
    {
        CryptoStream stream = new();
        CryptoFrame last = new(CryptoStream.MaxBuffered - 1, "x"u8), over = new(CryptoStream.MaxBuffered, "x"u8), far = new(VarInt.MaxValue - 1, "x"u8);
        Assert.AreEqual(TransportError.None, stream.On(last));
        Assert.AreEqual(TransportErrorCode.CryptoBufferExceeded, stream.On(over).Code);
        Assert.AreEqual(TransportErrorCode.CryptoBufferExceeded, stream.On(far).Code);
        Assert.AreEqual(TransportError.None, stream.On(new CryptoFrame(0, "abc"u8)));
        stream.Consume(3);
        Assert.AreEqual(TransportError.None, stream.On(over));
        stream.Release();
        Assert.IsTrue(stream.Peek().IsEmpty);
    }

    private static CryptoStream Move(CryptoStream stream)
    {
        SnapshotWriter writer = new(default), again = new(default);
        stream.Export(writer);
        CryptoStream moved = CryptoStream.Import(new(writer.Written, default));
        moved.Export(again);
        CollectionAssert.AreEqual(writer.Written.ToArray(), again.Written.ToArray());
        return moved;
    }
}
