using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Migration.Envelope;

/// <summary>Limits of what a destination keeps for one hand-over; a snapshot beyond them is refused.</summary>
internal sealed record ImageLimits
{
    /// <summary>Connections of one component.</summary>
    public int MaxConnections { get; init; } = 1_000_000;

    /// <summary>Sections of one connection (its streams, above all).</summary>
    public int MaxSectionsPerConnection { get; init; } = 65_536;

    /// <summary>Bytes of all sections together.</summary>
    public long MaxBytes { get; init; } = 4L << 30;
}

/// <summary>The image of a component and its connections at the destination: a base that was copied ahead, completed by deltas.</summary>
/// <remarks>
/// Nothing live is touched: an image that turns out wrong is wiped as a whole. Entries are applied as they arrive, over part boundaries;
/// what contradicts the format, the limits or itself throws <see cref="SnapshotException"/>, and ends it for good.
/// </remarks>
internal sealed class ImageStore(ImageLimits limits)
{
    /// <summary>The "connection" that stands for the component's own state.</summary>
    public const ulong ComponentIndex = 0;

    /// <summary>
    /// Most bytes of one section, which may be a whole connection: 192 MiB, more than its client can make it take (<c>ConnectionImage.MaxBytes</c>). One that
    /// is larger all the same stays behind (<c>ComponentExport.OnFinal</c>), and its component moves without it.
    /// </summary>
    public const int MaxSection = 192 * 1024 * 1024;

    private const int MaxEntryHeader = 40;

    private readonly Dictionary<ulong, Dictionary<(ulong Number, ulong Key), byte[]>> _connections = [];
    private readonly HashSet<ulong> _touched = [];
    private byte[] _pending = [];
    private int _pendingLength;
    private bool _isBroken;

    /// <summary>How many versions are complete: 1 after the base, one more per delta.</summary>
    public ulong Versions { get; private set; }

    /// <summary>Nothing is half read: a version ended with the last byte.</summary>
    public bool IsWhole => !_isBroken && _pendingLength == 0 && !_isInVersion && Versions > 0;

    public long Bytes { get; private set; }

    /// <summary>Connections, without the component itself.</summary>
    public int Connections => _connections.Count - (_connections.ContainsKey(ComponentIndex) ? 1 : 0);

    private bool _isInVersion;

    /// <summary>Applies the next bytes of the stream, which the caller then wipes.</summary>
    /// <exception cref="SnapshotException">Malformed or beyond a limit; the store is of no use any more.</exception>
    public void Apply(ReadOnlySpan<byte> part)
    {
        if (_isBroken)
        {
            throw new SnapshotException("an earlier part was wrong");
        }

        _isBroken = true;
        Append(part);
        int at = 0;
        while (at < _pendingLength && TryApplyEntry(_pending.AsSpan(at, _pendingLength - at), out int consumed))
        {
            at += consumed;
        }

        // A section may take hundreds of parts: what waits is not moved with each of them.
        if (at > 0)
        {
            Span<byte> rest = _pending.AsSpan(at, _pendingLength - at);
            rest.CopyTo(_pending);
            CryptographicOperations.ZeroMemory(_pending.AsSpan(rest.Length, _pendingLength - rest.Length));
            _pendingLength = rest.Length;
        }

        _isBroken = false;
    }

    /// <summary>The connections that are there, in no order.</summary>
    public IEnumerable<ulong> Indices => _connections.Keys;

    /// <summary>Of which a version after the base says anything, be it that they are gone; in no order.</summary>
    public IReadOnlyCollection<ulong> Touched => _touched;

    /// <summary>Bytes of one connection's sections.</summary>
    public long BytesOf(ulong connection)
    {
        long bytes = 0;
        if (_connections.TryGetValue(connection, out Dictionary<(ulong Number, ulong Key), byte[]>? entries))
        {
            foreach (byte[] body in entries.Values)
            {
                bytes += body.Length;
            }
        }

        return bytes;
    }

    public bool Contains(ulong connection) => _connections.ContainsKey(connection);

    /// <summary>The sections of one connection, ordered by number and key, so that two equal images read the same.</summary>
    public SnapshotSection[] Sections(ulong connection)
    {
        if (!_connections.TryGetValue(connection, out Dictionary<(ulong Number, ulong Key), byte[]>? entries))
        {
            return [];
        }

        SnapshotSection[] sections = new SnapshotSection[entries.Count];
        int count = 0;
        foreach (((ulong number, ulong key), byte[] body) in entries)
        {
            sections[count++] = new(number, key, body);
        }

        if (count > 1)
        {
            Array.Sort(sections, static (a, b) => (a.Number, a.Key).CompareTo((b.Number, b.Key)));
        }

        return sections;
    }

