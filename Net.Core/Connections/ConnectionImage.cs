using System.Runtime.InteropServices;
using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>What has arrived of a connection: a full export, completed by later ones that hold only what changed.</summary>
/// <remarks>
/// Each export carries the source's time. A section that came with an early export holds ages of that time: it is read as that much older,
/// so that instants stay where they were. One image takes thousands of connections one after the other, and makes next to nothing new for each: what a
/// restore leaves as garbage decides whether the collector copies the rest or lets it lie (docs/speed.md).
/// </remarks>
internal sealed class ConnectionImage
{
    /// <summary>Sections that one connection may have: a few dozen, and a handful for each stream.</summary>
    public const int MaxSections = 100_000;

    /// <summary>
    /// Bytes that all exports of one connection may be together when they are unpacked: 256 MiB, a copy ahead and all of it once more in the freeze. With the
    /// limits that are usual a client can make its connection grow to some 120 MiB: 16 MiB received ahead of the readers (half as much again, when they are cut
    /// as badly as can be), 512 KiB to be sent on each of 100 streams, 16 MiB of tethers, and the fields of 100 requests.
    /// </summary>
    public const int MaxBytes = 256 * 1024 * 1024;

    /// <summary>Readers that are kept: a connection with many streams needs more, which nobody keeps.</summary>
    private const int MaxReaders = 64;

    private readonly Dictionary<(ulong Section, ulong Key), (ReadOnlyMemory<byte> Body, long ExportedAt)> _sections = [];
    private readonly List<ArraySegment<byte>> _plain = [];
    private readonly SnapshotReader _part = new(default, default);
    // Handed out, and taken again for the next connection.
    private readonly List<SnapshotReader> _readers = [];
    private readonly List<(SnapshotSection Section, Instant Now)> _above = [];
    private int _readersInUse;
    private int _plainLength;
    private long _exportedAt;

    /// <summary>Bytes held.</summary>
    public long Size { get; private set; }

    /// <param name="export">What one call of <see cref="Connection.Export"/> (and of the layers above it) wrote. It is copied.</param>
    /// <exception cref="SnapshotException">Malformed, beyond a limit, or older than what is here.</exception>
    public void Apply(ReadOnlyMemory<byte> export)
    {
        SnapshotReader reader = Rent(export, default);
        long exportedAt = ReadHead(reader);
        if (_sections.Count > 0 && exportedAt < _exportedAt)
        {
            throw new SnapshotException("an older export follows a newer one");
        }

        // At once for those of an idle connection, rather than bit by bit.
        _ = _sections.EnsureCapacity(SectionTable.Count);
        ArraySegment<byte> plain = SectionReader.Unpack(reader, MaxBytes - _plainLength);
        _plain.Add(plain);
        _plainLength += plain.Count;
        SectionReader sections = new(plain);
        while (sections.TryRead(out SnapshotSection section))
        {
            if (section.Number == SectionNumber.Removed)
            {
                Remove(Rent(section.Body, default));
                continue;
            }

            if (_sections.TryGetValue((section.Number, section.Key), out (ReadOnlyMemory<byte> Body, long ExportedAt) old))
            {
                Size -= old.Body.Length;
            }

            _sections[(section.Number, section.Key)] = (section.Body, exportedAt);
            Size += section.Body.Length;
            if (_sections.Count > MaxSections)
            {
                throw new SnapshotException("a connection has too many sections");
            }
        }

        _exportedAt = exportedAt;
    }

    /// <summary>When the source wrote an export, by its own clock.</summary>
    /// <exception cref="SnapshotException">It is none.</exception>
    public static long ReadExportedAt(ReadOnlyMemory<byte> export) => ReadHead(new(export, default));

    /// <summary>Bytes of an export's sections, unpacked.</summary>
    /// <exception cref="SnapshotException">It is none.</exception>
    public static int ReadLength(ReadOnlyMemory<byte> export)
    {
        SnapshotReader reader = new(export, default);
        _ = ReadHead(reader);
        return (int)reader.ReadNumber(int.MaxValue);
    }

    private static long ReadHead(SnapshotReader reader) => reader.ReadNumber() == ConnectionSnapshot.Format
        ? reader.ReadSigned()
        : throw new SnapshotException("the snapshot has a format that is not known here");

