using System.Buffers;
using System.Security.Cryptography;

namespace Net.Core.Snapshots;

/// <summary>Writes the sections of one connection in as few bytes as can be, see <see cref="SectionTable"/>.</summary>
/// <remarks>
/// <code>
/// sections  length of what follows when unpacked | it, packed (ZeroPacking)
/// section   0: the next entry of the table; 1: number | key, of any section; n: the n-th entry from there
///           length - the entry's (signed) | body XOR the entry's
/// </code>
/// A section that is as the table says, which most of an idle connection's nearly are, is a row of zeros.
/// </remarks>
internal ref struct SectionWriter
{
    /// <summary>The code of a section that names itself.</summary>
    public const ulong Named = 1;

    private readonly SnapshotWriter _writer;
    private byte[] _plain;
    private int _length;
    private int _next;

    /// <param name="writer">Takes the sections at the end; until then bodies, one at a time.</param>
    public SectionWriter(SnapshotWriter writer)
    {
        _writer = writer;
        _plain = ArrayPool<byte>.Shared.Rent(2048);
    }

    public void Write(ulong number, ulong key, Action<SnapshotWriter> source)
    {
        int start = _writer.Length;
        source(_writer);
        Append(number, key, _writer.Written.Span[start..]);
        _writer.Truncate(start);
    }

    /// <summary>Ends it: nothing may be written any more.</summary>
    public void Complete()
    {
        _writer.WriteNumber((ulong)_length);
        Span<byte> room = _writer.Reserve(ZeroPacking.MaxPacked(_length));
        _writer.Advance(ZeroPacking.Pack(_plain.AsSpan(0, _length), room));
        Return(_plain, _length);
        _plain = [];
    }

    private void Append(ulong number, ulong key, ReadOnlySpan<byte> body)
    {
        Span<byte> room = Reserve(body.Length + 30);
        int index = SectionTable.Find(number, key, _next);
        int at = 0;
        if (index >= _next)
        {
            int ahead = index - _next;
            at += SnapshotWriter.Encode(ahead == 0 ? 0 : (ulong)ahead + 1, room);
        }
        else
        {
            at += SnapshotWriter.Encode(Named, room);
            at += SnapshotWriter.Encode(number, room[at..]);
            at += SnapshotWriter.Encode(key, room[at..]);
        }

        ReadOnlySpan<byte> expected = SectionTable.BodyOf(index);
        at += SnapshotWriter.Encode(SnapshotWriter.ZigZag(body.Length - expected.Length), room[at..]);
        body.CopyTo(room[at..]);
        SectionTable.Xor(room.Slice(at, body.Length), expected);
        _length += at + body.Length;
        _next = index < 0 ? _next : index + 1;
    }

    private Span<byte> Reserve(int count)
    {
        if (_length + count > _plain.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(int.Max(_length + count, 2 * _plain.Length));
            _plain.AsSpan(0, _length).CopyTo(larger);
            Return(_plain, _length);
            _plain = larger;
        }

        return _plain.AsSpan(_length);
    }

    private static void Return(byte[] plain, int length)
    {
        CryptographicOperations.ZeroMemory(plain.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(plain);
    }
}
