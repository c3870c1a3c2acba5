using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Net.Migration.Directory;

/// <summary>Where a log ends, and how it goes on there.</summary>
/// <param name="Length">Bytes that count.</param>
/// <param name="Chain">The check of the last frame; 0 when there is none.</param>
/// <param name="Version">Of the frames to come.</param>
internal readonly record struct LogEnd(long Length, ulong Chain, ushort Version);

/// <summary>What is appended to a <see cref="DirectoryLog"/> at a time: it is there as a whole, or not at all, whatever a crash has left of its sectors.</summary>
/// <remarks>
/// <code>
/// frame    zeros, to the next sector, where less than a header is left in this one | header | body
/// header   length of body (4) | check of length (4) | check of body (8)
/// </code>
/// In every further sector that a frame reaches into, the first eight bytes of its header stand again before the body goes on. A disk writes each sector in full
/// or not at all, but those of one write in any order: so a crash may leave the end of a frame without its beginning, which looks like damage. Whichever of its
/// sectors is there says how far the frame reaches, and that it is the one behind the last whole frame, as checks are SHA-256, cut short, over the check of the frame
/// before and the bytes. So it is known to be the last: behind it is nothing but zeros. Where something is, frames have followed that were flushed, and it is damage.
/// In version 1 a frame is contiguous and begins where the one before has ended.
/// </remarks>
internal static class LogFrame
{
    /// <summary>Bytes that a disk writes in full or not at all; a larger unit is several of these.</summary>
    public const int Sector = 512;

    /// <summary>Longest body that is written or believed.</summary>
    public const int MaxBody = 64 * 1024;

    /// <summary>The same of version 1: one record.</summary>
    private const int MaxOldBody = 1024;

    private const int HeaderLength = 16;
    private const int MarkLength = 8;

    /// <summary>Bytes that are appended for such a body.</summary>
    public static int LengthOf(LogEnd end, int body)
    {
        int padding = Padding(end);
        int rest = int.Max(0, body - (IsMarked(end) ? Sector - (int)((end.Length + padding) % Sector) - HeaderLength : body));
        int marks = (rest + Sector - MarkLength - 1) / (Sector - MarkLength);
        return padding + HeaderLength + body + (marks * MarkLength);
    }