    /// <summary>Nothing has changed up to this time of the source's clock: all of it is that much older.</summary>
    /// <exception cref="SnapshotException">The last export is later.</exception>
    public void Advance(long time)
    {
        if (time < _exportedAt)
        {
            throw new SnapshotException("a component stood still before its connections were written down");
        }

        _exportedAt = time;
    }

    private void Remove(SnapshotReader reader)
    {
        while (!reader.IsEmpty)
        {
            if (!_sections.Remove((reader.ReadNumber(), reader.ReadNumber()), out (ReadOnlyMemory<byte> Body, long ExportedAt) old))
            {
                throw new SnapshotException("a section is removed that is not there");
            }

            Size -= old.Body.Length;
        }
    }

    /// <returns>To be read before <see cref="Wipe"/>, which has it read something else.</returns>
    /// <exception cref="SnapshotException">There is no such section.</exception>
    public SnapshotReader Read(ulong section, ulong key, Instant now) =>
        TryRead(section, key, now, out SnapshotReader? reader) ? reader : throw new SnapshotException("a required section is missing");

    public bool TryRead(ulong section, ulong key, Instant now, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SnapshotReader? reader)
    {
        bool found = _sections.TryGetValue((section, key), out (ReadOnlyMemory<byte> Body, long ExportedAt) stored);
        reader = found ? Rent(stored.Body, now - new TimeSpan(_exportedAt - stored.ExportedAt)) : null;
        return found;
    }

    public TPart Read<TPart>(Instant now, ulong key = 0) where TPart : IPart<TPart>
    {
        if (!_sections.TryGetValue((TPart.Section, key), out (ReadOnlyMemory<byte> Body, long ExportedAt) stored))
        {
            throw new SnapshotException("a required section is missing");
        }

        // A part reads its own section alone, so one reader serves for all.
        _part.Restart(stored.Body, now - new TimeSpan(_exportedAt - stored.ExportedAt));
        TPart part = TPart.Import(_part);
        _part.End();
        return part;
    }

    /// <summary>All sections, each with the moment that its ages count from.</summary>
    public IEnumerable<(SnapshotSection Section, Instant Now)> Sections(Instant now) =>
        _sections.Select(s => (new SnapshotSection(s.Key.Section, s.Key.Key, s.Value.Body), now - new TimeSpan(_exportedAt - s.Value.ExportedAt)));

    /// <summary>As <see cref="Sections(Instant)"/>, those of the layers above QUIC. To be read before the next call of anything here.</summary>
    public ReadOnlySpan<(SnapshotSection Section, Instant Now)> SectionsAbove(Instant now)
    {
        _above.Clear();
        foreach (((ulong section, ulong key), (ReadOnlyMemory<byte> body, long exportedAt)) in _sections)
        {
            if (section >= SectionNumber.Http3Connection)
            {
                _above.Add((new(section, key, body), now - new TimeSpan(_exportedAt - exportedAt)));
            }
        }

        return CollectionsMarshal.AsSpan(_above);
    }

    /// <summary>Whether there is any section of a number.</summary>
    public bool Has(ulong section)
    {
        foreach ((ulong number, ulong _) in _sections.Keys)
        {
            if (number == section)
            {
                return true;
            }
        }

        return false;
    }

    /// <exception cref="SnapshotException">A required section has a number that <paramref name="isKnown"/> does not know.</exception>
    public void ThrowIfUnknown(Func<ulong, bool> isKnown)
    {
        foreach ((ulong section, _) in _sections.Keys)
        {
            if (section % 2 == 0 && !isKnown(section))
            {
                throw new SnapshotException("a required section is not known here");
            }
        }
    }

    /// <summary>Overwrites what is here: it holds traffic secrets. Then it is as new, and may take another connection.</summary>
    public void Wipe()
    {
        foreach (ArraySegment<byte> plain in _plain)
        {
            SectionReader.Return(plain);
        }

        _plain.Clear();
        (_plainLength, _exportedAt, Size) = (0, 0, 0);
        _part.Restart(default, default);
        foreach (SnapshotReader reader in _readers)
        {
            reader.Restart(default, default);
        }

        _readersInUse = 0;
        _above.Clear();
        _sections.Clear();
    }

    private SnapshotReader Rent(ReadOnlyMemory<byte> body, Instant now)
    {
        if (_readersInUse == MaxReaders)
        {
            return new(body, now);
        }

        if (_readersInUse == _readers.Count)
        {
            _readers.Add(new(default, default));
        }

        SnapshotReader reader = _readers[_readersInUse++];
        reader.Restart(body, now);
        return reader;
    }
}
