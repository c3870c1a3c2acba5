using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Net.Core.Wire;

namespace Net.Migration.Envelope;

/// <summary>Writes the entries of an image as one byte stream and cuts it into plain parts for the <see cref="SnapshotSealer"/>.</summary>
/// <remarks>
/// <code>
/// entry    kind (varint) | connection (varint) | what follows by kind
///   0 set                number (varint) | key (varint) | length (varint) | body
///   1 remove section     number | key
///   2 remove connection
///   3 version            in the place of the connection: what came before makes up this version (0 = base, then one per delta)
/// </code>
/// A section may be larger than a part: an entry runs on in the next one. Connection <see cref="ImageStore.ComponentIndex"/> is the
/// component's own state.
/// </remarks>
internal sealed class ImageWriter
{
    /// <summary>
    /// Plain bytes of a full part. A receiver takes more (<see cref="SealedPart.MaxPlain"/>); arrays of 85 kB and more are collected with the oldest generation
    /// alone, and new ones are pages that the kernel has to clear.
    /// </summary>
    public const int PartLength = 64 * 1024;

    /// <summary>Kind, connection, number, key and length.</summary>
    private const int MaxHead = 5 * sizeof(ulong);

    private readonly Queue<byte[]> _full = new();
    private byte[] _part = [];
    private int _length;
    private byte[]? _spare;

    /// <summary>Bytes that no part has taken yet.</summary>
    public long Pending => ((long)PartLength * _full.Count) + _length;

    public void Set(ulong connection, ulong number, ulong key, ReadOnlySpan<byte> body)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(body.Length, ImageStore.MaxSection, nameof(body));
        ByteWriter head = new(stackalloc byte[MaxHead]);
        WriteSection(ref head, ImageEntry.Set, connection, number, key);
        head.WriteVarInt((ulong)body.Length);
        Append(head.Written);
        Append(body);
    }

    public void RemoveSection(ulong connection, ulong number, ulong key)
    {
        ByteWriter head = new(stackalloc byte[MaxHead]);
        WriteSection(ref head, ImageEntry.RemoveSection, connection, number, key);
        Append(head.Written);
    }

    public void RemoveConnection(ulong connection) => Append(ImageEntry.RemoveConnection, connection);

    /// <summary>Ends a version.</summary>
    public void EndVersion(ulong version) => Append(ImageEntry.Version, version);

    /// <summary>The next plain part: full ones always, the rest only when <paramref name="isEnd"/>. Whoever has sealed it gives it back (<see cref="Return"/>).</summary>
    public bool TryTakePart(bool isEnd, [NotNullWhen(true)] out byte[]? part)
    {
        if (!_full.TryDequeue(out part) && _length > 0 && (isEnd || _length == PartLength))
        {
            part = _part.AsSpan(0, _length).ToArray();
            CryptographicOperations.ZeroMemory(_part.AsSpan(0, _length));
            _length = 0;
        }

        return part is not null;
    }

    /// <summary>Overwrites a part that has been sealed: it holds traffic secrets. A full one is used again.</summary>
    public void Return(byte[] part)
    {
        CryptographicOperations.ZeroMemory(part);
        _spare = part.Length == PartLength ? part : _spare;
    }

    /// <summary>Overwrites everything.</summary>
    public void Wipe()
    {
        while (_full.TryDequeue(out byte[]? part))
        {
            CryptographicOperations.ZeroMemory(part);
        }

        CryptographicOperations.ZeroMemory(_part);
        _length = 0;
    }

    private static void WriteSection(ref ByteWriter head, ImageEntry kind, ulong connection, ulong number, ulong key)
    {
        head.WriteVarInt((ulong)kind);
        head.WriteVarInt(connection);
        head.WriteVarInt(number);
        head.WriteVarInt(key);
    }

    private void Append(ImageEntry kind, ulong connection)
    {
        ByteWriter head = new(stackalloc byte[MaxHead]);
        head.WriteVarInt((ulong)kind);
        head.WriteVarInt(connection);
        Append(head.Written);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_length == _part.Length)
            {
                if (_length > 0)
                {
                    _full.Enqueue(_part);
                }

                (_part, _spare, _length) = (_spare ?? new byte[PartLength], null, 0);
            }

            int count = int.Min(bytes.Length, _part.Length - _length);
            bytes[..count].CopyTo(_part.AsSpan(_length));
            bytes = bytes[count..];
            _length += count;
        }
    }
}
