using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Directory;

/// <summary>The append-only form of the directory: every record as it became, one behind the other, and those that were flushed together in one frame.</summary>
/// <remarks>
/// <code>
/// file     "continuum-dir" 0x00 | version (2 bytes) | frames: <see cref="LogFrame"/>
/// body     <see cref="OwnershipRecord"/>, one or more; in a base, three zeros stand before them
/// </code>
/// A record that was moved, repeated or dropped from the middle is found as well as a flipped bit, as each frame's check covers the one before. An append that a crash
/// has cut short (any of its sectors, or zeros, as file systems extend a file before they fill it) was never answered, and is cut off. Damage anywhere else is an error,
/// and no start.
/// A whole frame is taken as true, although a crash may have come before its answers: that is as if those were lost, and whoever asks again under a new number is told
/// that it is done, as its write finds the record as it would leave it (<see cref="Ownership"/>).
/// A log that has become long is written anew, with a base: frames that come before all others, and hold each record as it is by then, at whatever epoch, in the
/// order of their shards.
/// A log of version 1 has frames of one record, and goes on as one of version 2 behind a frame that says so, which a release that knows version 1 alone refuses to read.
/// </remarks>
internal static class DirectoryLog
{
    public const ushort Version = 2;

    private const ushort OldVersion = 1;

    private static ReadOnlySpan<byte> Magic => "continuum-dir\0"u8;

    /// <summary>No record, as a component's name is not empty.</summary>
    private static ReadOnlySpan<byte> Step => [0, 0, (byte)Version];

    /// <summary>As little a record as that.</summary>
    private static ReadOnlySpan<byte> Base => [0, 0, 0];

    public static int PreambleLength => Magic.Length + sizeof(ushort);

    /// <summary>What an empty log starts with.</summary>
    public static byte[] Preamble(out LogEnd end)
    {
        byte[] preamble = new byte[PreambleLength];
        Magic.CopyTo(preamble);
        BinaryPrimitives.WriteUInt16BigEndian(preamble.AsSpan(Magic.Length), Version);
        end = new(preamble.Length, 0, Version);
        return preamble;
    }

    /// <summary>What has to be appended, and flushed, before anything else; empty for a log of this version.</summary>
    /// <param name="end">Where; then behind it.</param>
    public static byte[] StepUp(ref LogEnd end)
    {
        if (end.Version == Version)
        {
            return [];
        }

        byte[] bytes = LogFrame.Write(Step, ref end);
        end = end with { Version = Version };
        return bytes;
    }

    /// <summary>A record as it stands in a body.</summary>
    public static byte[] Write(OwnershipRecord record)
    {
        FieldWriter writer = new();
        record.Write(writer);
        return writer.Written.ToArray();
    }

    /// <summary>Bytes that are appended in all for such a body.</summary>
    public static int LengthOf(LogEnd end, int body)
    {
        int step = StepUp(ref end).Length;
        return step + LogFrame.LengthOf(end, body);
    }

    /// <summary>Records that become true together, as they are appended.</summary>
    /// <param name="records">As <see cref="Write"/> has them; at most <see cref="LogFrame.MaxBody"/> bytes.</param>
    /// <param name="end">Where; then behind them.</param>
    public static byte[] Encode(IEnumerable<byte[]> records, ref LogEnd end)
    {
        FieldWriter body = new();
        foreach (byte[] record in records)
        {
            body.WriteBytes(record);
        }

        return LogFrame.Write(body.Written.Span, ref end);
    }

    /// <summary>A log as short as can be, in which these records are what has become true.</summary>
    public static byte[] Rewrite(IEnumerable<OwnershipRecord> records, out LogEnd end)
    {
        using MemoryStream log = new();
        log.Write(Preamble(out end));
        List<byte> body = [.. Base];
        foreach (OwnershipRecord record in records.OrderBy(static record => record.Shard))
        {
            byte[] bytes = Write(record);
            if (body.Count + bytes.Length > LogFrame.MaxBody)
            {
                log.Write(LogFrame.Write(CollectionsMarshal.AsSpan(body), ref end));
                body = [.. Base];
            }

            body.AddRange(bytes);
        }

        if (body.Count > Base.Length)
        {
            log.Write(LogFrame.Write(CollectionsMarshal.AsSpan(body), ref end));
        }

        return log.ToArray();
    }

    /// <summary>Reads a whole log.</summary>
    /// <param name="log">All bytes of the file.</param>
    /// <param name="end">Behind what counts; what follows is a torn tail to be cut off. At 0: not even the preamble is whole.</param>
    /// <exception cref="DirectoryLogException">Not such a log, of another version, or damaged before its tail.</exception>
    public static Ownership Replay(ReadOnlySpan<byte> log, out LogEnd end)
    {
        Ownership ownership = new();
        end = default;
        if (log.Length < PreambleLength || LogFrame.IsZero(log))
        {
            return Magic.StartsWith(log[..int.Min(log.Length, Magic.Length)]) || LogFrame.IsZero(log)
                ? ownership : throw new DirectoryLogException("this is not a directory log");
        }

        if (!log.StartsWith(Magic))
        {
            throw new DirectoryLogException("this is not a directory log");
        }

        ushort version = BinaryPrimitives.ReadUInt16BigEndian(log[Magic.Length..]);
        if (version is not (Version or OldVersion))
        {
            throw new DirectoryLogException("the directory log was written by another version");
        }

        end = new(PreambleLength, 0, version);
        bool isBase = version == Version;
        while (!IsTornStep(log, end) && LogFrame.TryRead(log, ref end, out byte[] body))
        {
            if (end.Version == OldVersion && body.AsSpan().SequenceEqual(Step))
            {
                end = end with { Version = Version };
                continue;
            }

            isBase &= body.AsSpan().StartsWith(Base);
            Install(isBase ? body.AsSpan(Base.Length) : body, isBase, end, ownership);
        }

        return ownership;
    }

    private static void Install(ReadOnlySpan<byte> body, bool isBase, LogEnd end, Ownership ownership)
    {
        ByteReader reader = new(body);
        do
        {
            if (!OwnershipRecord.TryRead(ref reader, out OwnershipRecord? record) || (end.Version == OldVersion && !reader.IsEmpty))
            {
                throw new DirectoryLogException($"the directory log holds an unknown record before byte {end.Length}");
            }

            if (!(isBase ? ownership.InstallFirst(record!) : ownership.Install(record!)))
            {
                throw new DirectoryLogException($"the directory log contradicts itself before byte {end.Length}");
            }
        }
        while (!reader.IsEmpty);
    }

    /// <summary>A frame of version 1 does not say in each of its sectors how long it is; but of this one every byte is known.</summary>
    private static bool IsTornStep(ReadOnlySpan<byte> log, LogEnd end)
    {
        ReadOnlySpan<byte> rest = log[(int)end.Length..];
        byte[] step = StepUp(ref end);
        return step.Length > 0 && !rest.StartsWith(step) && LogFrame.IsTorn(rest, step, end with { Length = end.Length - step.Length });
    }
}
