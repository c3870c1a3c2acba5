using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Net.Core.Crypto;

/// <summary>AES-128 (FIPS 197) of single blocks under one key, in constant time and without allocation. From any thread.</summary>
/// <remarks>
/// Not wiped: its key is a federation's, which the process holds for as long as connections do. Whoever has looked a generation up may still be at work with it on another thread
/// when that has left the ring, so nobody knows the last use but the garbage collector, which also frees what the system's library holds.
/// </remarks>
internal sealed unsafe class AesBlock
{
    public const int KeyLength = 16;

    public const int Length = 16;

    private static readonly int s_rounds = VectorAes.Rounds(KeyLength);

    /// <summary>By instructions; null: by the operating system's library.</summary>
    private readonly byte[]? _schedule;
    private readonly Lock _lock = new();
    private readonly ICryptoTransform? _encryptor;
    private readonly ICryptoTransform? _decryptor;
    private readonly byte[] _input = [];
    private readonly byte[] _output = [];

    /// <param name="key">16 bytes.</param>
    /// <param name="instructions">Whether the processor's own may be used, where there are any.</param>
    public AesBlock(ReadOnlySpan<byte> key, bool instructions = true)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength, nameof(key));
        if (instructions && VectorAes.IsSupported)
        {
            _schedule = GC.AllocateArray<byte>((s_rounds + 1) * Length, pinned: true);
            VectorAes.ExpandKey(key, _schedule);
            return;
        }

        using Aes cipher = Aes.Create();
        cipher.SetKey(key);
#pragma warning disable CA5358 // Single blocks, whose callers build a mode of their own around them.
        cipher.Mode = CipherMode.ECB;
#pragma warning restore CA5358
        cipher.Padding = PaddingMode.None;
        (_encryptor, _decryptor) = (cipher.CreateEncryptor(), cipher.CreateDecryptor());
        (_input, _output) = (new byte[Length], new byte[Length]);
    }

    public Vector128<byte> Encrypt(Vector128<byte> block)
    {
        fixed (byte* schedule = _schedule)
        {
            return schedule is not null ? VectorAes.Encrypt(schedule, s_rounds, block) : Transform(_encryptor!, block);
        }
    }

    public Vector128<byte> Decrypt(Vector128<byte> block)
    {
        fixed (byte* schedule = _schedule)
        {
            return schedule is not null ? VectorAes.Decrypt(schedule, s_rounds, block) : Transform(_decryptor!, block);
        }
    }

    private Vector128<byte> Transform(ICryptoTransform transform, Vector128<byte> block)
    {
        lock (_lock)
        {
            block.CopyTo(_input);
            transform.TransformBlock(_input, 0, Length, _output, 0);
            return Vector128.Create(_output);
        }
    }
}
