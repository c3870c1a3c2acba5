using Net.Migration.Envelope;

namespace Net.Tests.Migration.Envelope;

/// <summary>An image as it is written, cut into parts.</summary>
[TestClass]
public sealed class ImageWriterTests
{
    /// <summary>Goal: what is full may leave before the end, in arrays that are none of the large ones; behind the end nothing is left.</summary>
    [TestMethod]
    public void Full_parts_leave_before_the_end()
    {
        ImageWriter writer = new();
        Assert.IsFalse(writer.TryTakePart(isEnd: true, out _));
        writer.Set(1, 2, 3, new byte[(2 * ImageWriter.PartLength) + 10]);
        Assert.IsTrue(writer.TryTakePart(isEnd: false, out byte[]? first));
        Assert.IsTrue(writer.TryTakePart(isEnd: false, out byte[]? second));
        Assert.AreEqual((ImageWriter.PartLength, ImageWriter.PartLength), (first.Length, second.Length));
        Assert.IsFalse(writer.TryTakePart(isEnd: false, out _), "the rest waits for more");
        writer.EndVersion(0);
        Assert.IsTrue(writer.TryTakePart(isEnd: true, out byte[]? rest));
        Assert.IsLessThan(85_000, ImageWriter.PartLength + SealedPart.TagLength);

        ImageStore store = new(new());
        store.Apply(first);
        store.Apply(second);
        store.Apply(rest);
        Assert.IsTrue(store.IsWhole);
        Assert.IsTrue(store.TryGet(1, 2, 3, out byte[]? body));
        Assert.HasCount((2 * ImageWriter.PartLength) + 10, body);
        Assert.AreEqual(0, writer.Pending);
    }

    /// <summary>Goal: a part that ends with its array is a full one, whether there is more or not.</summary>
    [TestMethod]
    public void A_part_may_end_with_its_array()
    {
        ImageWriter writer = new();
        // The head of an entry with a body of this size takes seven bytes.
        writer.Set(1, 2, 3, new byte[ImageWriter.PartLength - 8]);
        Assert.AreEqual(ImageWriter.PartLength, writer.Pending);
        Assert.IsTrue(writer.TryTakePart(isEnd: false, out byte[]? part));
        Assert.HasCount(ImageWriter.PartLength, part);
        Assert.AreEqual(0, writer.Pending);
        Assert.IsFalse(writer.TryTakePart(isEnd: true, out _));
    }

    /// <summary>Goal: what is given back is overwritten and used again, what is left is overwritten with the whole.</summary>
    [TestMethod]
    public void What_is_given_back_is_overwritten_and_used_again()
    {
        ImageWriter writer = new();
        byte[] body = new byte[ImageWriter.PartLength];
        Array.Fill(body, (byte)7);
        writer.Set(1, 2, 3, body);
        Assert.IsTrue(writer.TryTakePart(isEnd: false, out byte[]? part));
        writer.Return(part);
        Assert.IsFalse(part.AsSpan().ContainsAnyExcept((byte)0));
        writer.Set(1, 2, 4, body);
        writer.Set(1, 2, 5, body);
        Assert.IsTrue(writer.TryTakePart(isEnd: false, out _));
        Assert.IsTrue(writer.TryTakePart(isEnd: false, out byte[]? again));
        Assert.AreSame(part, again);
        writer.Wipe();
        Assert.AreEqual(0, writer.Pending);
        Assert.IsFalse(writer.TryTakePart(isEnd: true, out _));
    }

    /// <summary>Goal: fields may be keys, so what their writer has outgrown is overwritten, and what it wrote when it is wiped.</summary>
    [TestMethod]
    public void What_fields_outgrow_is_overwritten()
    {
        FieldWriter writer = new(16);
        writer.WriteUInt64(ulong.MaxValue);
        ReadOnlyMemory<byte> outgrown = writer.Written;
        writer.WriteVarBytes(new byte[1000]);
        Assert.IsFalse(outgrown.Span.ContainsAnyExcept((byte)0));
        Assert.AreEqual(8 + 2 + 1000, writer.Written.Length);
        Assert.AreEqual(byte.MaxValue, writer.Written.Span[7]);
        ReadOnlyMemory<byte> written = writer.Written;
        writer.Wipe();
        Assert.IsFalse(written.Span.ContainsAnyExcept((byte)0));
        Assert.AreEqual(0, writer.Written.Length);
    }
}