    public bool TryGet(ulong connection, ulong number, ulong key, [NotNullWhen(true)] out byte[]? body)
    {
        body = null;
        return _connections.TryGetValue(connection, out Dictionary<(ulong Number, ulong Key), byte[]>? entries)
            && entries.TryGetValue((number, key), out body);
    }

    /// <summary>Overwrites and forgets everything: after it was restored, or when it never will be.</summary>
    public void Wipe()
    {
        foreach (ulong connection in _connections.Keys)
        {
            Remove(connection);
        }

        CryptographicOperations.ZeroMemory(_pending);
        _pendingLength = 0;
        _isBroken = true;
    }

    private static SnapshotException Malformed() => new("an image entry is malformed");

    private void Append(ReadOnlySpan<byte> part)
    {
        int length = _pendingLength + part.Length;
        if (length > MaxSection + MaxEntryHeader + SealedPart.MaxPlain)
        {
            throw new SnapshotException("a section is too long");
        }

        if (length > _pending.Length)
        {
            byte[] larger = new byte[int.Max(length, 2 * _pending.Length)];
            _pending.AsSpan(0, _pendingLength).CopyTo(larger);
            CryptographicOperations.ZeroMemory(_pending);
            _pending = larger;
        }

        part.CopyTo(_pending.AsSpan(_pendingLength));
        _pendingLength = length;
    }

    /// <returns>False when the entry goes on in the next part.</returns>
    private bool TryApplyEntry(ReadOnlySpan<byte> bytes, out int consumed)
    {
        ByteReader reader = new(bytes);
        consumed = 0;
        if (!reader.TryReadVarInt(out ulong kind) || !reader.TryReadVarInt(out ulong connection))
        {
            return false;
        }

        ulong number = 0, key = 0;
        bool hasSection = (ImageEntry)kind is ImageEntry.Set or ImageEntry.RemoveSection;
        if (hasSection && (!reader.TryReadVarInt(out number) || !reader.TryReadVarInt(out key)))
        {
            return false;
        }

        bool isOfConnection = (ImageEntry)kind is not ImageEntry.Version;
        switch ((ImageEntry)kind)
        {
            case ImageEntry.Set:
                if (!reader.TryReadVarInt(out ulong length))
                {
                    return false;
                }

                if (length > MaxSection)
                {
                    throw new SnapshotException("a section is too long");
                }

                if (!reader.TryReadBytes(length, out ReadOnlySpan<byte> body))
                {
                    return false;
                }

                Set(connection, number, key, body);
                break;

            case ImageEntry.RemoveSection:
                RemoveSection(connection, number, key);
                break;

            case ImageEntry.RemoveConnection:
                Remove(connection);
                break;

            case ImageEntry.Version:
                if (connection != Versions)
                {
                    throw new SnapshotException("versions of an image are out of order");
                }

                Versions++;
                break;

            default:
                throw Malformed();
        }

        // Each connection there was may end, and another begin.
        if (isOfConnection && Versions > 0 && _touched.Add(connection) && _touched.Count / 2 > limits.MaxConnections)
        {
            throw new SnapshotException("too many connections");
        }

        _isInVersion = isOfConnection;
        consumed = reader.Position;
        return true;
    }

    private void Set(ulong connection, ulong number, ulong key, ReadOnlySpan<byte> body)
    {
        if (!_connections.TryGetValue(connection, out Dictionary<(ulong Number, ulong Key), byte[]>? entries))
        {
            if (_connections.Count > limits.MaxConnections)
            {
                throw new SnapshotException("too many connections");
            }

            _connections[connection] = entries = [];
        }

        if (entries.Remove((number, key), out byte[]? before))
        {
            Bytes -= before.Length;
            CryptographicOperations.ZeroMemory(before);
        }

        Bytes += body.Length;
        if (entries.Count >= limits.MaxSectionsPerConnection || Bytes > limits.MaxBytes)
        {
            throw new SnapshotException("the image exceeds a limit");
        }

        entries[(number, key)] = body.ToArray();
    }

    private void RemoveSection(ulong connection, ulong number, ulong key)
    {
        if (!_connections.TryGetValue(connection, out Dictionary<(ulong Number, ulong Key), byte[]>? entries)
            || !entries.Remove((number, key), out byte[]? body))
        {
            throw new SnapshotException("a section that is not there was removed");
        }

        Bytes -= body.Length;
        CryptographicOperations.ZeroMemory(body);
    }

    private void Remove(ulong connection)
    {
        if (!_connections.Remove(connection, out Dictionary<(ulong Number, ulong Key), byte[]>? entries))
        {
            throw new SnapshotException("a connection that is not there was removed");
        }

        foreach (byte[] body in entries.Values)
        {
            Bytes -= body.Length;
            CryptographicOperations.ZeroMemory(body);
        }
    }
}
