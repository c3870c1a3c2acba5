using CsCheck;
using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Qpack;

/// <summary>QPACK's codecs: what is written is what is read, however it is cut; what is not an instruction or a section is refused for little memory.</summary>
[TestClass]
public sealed class QpackPropertyTests
{
    private const int Times = 300;

    private static readonly Gen<ulong> s_varInts = Gen.Int[0, 61].SelectMany(bits => Gen.ULong[0, (2UL << bits) - 1]);
    // One byte per character: what HTTP permits is for others to judge.
    private static readonly Gen<string> s_texts = Gen.OneOf(Gen.String[Gen.Char['\0', '\xFF'], 0, 40], Gen.String[Gen.Char['a', 'z'], 0, 120]);
    private static readonly Gen<(string Name, string Value)[]> s_fields = Gen.Select(
        Gen.OneOf(One(":method", "cookie", "authorization", "accept", "x-one", "x-two", "content-type"), s_texts),
        Gen.OneOf(One("", "GET", "*/*", "text/html", "a value that comes again and again"), s_texts)).Array[0, 12];

    [TestMethod]
    public void Integers() => Gen.Select(s_varInts, Gen.Int[1, 8], Gen.Byte).Sample(
        (value, prefix, flags) =>
        {
            ByteWriter writer = new(new byte[16]);
            PrefixedInteger.Write(ref writer, (byte)(flags >> prefix << prefix), prefix, value);
            ByteReader reader = new(writer.Written), cut = new(writer.Written[..^1]);
            return writer.Position == PrefixedInteger.Length(value, prefix) && writer.Written[0] >> prefix == flags >> prefix
                && !PrefixedInteger.TryRead(ref cut, prefix, out _)
                && PrefixedInteger.TryRead(ref reader, prefix, out ulong read) && read == value && reader.IsEmpty;
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Strings() => Gen.Select(s_texts, Gen.Int[3, 7]).Sample(
        (text, prefix) =>
        {
            ByteWriter writer = new(new byte[text.Length + 10]);
            QpackString.Write(ref writer, 0, prefix, text);
            Assert.AreEqual(QpackString.Length(text, prefix), writer.Position);
            ByteReader reader = new(writer.Written);
            bool isHuffman = (writer.Written[0] & (1 << prefix)) != 0;
            return PrefixedInteger.TryRead(ref reader, prefix, out ulong length) && reader.TryReadBytes(length, out ReadOnlySpan<byte> bytes) && reader.IsEmpty
                && QpackString.TryDecode(bytes, isHuffman, new byte[Huffman.MaxDecodedLength(bytes.Length) + 1], out string read) && read == text;
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Decoder_instructions() => Gen.Select(Gen.Select(Gen.Int[0, 2], s_varInts).Array[1, 10], Gen.Int[1, 20]).Sample(
        (instructions, piece) =>
        {
            ByteBacklog backlog = new();
            foreach ((int kind, ulong value) in instructions)
            {
                DecoderInstructions.Write(backlog, (DecoderInstruction)kind, value);
            }

            DecoderInstructions state = default;
            List<(int, ulong)> read = [];
            for (ReadOnlySpan<byte> rest = backlog.Waiting; !rest.IsEmpty; rest = rest[int.Min(piece, rest.Length)..])
            {
                ReadOnlySpan<byte> input = rest[..int.Min(piece, rest.Length)];
                InstructionRead result;
                while ((result = state.Read(ref input, out DecoderInstruction kind, out ulong value)) == InstructionRead.Done)
                {
                    read.Add(((int)kind, value));
                }

                Assert.AreEqual(InstructionRead.More, result);
                // As a move would cut it.
                SnapshotWriter writer = new(default);
                state.Export(writer);
                state = DecoderInstructions.Import(new(writer.Written.ToArray(), default));
            }

            return read.SequenceEqual(instructions);
        },
        iter: Times, threads: 1);

    /// <summary>Goal: an encoder's instructions and sections, cut anywhere, give a decoder the same fields, with any table and any number of blocked streams.</summary>
    [TestMethod]
    public void Sections_and_encoder_instructions() => Gen.Select(s_fields.Array[1, 8], Gen.Int[0, 2000], Gen.Int[0, 3], Gen.Int[1, 50]).Sample(
        (sections, capacity, blocked, piece) =>
        {
            QpackEncoder encoder = new(capacity) { Stream = new(2) };
            encoder.OnSettings((ulong)capacity, (ulong)blocked);
            QpackDecoder decoder = new(capacity, blocked);
            ulong stream = 0;
            foreach (FieldSection fields in sections.Select(section => new FieldSection([.. section.Select(field => new Field(field.Name, field.Value))])))
            {
                byte[] bytes = Encode(encoder, stream, fields);
                for (int at = 0; at < encoder.Pending.Count; at += piece)
                {
                    ReadOnlySpan<byte> waiting = encoder.Pending.Waiting[at..];
                    Assert.IsFalse(decoder.OnEncoderStream(waiting[..int.Min(piece, waiting.Length)]).IsError);
                }

                encoder.Pending.Take(encoder.Pending.Count);
                FieldSection got = new();
                Assert.AreEqual(SectionResult.Decoded, decoder.Decode(stream, bytes, got, out Http3Error error), error.ToString());
                CollectionAssert.AreEqual(fields.ToArray(), got.ToArray());
                Assert.IsFalse(encoder.OnDecoderStream(decoder.Pending.Waiting).IsError);
                decoder.Pending.Take(decoder.Pending.Count);
                stream += 4;
            }

            return encoder.Inserted == decoder.Inserted;
        },
        iter: Times, threads: 1);

    /// <summary>
    /// Goal: sections and instructions with turned bits, cut, doubled, or made of random bytes, are read or refused; the table stays within its capacity, and
    /// what is kept of all that came is no larger than the table and one instruction.
    /// </summary>
    [TestMethod]
    public void Hostile_bytes_neither_throw_nor_grow() => Gen.Select(s_fields, Gen.Int[0, 300], Gen.Int[0, 2], Gen.Byte.Array[0, 60], Gen.Int[0, 1 << 20]).Sample(
        (section, capacity, blocked, noise, seed) =>
        {
            Random random = new(seed);
            QpackEncoder encoder = new(capacity) { Stream = new(2) };
            encoder.OnSettings((ulong)capacity, (ulong)blocked);
            FieldSection fields = new([.. section.Select(field => new Field(field.Name, field.Value))]);
            byte[] bytes = Encode(encoder, 0, fields), instructions = encoder.Pending.Waiting.ToArray();
            QpackDecoder decoder = new(capacity, blocked);
            Http3Error error = default;
            foreach (byte[] part in (byte[][])[Mutate(random, instructions), instructions, noise, Mutate(random, instructions)])
            {
                foreach (byte[] piece in part.Chunk(random.Next(1, 20)))
                {
                    error = error.IsError ? error : decoder.OnEncoderStream(piece);
                }
            }

            Assert.IsTrue(!error.IsError || error.Code == Http3ErrorCode.QpackEncoderStreamError);
            SnapshotWriter writer = new(default);
            decoder.Export(writer);
            // Strings are kept as they are; an instruction in the making has two of at most four times the capacity.
            Assert.IsLessThan((10 * capacity) + 100, writer.Written.Length);
            foreach (byte[] payload in (byte[][])[Mutate(random, bytes), bytes, noise])
            {
                FieldSection got = new();
                SectionResult result = decoder.Decode(0, payload, got, out error);
                Assert.AreEqual(result == SectionResult.Failed, error.IsError);
                Assert.IsLessThanOrEqualTo(Http3Limits.MaxFieldSectionSize, got.Size);
            }

            foreach (byte[] piece in Mutate(random, [.. noise, 0x80, 0x01]).Chunk(3))
            {
                if (encoder.OnDecoderStream(piece) is { IsError: true } said)
                {
                    Assert.AreEqual(Http3ErrorCode.QpackDecoderStreamError, said.Code);
                    break;
                }
            }

            return encoder.KnownReceived <= encoder.Inserted;
        },
        iter: 1000, threads: 1);

    private static Gen<string> One(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static byte[] Encode(QpackEncoder encoder, ulong stream, FieldSection fields)
    {
        byte[] buffer = new byte[FieldSectionEncoder.MaxLength(fields)];
        return buffer[..encoder.Encode(stream, fields, 100_000, buffer)];
    }

    private static byte[] Mutate(Random random, byte[] bytes)
    {
        if (bytes.Length == 0)
        {
            return bytes;
        }

        byte[] changed = [.. bytes];
        int at = random.Next(changed.Length);
        switch (random.Next(4))
        {
            case 0:
                changed[at] ^= (byte)(1 << random.Next(8));
                return changed;
            case 1:
                return changed[..at];
            case 2:
                return [.. changed[..at], .. changed];
            default:
                random.NextBytes(changed.AsSpan(at));
                return changed;
        }
    }
}
