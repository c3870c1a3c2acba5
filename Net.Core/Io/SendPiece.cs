using System.Buffers;

namespace Net.Core.Io;

/// <summary>Bytes to be sent, where they are: what was received need not be copied to be sent on.</summary>
/// <param name="Memory">Pinned for good, and not written to before the send.</param>
/// <param name="Start">Of the first byte.</param>
/// <param name="Length">At least 1.</param>
internal readonly record struct SendPiece(byte[] Memory, int Start, int Length)
{
    public Span<byte> Bytes => Memory.AsSpan(Start, Length);

    /// <summary>Without the first bytes.</summary>
    public SendPiece Skip(int count) => new(Memory, Start + count, Length - count);

    /// <summary>How many of the pieces, from the first on, have so many bytes.</summary>
    public static int Count(ReadOnlySpan<SendPiece> pieces, int length)
    {
        int count = 0;
        for (; length > 0; count++)
        {
            length -= pieces[count].Length;
        }

        return count;
    }

    /// <summary>The pieces that have so many bytes, as one: a copy if there are several.</summary>
    public static Joined Join(ReadOnlySpan<SendPiece> pieces, int length)
    {
        int count = Count(pieces, length);
        if (count <= 1)
        {
            return new(count == 0 ? [] : pieces[0].Bytes, count, null);
        }

        byte[] copy = ArrayPool<byte>.Shared.Rent(length);
        int at = 0;
        foreach (ref readonly SendPiece piece in pieces[..count])
        {
            piece.Bytes.CopyTo(copy.AsSpan(at));
            at += piece.Length;
        }

        return new(copy.AsSpan(0, length), count, copy);
    }

    /// <summary>Pieces as one.</summary>
    public readonly ref struct Joined(Span<byte> bytes, int pieces, byte[]? rented) : IDisposable
    {
        public Span<byte> Bytes { get; } = bytes;

        public int Pieces => pieces;

        public void Dispose()
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }
}
