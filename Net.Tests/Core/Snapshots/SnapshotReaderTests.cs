using CsCheck;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Snapshots;

[TestClass]
public sealed class SnapshotReaderTests
{
    private static readonly Instant Here = new(1_000_000_000);
    private static readonly Instant There = new(7_000_000_000_000);

    /// <summary>Goal: every kind of field comes back, and nothing is left over.</summary>
    [TestMethod]
    public void Every_kind_of_field_survives() =>
        Gen.Select(Gen.ULong, Gen.Long, Gen.Bool, Gen.Byte.Array[0, 300], Gen.String, Gen.Byte.Array[0, 20]).Sample((number, signed, flag, bytes, text, id) =>
        {
            string sound = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
            ResetToken token = new([.. Enumerable.Range(0, 16).Select(i => (byte)(number >> i))]);
            UdpAddress address = UdpAddress.FromBytes([1, 2, 3, (byte)signed], (ushort)number);
            SnapshotWriter writer = new(Here);
            writer.WriteNumber(number);
            writer.WriteSigned(signed);
            writer.WriteBool(flag);
            writer.WriteBytes(bytes);
            writer.WriteString(sound);
            writer.WriteConnectionId(new(id));
            writer.WriteDuration(new(signed));
            writer.WriteResetToken(token);
            writer.WriteAddress(address);

            SnapshotReader reader = new(writer.Written, There);
            Assert.AreEqual(number, reader.ReadNumber());
            Assert.AreEqual(signed, reader.ReadSigned());
            Assert.AreEqual(flag, reader.ReadBool());
            CollectionAssert.AreEqual(bytes, reader.ReadBytes().ToArray());
            Assert.AreEqual(sound, reader.ReadString());
            Assert.AreEqual(new ConnectionId(id), reader.ReadConnectionId());
            Assert.AreEqual(new TimeSpan(signed), reader.ReadDuration());
            Assert.AreEqual(token, reader.ReadResetToken());
            Assert.AreEqual(address, reader.ReadAddress());
            reader.End();
        });

    /// <summary>Goal: a connection's snapshot may hold the sections of this release and no required ones beside: numbers that are free or a component's are not known.</summary>
    [TestMethod]
    public void Required_sections_are_those_of_this_release()
    {
        HashSet<ulong> named = [.. typeof(SectionNumber).GetFields().Select(f => (ulong)f.GetRawConstantValue()!)];
        ulong[] ofComponents = [SectionNumber.EarlyDataLedger, SectionNumber.Component, SectionNumber.Connection, SectionNumber.ComponentState];
        for (ulong number = 0; number < 300; number += 2)
        {
            Assert.AreEqual(named.Contains(number) && !ofComponents.Contains(number), SectionNumber.IsKnown(number), $"{number}");
        }
    }

    /// <summary>Goal: an instant keeps its distance from now on a machine with another clock; "never" stays never.</summary>
    [TestMethod]
    [DataRow(0L)]
    [DataRow(12_345L)]
    [DataRow(-12_345L)]
    [DataRow(TimeSpan.TicksPerDay * 36_525L)]
    [DataRow(-TimeSpan.TicksPerDay * 36_525L)]
    public void Instants_travel_as_ages(long age)
    {
        SnapshotWriter writer = new(Here);
        writer.WriteInstant(Here - new TimeSpan(age));
        writer.WriteInstant(Instant.Never);
        SnapshotReader reader = new(writer.Written, There);
        Assert.AreEqual(There - new TimeSpan(age), reader.ReadInstant());
        Assert.IsTrue(reader.ReadInstant().IsNever);
    }

    /// <summary>Goal: an age with which sums would overflow is refused; the most negative number too, whose magnitude no long holds.</summary>
    [TestMethod]
    [DataRow(TimeSpan.TicksPerDay * 36_525L + 1)]
    [DataRow(-TimeSpan.TicksPerDay * 36_525L - 1)]
    [DataRow(long.MaxValue)]
    [DataRow(long.MinValue)]
    public void Ages_beyond_a_century_are_refused(long age)
    {
        SnapshotWriter writer = new(Here);
        writer.WriteBool(false);
        writer.WriteSigned(age);
        Throws(writer.Written, reader => reader.ReadInstant());
    }

    /// <summary>Goal: a number has one encoding; longer, cut or beyond 64 bits is refused.</summary>
    [TestMethod]
    [DataRow("", "nothing")]
    [DataRow("80", "cut")]
    [DataRow("8000", "not minimal")]
    [DataRow("ff00", "not minimal")]
    [DataRow("ffffffffffffffffff02", "65 bits")]
    [DataRow("ffffffffffffffffff7f", "70 bits")]
    [DataRow("ffffffffffffffffff8100", "eleven bytes")]
    [DataRow("80808080808080808080808080", "no end")]
    public void Malformed_numbers_are_refused(string hex, string name)
    {
        _ = name;
        Throws(Convert.FromHexString(hex), reader => reader.ReadNumber());
    }

