using System.Runtime.Intrinsics;

namespace Net.Core.Crypto;

/// <summary>Encrypts what stands behind the first octet of a connection ID (draft-ietf-quic-load-balancers, sections 5.4 and 5.5, as of its editors' copy after version 21).</summary>
/// <remarks>
/// <para>
/// Sixteen octets are one AES block. Any other number is cut in halves, which go through a Feistel network of four rounds: each half in turn is expanded to a block,
/// encrypted, and added to the other one. Of an odd number the octet in the middle is cut too. Nothing here depends on what the octets are. From any thread.
/// </para>
/// <para>
/// It hides, it does not authenticate: an ID that somebody has changed decrypts to something else, and whoever reads must find that there is no such server. Four rounds can
/// be told from a random permutation by those who know many plaintexts (section 9.7): so nonces are secret too, in ours (<c>ConnectionIdDeriver</c>) as there.
/// </para>
/// </remarks>
/// <param name="key">16 bytes.</param>
/// <param name="instructions">Whether the processor's own for AES may be used, where there are any.</param>
internal sealed class CidCipher(ReadOnlySpan<byte> key, bool instructions = true)
{
    public const int KeyLength = AesBlock.KeyLength;

    /// <summary>A server ID of one octet and a nonce of four.</summary>
    public const int MinLength = 5;

    /// <summary>What QUIC's longest connection ID has behind its first octet.</summary>
    public const int MaxLength = 19;

    private readonly AesBlock _aes = new(key, instructions);

    /// <param name="text">Server ID and nonce, 5 to 19 octets; encrypted in place.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer or more of them.</exception>
    public void Encrypt(Span<byte> text)
    {
        if (IsBlock(text.Length))
        {
            _aes.Encrypt(Vector128.Create<byte>(text)).CopyTo(text);
            return;
        }

        Halves halves = new(text);
        halves.Right ^= Round(halves.Left, 1, text.Length) & halves.RightMask;
        halves.Left ^= Round(halves.Right, 2, text.Length) & halves.LeftMask;
        halves.Right ^= Round(halves.Left, 3, text.Length) & halves.RightMask;
        halves.Left ^= Round(halves.Right, 4, text.Length) & halves.LeftMask;
        halves.Join(text);
    }

    /// <param name="text">As encrypted, 5 to 19 octets.</param>
    /// <param name="start">Receives the first octets of what was encrypted, as many as it is long: those of the server ID, for who routes.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer or more of them, or more are asked for than there are.</exception>
    public void Decrypt(ReadOnlySpan<byte> text, Span<byte> start)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start.Length, text.Length, nameof(start));
        Span<byte> plain = stackalloc byte[MaxLength];
        plain = plain[..int.Min(text.Length, MaxLength)];
        if (IsBlock(text.Length))
        {
            _aes.Decrypt(Vector128.Create(text)).CopyTo(plain);
        }
        else
        {
            Halves halves = new(text);
            halves.Left ^= Round(halves.Right, 4, text.Length) & halves.LeftMask;
            halves.Right ^= Round(halves.Left, 3, text.Length) & halves.RightMask;
            halves.Left ^= Round(halves.Right, 2, text.Length) & halves.LeftMask;
            if (start.Length > text.Length / 2)
            {
                // Only then is any of it in the right half.
                halves.Right ^= Round(halves.Left, 1, text.Length) & halves.RightMask;
            }

            halves.Join(plain);
        }

        plain[..start.Length].CopyTo(start);
    }

    private static bool IsBlock(int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, MinLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        return length == AesBlock.Length;
    }

    /// <summary>The half, zeros, the length of both, the number of the pass: encrypted.</summary>
    private Vector128<byte> Round(Vector128<byte> half, byte pass, int length) =>
        _aes.Encrypt(half | Vector128.Create(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)length, pass));

    private ref struct Halves
    {
        private readonly int _half;

        public Halves(ReadOnlySpan<byte> text)
        {
            _half = (text.Length + 1) / 2;
            Vector128<byte> all = Vector128.LessThan(Vector128<byte>.Indices, Vector128.Create((byte)_half));
            bool isOdd = (text.Length & 1) != 0;
            LeftMask = isOdd ? all.WithElement(_half - 1, (byte)0xF0) : all;
            RightMask = isOdd ? all.WithElement(0, (byte)0x0F) : all;
            Span<byte> block = stackalloc byte[AesBlock.Length];
            block.Clear();
            text[.._half].CopyTo(block);
            Left = Vector128.Create<byte>(block) & LeftMask;
            text[^_half..].CopyTo(block);
            Right = Vector128.Create<byte>(block) & RightMask;
        }

        public Vector128<byte> LeftMask { get; }

        public Vector128<byte> RightMask { get; }

        public Vector128<byte> Left { get; set; }

        public Vector128<byte> Right { get; set; }

        public readonly void Join(Span<byte> text)
        {
            Span<byte> block = stackalloc byte[AesBlock.Length];
            Right.CopyTo(block);
            block[.._half].CopyTo(text[^_half..]);
            // Of an odd number the octet in the middle is of both.
            byte shared = (text.Length & 1) != 0 ? block[0] : (byte)0;
            Left.CopyTo(block);
            block[.._half].CopyTo(text);
            text[_half - 1] |= shared;
        }
    }
}