    /// <summary>The bytes to append, and the end behind them.</summary>
    public static byte[] Write(ReadOnlySpan<byte> body, ref LogEnd end)
    {
        byte[] bytes = new byte[LengthOf(end, body.Length)];
        int at = Padding(end);
        Span<byte> header = bytes.AsSpan(at, HeaderLength);
        BinaryPrimitives.WriteInt32BigEndian(header, body.Length);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], (uint)(Check(end.Chain, header[..4]) >> 32));
        ulong check = Check(end.Chain, body);
        BinaryPrimitives.WriteUInt64BigEndian(header[MarkLength..], check);
        at += HeaderLength;
        while (NextPiece(end, ref at, body.Length, out bool hasMark) is int length and > 0)
        {
            if (hasMark)
            {
                header[..MarkLength].CopyTo(bytes.AsSpan(at - MarkLength));
            }

            body[..length].CopyTo(bytes.AsSpan(at));
            body = body[length..];
            at += length;
        }

        end = end with { Length = end.Length + bytes.Length, Chain = check };
        return bytes;
    }

    /// <summary>Reads the next frame.</summary>
    /// <param name="log">The whole log.</param>
    /// <param name="end">Where it begins; behind it when there is one.</param>
    /// <param name="body">What is in it.</param>
    /// <returns>False: there is none, or the beginning of one that was never whole, to be cut off.</returns>
    /// <exception cref="DirectoryLogException">It is damaged: there are frames behind it.</exception>
    public static bool TryRead(ReadOnlySpan<byte> log, ref LogEnd end, out byte[] body)
    {
        body = [];
        ReadOnlySpan<byte> rest = log[(int)end.Length..];
        int start = Padding(end);
        if (!IsZero(rest[..int.Min(start, rest.Length)]))
        {
            throw Damaged(end);
        }

        // A header of which only the first bytes are there, and not its own check: nothing is behind it.
        if (rest.Length < start + HeaderLength || (IsZero(rest[(start + MarkLength - 1)..]) && !HasSoundLength(rest[start..], end)))
        {
            return false;
        }

        if (!HasSoundLength(rest[start..], end))
        {
            return IsTornBehindItsHeader(rest, start, end) ? false : throw Damaged(end);
        }

        body = new byte[BinaryPrimitives.ReadInt32BigEndian(rest[start..])];
        int length = LengthOf(end, body.Length);
        if (length > rest.Length)
        {
            return false;
        }

        ulong check = BinaryPrimitives.ReadUInt64BigEndian(rest[(start + MarkLength)..]);
        if (!TryCollect(rest, start, end, body) || Check(end.Chain, body) != check)
        {
            return IsZero(rest[length..]) ? false : throw Damaged(end);
        }

        end = end with { Length = end.Length + length, Chain = check };
        return true;
    }

    /// <summary>Whether bytes are what a crash may leave of an append: sectors of it, and zeros for the others and behind it.</summary>
    /// <param name="rest">All that is behind the end.</param>
    public static bool IsTorn(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> appended, LogEnd end)
    {
        for (int at = 0; at < int.Min(appended.Length, rest.Length);)
        {
            int length = int.Min(Sector - (int)((end.Length + at) % Sector), int.Min(appended.Length, rest.Length) - at);
            if (!IsZero(rest.Slice(at, length)) && !rest.Slice(at, length).SequenceEqual(appended.Slice(at, length)))
            {
                return false;
            }

            at += length;
        }

        return IsZero(rest[int.Min(appended.Length, rest.Length)..]);
    }

    public static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);

    public static DirectoryLogException Damaged(LogEnd end) => new($"the directory log is damaged at byte {end.Length}");

    /// <summary>The sector of the header was not written: then one that was says how far the frame reaches.</summary>
    private static bool IsTornBehindItsHeader(ReadOnlySpan<byte> rest, int start, LogEnd end)
    {
        int at = start + Sector - (int)((end.Length + start) % Sector);
        if (!IsMarked(end) || at > rest.Length || !IsZero(rest[start..at]))
        {
            return false;
        }

        for (; at < rest.Length; at += Sector)
        {
            ReadOnlySpan<byte> sector = rest[at..];
            if (sector.Length < MarkLength)
            {
                return true;
            }

            if (HasSoundLength(sector, end))
            {
                int length = LengthOf(end, BinaryPrimitives.ReadInt32BigEndian(sector));
                return length > at && IsZero(rest[int.Min(length, rest.Length)..]);
            }

            if (!IsZero(sector[..int.Min(Sector, sector.Length)]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryCollect(ReadOnlySpan<byte> rest, int start, LogEnd end, Span<byte> body)
    {
        int at = start + HeaderLength;
        while (NextPiece(end, ref at, body.Length, out bool hasMark) is int length and > 0)
        {
            if (hasMark && !rest.Slice(at - MarkLength, MarkLength).SequenceEqual(rest.Slice(start, MarkLength)))
            {
                return false;
            }

            rest.Slice(at, length).CopyTo(body);
            body = body[length..];
            at += length;
        }

        return true;
    }

    /// <summary>How much of a body lies together.</summary>
    /// <param name="at">Bytes behind the end; behind a mark when one is due there.</param>
    private static int NextPiece(LogEnd end, ref int at, int left, out bool hasMark)
    {
        int inSector = (int)((end.Length + at) % Sector);
        hasMark = left > 0 && inSector == 0 && IsMarked(end);
        if (hasMark)
        {
            at += MarkLength;
            inSector = MarkLength;
        }

        return IsMarked(end) ? int.Min(left, Sector - inSector) : left;
    }

    private static int Padding(LogEnd end)
    {
        int left = Sector - (int)(end.Length % Sector);
        return IsMarked(end) && left < HeaderLength ? left : 0;
    }

    private static bool IsMarked(LogEnd end) => end.Version != 1;

    private static bool HasSoundLength(ReadOnlySpan<byte> header, LogEnd end)
    {
        int length = BinaryPrimitives.ReadInt32BigEndian(header);
        return length > 0 && length <= (IsMarked(end) ? MaxBody : MaxOldBody)
            && BinaryPrimitives.ReadUInt32BigEndian(header[4..]) == (uint)(Check(end.Chain, header[..4]) >> 32);
    }

    private static ulong Check(ulong chain, ReadOnlySpan<byte> bytes)
    {
        Span<byte> input = bytes.Length <= MaxOldBody ? stackalloc byte[sizeof(ulong) + MaxOldBody] : new byte[sizeof(ulong) + bytes.Length];
        BinaryPrimitives.WriteUInt64BigEndian(input, chain);
        bytes.CopyTo(input[sizeof(ulong)..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(input[..(sizeof(ulong) + bytes.Length)], hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash);
    }
}