    /// <summary>Goal: the largest number is read, and limits are exact.</summary>
    [TestMethod]
    public void Numbers_at_their_limits()
    {
        Assert.AreEqual(ulong.MaxValue, new SnapshotReader(Convert.FromHexString("ffffffffffffffffff01"), Here).ReadNumber());
        Assert.AreEqual(5UL, new SnapshotReader(new byte[] { 5 }, Here).ReadNumber(5));
        Throws(new byte[] { 6 }, reader => reader.ReadNumber(5));
        Throws(new byte[] { 2 }, reader => reader.ReadBool());
    }

    /// <summary>Goal: no count or length asks for more than there is: nothing is allocated for bytes that do not exist.</summary>
    [TestMethod]
    [DataRow("ffffffffffffffffff01")]
    [DataRow("ffffffff0f0000")]
    [DataRow("04000000")]
    [DataRow("01")]
    public void Huge_counts_and_lengths_are_refused(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Throws(bytes, reader => reader.ReadBytes());
        Throws(bytes, reader => reader.ReadString());
        Throws(bytes, reader => reader.ReadConnectionId());
        if (hex.StartsWith("ff", StringComparison.Ordinal))
        {
            Throws(bytes, reader => reader.ReadCount());
        }
    }

    /// <summary>Goal: a count never exceeds the bytes that follow it, as each thing counted takes one at least.</summary>
    [TestMethod]
    public void A_count_is_bounded_by_what_follows()
    {
        Assert.AreEqual(2, new SnapshotReader(new byte[] { 2, 0, 0 }, Here).ReadCount());
        Throws(new byte[] { 3, 0, 0 }, reader => reader.ReadCount());
        Assert.AreEqual(0, new SnapshotReader(new byte[] { 0 }, Here).ReadCount());
    }

    /// <summary>Goal: fields of a fixed length are refused at any other.</summary>
    [TestMethod]
    public void Fixed_fields_have_their_length()
    {
        Throws(new byte[] { 2, 0, 0 }, reader => reader.ReadBytes(3));
        Throws((byte[])[21, .. new byte[21]], reader => reader.ReadConnectionId());
        Throws((byte[])[15, .. new byte[15]], reader => reader.ReadResetToken());
        Throws((byte[])[18, .. new byte[18]], reader => reader.ReadAddress());
        Throws((byte[])[19, 9, .. new byte[18]], reader => reader.ReadAddress());
        Throws(new byte[] { 0 }, reader => reader.End());
    }

    /// <summary>Goal: whatever the bytes, a reader gives a value or throws SnapshotException, and nothing else.</summary>
    [TestMethod]
    public void Random_bytes_throw_nothing_else()
    {
        Random random = new(11);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            SnapshotReader reader = new(bytes, There);
            try
            {
                while (!reader.IsEmpty)
                {
                    int before = reader.Remaining;
                    switch (random.Next(9))
                    {
                        case 0: _ = reader.ReadNumber(); break;
                        case 1: _ = reader.ReadSigned(); break;
                        case 2: _ = reader.ReadInstant(); break;
                        case 3: _ = reader.ReadBytes(); break;
                        case 4: _ = reader.ReadString(); break;
                        case 5: _ = reader.ReadConnectionId(); break;
                        case 6: _ = reader.ReadSection(); break;
                        case 7: _ = reader.ReadDuration(); break;
                        default: _ = reader.ReadCount(); break;
                    }

                    Assert.IsLessThan(before, reader.Remaining);
                }
            }
            catch (SnapshotException)
            {
                // The one way out.
            }
        }
    }

    /// <summary>Goal: a wiped writer holds nothing: a snapshot is made of secrets.</summary>
    [TestMethod]
    public void Wiping_overwrites()
    {
        SnapshotWriter writer = new(Here);
        writer.WriteBytes([1, 2, 3]);
        ReadOnlyMemory<byte> kept = writer.Written;
        writer.Wipe();
        Assert.AreEqual(0, writer.Written.Length);
        Assert.IsFalse(kept.Span.ContainsAnyExcept((byte)0));
    }

    private static void Throws<T>(ReadOnlyMemory<byte> bytes, Func<SnapshotReader, T> read) =>
        Assert.ThrowsExactly<SnapshotException>(() => read(new(bytes, Here)));

    private static void Throws(ReadOnlyMemory<byte> bytes, Action<SnapshotReader> read) =>
        Assert.ThrowsExactly<SnapshotException>(() => read(new(bytes, Here)));
}
