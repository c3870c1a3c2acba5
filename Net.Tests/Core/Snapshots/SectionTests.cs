using CsCheck;
using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Tests.Core.Snapshots;

/// <summary>Sections of a connection come back from their packed form, whatever they hold, and nothing else does.</summary>
[TestClass]
public sealed class SectionTests
{
    private static readonly Gen<byte[]> s_bytes = Gen.OneOf(
        Gen.Byte.Array[0, 40],
        // Mostly zeros, and hardly any: runs of either.
        Gen.Int[0, 9].Select(b => (byte)(b < 8 ? 0 : b)).Array[0, 300],
        Gen.Byte[1, 255].Array[0, 5000]);

    private static readonly Gen<(ulong Number, ulong Key, byte[] Body)> s_section = Gen.OneOf(
        Gen.Select(Gen.ULong[0, 300], Gen.ULong, s_bytes),
        // As in the table, with a few bytes changed, cut or added.
        Gen.Select(Gen.Int[0, SectionTable.Count - 1], Gen.Int[0, 100], Gen.Byte).Select((index, at, value) =>
        {
            byte[] body = [.. SectionTable.BodyOf(index)];
            body = at < body.Length ? [.. body[..at], value, .. body[at..]] : at % 2 == 0 ? body : body[..int.Min(at % 7, body.Length)];
            return (SectionTable.NameOf(index).Number, SectionTable.NameOf(index).Key, body);
        }));

    /// <summary>Goal: any sections in any order come back as they were.</summary>
    [TestMethod]
    public void Sections_survive() => s_section.Array[0, 40].Sample(sections =>
    {
        List<SnapshotSection> read = Read(Write(sections));
        Assert.HasCount(sections.Length, read);
        for (int i = 0; i < sections.Length; i++)
        {
            Assert.AreEqual((sections[i].Number, sections[i].Key), (read[i].Number, read[i].Key));
            CollectionAssert.AreEqual(sections[i].Body, read[i].Body.ToArray());
        }
    });

    /// <summary>Goal: an export that is cut is refused, wherever the cut is; so is one that goes on.</summary>
    [TestMethod]
    public void Every_cut_is_refused()
    {
        byte[] written = Write([(26, 400, [7, 0, 0, 9]), (27, 0, []), (SectionTable.NameOf(0).Number, 0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])]);
        for (int length = 0; length < written.Length; length++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => Read(written[..length]), $"{length}");
        }

        Assert.ThrowsExactly<SnapshotException>(() => Read([.. written, 0]));
    }

    /// <summary>Goal: a section that names a place behind the table's last is refused, be it the first or one behind another.</summary>
    [TestMethod]
    public void A_place_behind_the_last_is_refused()
    {
        foreach (byte[] before in (byte[][])[[], [0, 0]])
        {
            byte[] plain = [.. before, 0, 0, 0];
            int length = before.Length + SnapshotWriter.Encode((ulong)SectionTable.Count + 1, plain.AsSpan(before.Length)) + 1;
            SnapshotWriter writer = new(default);
            writer.WriteNumber((ulong)length);
            writer.Advance(ZeroPacking.Pack(plain.AsSpan(0, length), writer.Reserve(ZeroPacking.MaxPacked(length))));
            Assert.ThrowsExactly<SnapshotException>(() => Read(writer.Written.ToArray()));
        }
    }

    /// <summary>Goal: whatever the bytes, sections or SnapshotException; and never more memory than eight times what came.</summary>
    [TestMethod]
    public void Random_bytes_throw_nothing_else()
    {
        Random random = new(3);
        int read = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(60)];
            random.NextBytes(bytes);
            if (round % 2 == 0 && bytes.Length > 1)
            {
                // Else nearly all have a length that cannot be.
                bytes[0] = (byte)random.Next(8);
            }

            try
            {
                List<SnapshotSection> sections = Read(bytes);
                Assert.IsLessThanOrEqualTo(bytes.Length * ZeroPacking.MaxGrowth, sections.Sum(s => s.Body.Length));
                read++;
            }
            catch (SnapshotException)
            {
                // The one other way out.
            }
        }

        Assert.IsGreaterThan(0, read);
    }

    /// <summary>Goal: packing costs little where there are no zeros, and leaves little where there is nothing else.</summary>
    [TestMethod]
    public void Packing_has_its_bounds()
    {
        byte[] full = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(1 + (i % 255)))], none = new byte[8000];
        Assert.IsLessThan(100_200, Packed(full));
        Assert.AreEqual(1000, Packed(none));
        Assert.AreEqual(0, Packed([]));
        // The worst: full groups with a zero between each.
        byte[] worst = [.. Enumerable.Range(0, 1600).Select(i => (byte)(i % 16 == 15 ? 0 : 1))];
        Assert.IsLessThanOrEqualTo(ZeroPacking.MaxPacked(worst.Length), Packed(worst));
    }

    private static int Packed(byte[] plain)
    {
        byte[] packed = new byte[ZeroPacking.MaxPacked(plain.Length)], back = new byte[plain.Length];
        int length = ZeroPacking.Pack(plain, packed);
        Assert.IsTrue(ZeroPacking.TryUnpack(packed.AsSpan(0, length), back));
        CollectionAssert.AreEqual(plain, back);
        return length;
    }

    private static byte[] Write((ulong Number, ulong Key, byte[] Body)[] sections)
    {
        SnapshotWriter writer = new(default);
        SectionWriter packer = new(writer);
        foreach ((ulong number, ulong key, byte[] body) in sections)
        {
            packer.Write(number, key, w => Array.ForEach(body, b =>
            {
                w.Reserve(1)[0] = b;
                w.Advance(1);
            }));
        }

        packer.Complete();
        return writer.Written.ToArray();
    }

    private static List<SnapshotSection> Read(byte[] bytes)
    {
        SectionReader reader = new(SectionReader.Unpack(new(bytes, default(Instant)), 1 << 20));
        List<SnapshotSection> sections = [];
        while (reader.TryRead(out SnapshotSection section))
        {
            sections.Add(section);
        }

        return sections;
    }
}
