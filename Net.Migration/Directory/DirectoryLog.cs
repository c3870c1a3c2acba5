using System.Buffers.Binary;
using System.Security.Cryptography;
using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Directory;

/// <summary>The append-only form of the directory: every record as it became, one behind the other.</summary>
/// <remarks>
/// <code>
/// file     "continuum-dir" 0x00 | version (2 bytes, 1) | records
/// record   length of body (4) | check of length (4) | check of body (8) | body: <see cref="OwnershipRecord"/>
/// </code>
/// Checks are SHA-256, cut short, over the check of the record before and the bytes: a record that was moved, repeated or dropped from the
/// middle is found as well as a flipped bit. The length has a check of its own, so that a damaged length is not taken for a short tail.
/// An append that a crash cut short leaves a part of one record, or one whose body was not written in full, or zeros (file systems extend a
/// file before they fill it). It was never answered, so it is cut off. Damage anywhere else is an error, and no start.
/// </remarks>
internal static class DirectoryLog
{
    public const ushort Version = 1;

    /// <summary>Longest body that is written or believed.</summary>
    public const int MaxBody = 1024;

    private const int HeaderLength = 16;
    private const int LengthCheck = 4;
    private const int BodyCheck = 8;

    private static ReadOnlySpan<byte> Magic => "continuum-dir\0"u8;

    public static int PreambleLength => Magic.Length + sizeof(ushort);

    /// <summary>What an empty log starts with.</summary>
    public static byte[] Preamble()
    {
        byte[] preamble = new byte[PreambleLength];
        Magic.CopyTo(preamble);
        BinaryPrimitives.WriteUInt16BigEndian(preamble.AsSpan(Magic.Length), Version);
        return preamble;
    }

    /// <summary>A record as it is appended.</summary>
    /// <param name="record">What became true.</param>
    /// <param name="chain">The check of the record before; 0 for the first. Becomes that of this one.</param>
    public static byte[] Encode(OwnershipRecord record, ref ulong chain)
    {
        FieldWriter writer = new();
        record.Write(writer);
        ReadOnlySpan<byte> body = writer.Written.Span;

        byte[] bytes = new byte[HeaderLength + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, body.Length);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), (uint)(Check(chain, bytes.AsSpan(0, 4)) >> 32));
        ulong check = Check(chain, body);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(4 + LengthCheck), check);
        body.CopyTo(bytes.AsSpan(HeaderLength));
        chain = check;
        return bytes;
    }

    /// <summary>Reads a whole log.</summary>
    /// <param name="log">All bytes of the file.</param>
    /// <param name="chain">The check of the last record, for <see cref="Encode"/>.</param>
    /// <param name="length">Bytes that count; what follows is a torn tail to be cut off. 0: not even the preamble is whole.</param>
    /// <exception cref="DirectoryLogException">Not such a log, of another version, or damaged before its tail.</exception>
    public static Ownership Replay(ReadOnlySpan<byte> log, out ulong chain, out int length)
    {
        Ownership ownership = new();
        chain = 0;
        length = 0;
        if (log.Length < PreambleLength || IsZero(log))
        {
            return Magic.StartsWith(log[..int.Min(log.Length, Magic.Length)]) || IsZero(log)
                ? ownership : throw new DirectoryLogException("this is not a directory log");
        }

        if (!log.StartsWith(Magic))
        {
            throw new DirectoryLogException("this is not a directory log");
        }

        if (BinaryPrimitives.ReadUInt16BigEndian(log[Magic.Length..]) != Version)
        {
            throw new DirectoryLogException("the directory log was written by another version");
        }

        length = PreambleLength;
        while (TryReadRecord(log, ref length, ref chain, out OwnershipRecord? record))
        {
            if (!ownership.Install(record!))
            {
                throw new DirectoryLogException($"the directory log contradicts itself before byte {length}");
            }
        }

        return ownership;
    }

    private static bool TryReadRecord(ReadOnlySpan<byte> log, ref int at, ref ulong chain, out OwnershipRecord? record)
    {
        record = null;
        ReadOnlySpan<byte> rest = log[at..];
        if (rest.Length < HeaderLength || IsZero(rest[(4 + LengthCheck - 1)..]))
        {
            // A header whose checks end in zeros by chance is still whole when its body is there.
            if (rest.Length < HeaderLength || !HasSoundLength(rest, chain))
            {
                return false;
            }
        }

        if (!HasSoundLength(rest, chain))
        {
            throw new DirectoryLogException($"the directory log is damaged at byte {at}");
        }

        int bodyLength = BinaryPrimitives.ReadInt32BigEndian(rest);
        if (bodyLength > rest.Length - HeaderLength)
        {
            return false;
        }

        ReadOnlySpan<byte> body = rest.Slice(HeaderLength, bodyLength);
        ulong check = BinaryPrimitives.ReadUInt64BigEndian(rest[(4 + LengthCheck)..]);
        if (Check(chain, body) != check)
        {
            return IsZero(rest[(HeaderLength + bodyLength)..]) ? false
                : throw new DirectoryLogException($"the directory log is damaged at byte {at}");
        }

        ByteReader reader = new(body);
        if (!OwnershipRecord.TryRead(ref reader, out record) || !reader.IsEmpty)
        {
            throw new DirectoryLogException($"the directory log holds an unknown record at byte {at}");
        }

        at += HeaderLength + bodyLength;
        chain = check;
        return true;
    }

    private static bool HasSoundLength(ReadOnlySpan<byte> header, ulong chain) =>
        BinaryPrimitives.ReadInt32BigEndian(header) is > 0 and <= MaxBody
        && BinaryPrimitives.ReadUInt32BigEndian(header[4..]) == (uint)(Check(chain, header[..4]) >> 32);

    private static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);

    private static ulong Check(ulong chain, ReadOnlySpan<byte> bytes)
    {
        Span<byte> input = stackalloc byte[sizeof(ulong) + MaxBody];
        BinaryPrimitives.WriteUInt64BigEndian(input, chain);
        bytes.CopyTo(input[sizeof(ulong)..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(input[..(sizeof(ulong) + bytes.Length)], hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash[..BodyCheck]);
    }
}
