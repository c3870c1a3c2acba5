using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Net.Core.Snapshots;

/// <summary>Reads what <see cref="SectionWriter"/> wrote. Hostile input: every length is bounded by what has come.</summary>
/// <param name="plain">The sections, unpacked: <see cref="Unpack"/>. Bodies are parts of it, and become what they were in place.</param>
internal sealed class SectionReader(ReadOnlyMemory<byte> plain)
{
    private readonly SnapshotReader _reader = new(plain, default);
    private int _next;

    /// <summary>The rest of an export, unpacked.</summary>
    /// <param name="most">Bytes that it may be.</param>
    /// <returns>In an array that goes from one connection to the next: <see cref="Return"/> it, when nothing refers to its sections any more.</returns>
    /// <exception cref="SnapshotException">Malformed, or longer than <paramref name="most"/> or than so few bytes can be.</exception>
    public static ArraySegment<byte> Unpack(SnapshotReader reader, int most)
    {
        int length = (int)reader.ReadNumber(ulong.Min((ulong)most, (ulong)reader.Remaining * ZeroPacking.MaxGrowth));
        ArraySegment<byte> plain = new(ArrayPool<byte>.Shared.Rent(length), 0, length);
        if (!ZeroPacking.TryUnpack(reader.ReadRest().Span, plain))
        {
            Return(plain);
            throw new SnapshotException("sections are not packed as they should be");
        }

        return plain;
    }

    /// <summary>Overwrites what was unpacked: it holds traffic secrets.</summary>
    public static void Return(ArraySegment<byte> plain)
    {
        CryptographicOperations.ZeroMemory(plain);
        ArrayPool<byte>.Shared.Return(plain.Array!);
    }

    /// <returns>False at the end.</returns>
    /// <exception cref="SnapshotException">Malformed.</exception>
    public bool TryRead(out SnapshotSection section)
    {
        section = default;
        if (_reader.IsEmpty)
        {
            return false;
        }

        ulong code = _reader.ReadNumber((ulong)SectionTable.Count + 1);
        int index;
        ulong number, key;
        if (code == SectionWriter.Named)
        {
            (number, key) = (_reader.ReadNumber(), _reader.ReadNumber());
            index = SectionTable.Find(number, key, _next);
        }
        else
        {
            index = _next + int.Max(0, (int)code - 1);
            (number, key) = index < SectionTable.Count ? SectionTable.NameOf(index) : throw new SnapshotException("a section has a place behind the last");
        }

        ReadOnlySpan<byte> expected = SectionTable.BodyOf(index);
        long length = expected.Length + _reader.ReadSigned();
        if (length < 0 || length > _reader.Remaining)
        {
            throw new SnapshotException("a section is cut short");
        }

        ReadOnlyMemory<byte> body = _reader.ReadRaw((int)length);
        SectionTable.Xor(MemoryMarshal.AsMemory(body).Span, expected);
        section = new(number, key, body);
        _next = index < 0 ? _next : index + 1;
        return true;
    }
}
