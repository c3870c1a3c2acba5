using Net.Core.Snapshots;
using Net.Core.Streams;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class SendBufferTests
{
    private enum Fate
    {
        InFlight,
        Lost,
        Acked,
    }

    /// <summary>
    /// Goal: what is offered for sending again is exactly what was lost and never acknowledged, with the bytes that were written.
    /// Method: a model of one fate per byte beside the buffer, with late, doubled and contradicting news of frames, and moves in between.
    /// </summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void It_behaves_as_one_fate_per_byte(int seed)
    {
        Random random = new(seed);
        byte[] data = StreamPair.Pattern(120_000, seed);
        SendBuffer buffer = new();
        List<Fate> model = [];
        List<(int Offset, int Length)> frames = [];
        byte[] copy = new byte[2000];
        for (int i = 0; buffer.Start < (ulong)data.Length; i++)
        {
            Assert.IsLessThan(200_000, i, "no progress");
            int written = (int)buffer.End, what = random.Next(10);
            if (what == 0 && written < data.Length)
            {
                buffer.Write(data.AsSpan(written, random.Next(int.Min(30_000, data.Length - written) + 1)));
            }
            else if (what < 4 && (buffer.HasLost || buffer.HasNew))
            {
                int offset = (int)(buffer.HasLost ? buffer.FirstLost.Start : buffer.Sent);
                int most = (int)(buffer.HasLost ? buffer.FirstLost.Length : buffer.End - buffer.Sent);
                int count = int.Min(most, 1 + random.Next(copy.Length));
                buffer.Copy((ulong)offset, copy.AsSpan(0, count));
                Assert.IsTrue(copy.AsSpan(0, count).SequenceEqual(data.AsSpan(offset, count)));
                frames.Add((offset, count));
                if (buffer.HasLost)
                {
                    Assert.AreEqual(model.IndexOf(Fate.Lost), offset);
                    buffer.TakeLost(count);
                    Set(model, offset, count, _ => Fate.InFlight);
                }
                else
                {
                    buffer.TakeNew(count);
                    model.AddRange(Enumerable.Repeat(Fate.InFlight, count));
                }
            }
            else if (what < 9 && frames.Count > 0)
            {
                int index = random.Next(frames.Count);
                (int offset, int length) = frames[index];
                if (random.Next(3) == 0)
                {
                    buffer.OnLost((ulong)offset, (ulong)length);
                    Set(model, offset, length, fate => fate == Fate.Acked ? fate : Fate.Lost);
                }
                else
                {
                    buffer.OnAcked((ulong)offset, (ulong)length);
                    Set(model, offset, length, _ => Fate.Acked);
                }

                if (random.Next(3) != 0)
                {
                    frames.RemoveAt(index);
                }
            }
            else
            {
                buffer = Move(buffer);
                // A frame whose fate is never told does not exist: what is in flight and in no frame is called lost.
                if (frames.Count == 0 && model.Contains(Fate.InFlight))
                {
                    buffer.OnLost(0, (ulong)model.Count);
                    Set(model, 0, model.Count, fate => fate == Fate.Acked ? fate : Fate.Lost);
                }
            }

            int firstOpen = model.FindIndex(fate => fate != Fate.Acked);
            Assert.AreEqual(firstOpen < 0 ? model.Count : firstOpen, (int)buffer.Start);
            Assert.AreEqual(model.Contains(Fate.Lost), buffer.HasLost);
        }

        Assert.AreEqual((0UL, 0L), (buffer.Held, buffer.Rented));
    }

    private static void Set(List<Fate> model, int offset, int length, Func<Fate, Fate> change)
    {
        for (int i = offset; i < offset + length; i++)
        {
            model[i] = change(model[i]);
        }
    }

    private static SendBuffer Move(SendBuffer buffer)
    {
        SnapshotWriter writer = new(default), again = new(default);
        buffer.Export(writer);
        SnapshotReader reader = new(writer.Written, default);
        SendBuffer moved = SendBuffer.Import(reader);
        reader.End();
        moved.Export(again);
        CollectionAssert.AreEqual(writer.Written.ToArray(), again.Written.ToArray());
        return moved;
    }
}
