using System.Buffers.Binary;
using Net.Http3.Messages;
using Net.Http3.Qpack;

namespace Net.Tests.Http3.Qpack.Offline;

/// <summary>
/// The offline interop format of qpackers/qifs: stream id (64 bits), length (32 bits), bytes; stream 0 is the encoder stream, each
/// other one holds one field section. All of it goes through the encoder and the decoder that serve connections.
/// </summary>
internal static class OfflineCodec
{
    private const int HeadLength = sizeof(ulong) + sizeof(uint);

    /// <summary>Encodes lists, for the streams 1, 2, 3 and so on.</summary>
    /// <param name="lists">What to encode.</param>
    /// <param name="capacity">SETTINGS_QPACK_MAX_TABLE_CAPACITY of the decoder.</param>
    /// <param name="blocked">SETTINGS_QPACK_BLOCKED_STREAMS of the decoder.</param>
    /// <param name="acknowledge">Whether each section, and all that was inserted, is acknowledged at once.</param>
    /// <param name="output">Where to.</param>
    public static void Encode(IReadOnlyList<FieldSection> lists, int capacity, int blocked, bool acknowledge, Stream output)
    {
        QpackEncoder encoder = new(capacity);
        encoder.OnSettings((ulong)capacity, (ulong)blocked);
        encoder.Stream = new(0);
        byte[] section = [];
        ulong stream = 0;
        foreach (FieldSection list in lists)
        {
            stream++;
            Array.Resize(ref section, int.Max(section.Length, FieldSectionEncoder.MaxLength(list)));
            int length = encoder.Encode(stream, list, int.MaxValue, section);
            if (encoder.Pending.Count > 0)
            {
                WriteRecord(output, 0, encoder.Pending.Waiting);
                encoder.Pending.Take(encoder.Pending.Count);
            }

            WriteRecord(output, stream, section.AsSpan(0, length));
            if (acknowledge)
            {
                Acknowledge(encoder, stream, refers: section[0] != 0);
            }
        }
    }

    /// <summary>Decodes a file, whose sections may stand in front of the insertions that they need.</summary>
    /// <returns>Lists in the order of their streams; <c>null</c> for a file that breaks a rule, or needs what it does not hold.</returns>
    public static List<FieldSection>? Decode(ReadOnlySpan<byte> file, int capacity, int blocked)
    {
        QpackDecoder decoder = new(capacity, blocked);
        decoder.AssumeFullCapacity();
        SortedDictionary<ulong, FieldSection> lists = [];
        Dictionary<ulong, byte[]> waiting = [];
        while (!file.IsEmpty)
        {
            if (file.Length < HeadLength)
            {
                return null;
            }

            ulong stream = BinaryPrimitives.ReadUInt64BigEndian(file);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file[sizeof(ulong)..]);
            file = file[HeadLength..];
            if (length > (uint)file.Length)
            {
                return null;
            }

            ReadOnlySpan<byte> bytes = file[..(int)length];
            file = file[(int)length..];
            if (stream != 0)
            {
                if (!TrySection(decoder, stream, bytes, lists, waiting))
                {
                    return null;
                }

                continue;
            }

            if (decoder.OnEncoderStream(bytes).IsError)
            {
                return null;
            }

            while (decoder.TryUnblock(out ulong unblocked))
            {
                if (!waiting.Remove(unblocked, out byte[]? kept) || !TrySection(decoder, unblocked, kept, lists, waiting))
                {
                    return null;
                }
            }
        }

        return waiting.Count == 0 ? [.. lists.Values] : null;
    }

    private static bool TrySection(
        QpackDecoder decoder, ulong stream, ReadOnlySpan<byte> bytes, SortedDictionary<ulong, FieldSection> lists, Dictionary<ulong, byte[]> waiting)
    {
        FieldSection list = new();
        SectionResult result = decoder.Decode(stream, bytes, list, out _);
        // What we would tell the encoder is not part of the format.
        decoder.Pending.Take(decoder.Pending.Count);
        return result == SectionResult.Decoded ? lists.TryAdd(stream, list) : result == SectionResult.Blocked && waiting.TryAdd(stream, bytes.ToArray());
    }

    private static void Acknowledge(QpackEncoder encoder, ulong stream, bool refers)
    {
        ByteBacklog acknowledgements = new();
        if (refers)
        {
            DecoderInstructions.Write(acknowledgements, DecoderInstruction.SectionAcknowledgment, stream);
            Deliver(encoder, acknowledgements);
        }

        if (encoder.Inserted > encoder.KnownReceived)
        {
            DecoderInstructions.Write(acknowledgements, DecoderInstruction.InsertCountIncrement, encoder.Inserted - encoder.KnownReceived);
            Deliver(encoder, acknowledgements);
        }
    }

    private static void Deliver(QpackEncoder encoder, ByteBacklog acknowledgements)
    {
        if (encoder.OnDecoderStream(acknowledgements.Waiting) is { IsError: true } error)
        {
            throw new InvalidOperationException(error.ToString());
        }

        acknowledgements.Take(acknowledgements.Count);
    }

    private static void WriteRecord(Stream output, ulong stream, ReadOnlySpan<byte> bytes)
    {
        Span<byte> head = stackalloc byte[HeadLength];
        BinaryPrimitives.WriteUInt64BigEndian(head, stream);
        BinaryPrimitives.WriteUInt32BigEndian(head[sizeof(ulong)..], (uint)bytes.Length);
        output.Write(head);
        output.Write(bytes);
    }
}
