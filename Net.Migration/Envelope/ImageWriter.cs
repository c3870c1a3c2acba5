using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

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
    private readonly FieldWriter _bytes = new(64 * 1024);
    private int _taken;

    /// <summary>Bytes that no part has taken yet: a caller seals full parts while this is at least <see cref="SealedPart.MaxPlain"/>.</summary>
    public int Pending => _bytes.Written.Length - _taken;

    public void Set(ulong connection, ulong number, ulong key, ReadOnlySpan<byte> body)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(body.Length, ImageStore.MaxSection, nameof(body));
        Begin(ImageEntry.Set, connection);
        _bytes.WriteVarInt(number);
        _bytes.WriteVarInt(key);
        _bytes.WriteVarBytes(body);
    }

    public void RemoveSection(ulong connection, ulong number, ulong key)
    {
        Begin(ImageEntry.RemoveSection, connection);
        _bytes.WriteVarInt(number);
        _bytes.WriteVarInt(key);
    }

    public void RemoveConnection(ulong connection) => Begin(ImageEntry.RemoveConnection, connection);

    /// <summary>Ends a version.</summary>
    public void EndVersion(ulong version) => Begin(ImageEntry.Version, version);

    /// <summary>The next plain part: full ones always, the rest only when <paramref name="isEnd"/>.</summary>
    public bool TryTakePart(bool isEnd, [NotNullWhen(true)] out byte[]? part)
    {
        int length = int.Min(Pending, SealedPart.MaxPlain);
        part = null;
        if (length == 0 || (length < SealedPart.MaxPlain && !isEnd))
        {
            return false;
        }

        part = _bytes.Written.Span.Slice(_taken, length).ToArray();
        _taken += length;
        if (Pending == 0)
        {
            Wipe();
        }

        return true;
    }

    /// <summary>Overwrites everything: it holds traffic secrets.</summary>
    public void Wipe()
    {
        _bytes.Wipe();
        _taken = 0;
    }

    /// <summary>Overwrites a part that has been sealed.</summary>
    public static void Wipe(byte[] part) => CryptographicOperations.ZeroMemory(part);

    private void Begin(ImageEntry kind, ulong connection)
    {
        _bytes.WriteVarInt((ulong)kind);
        _bytes.WriteVarInt(connection);
    }
}
