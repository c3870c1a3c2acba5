using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using AesInstructions = System.Runtime.Intrinsics.X86.Aes;

namespace Net.Core.Crypto;

/// <summary>AES-GCM (NIST SP 800-38D) with a 12-byte nonce, in the processor's AES and carry-less multiplication instructions.</summary>
/// <remarks>
/// No table, no branch and no address depends on a secret, so the time depends on lengths alone. Eight counter blocks are in flight at a
/// time; GHASH of the eight before runs beside them, in 128-bit or, with VPCLMULQDQ, 512-bit registers. .NET 10 has no VAES
/// (AES on wider registers), so AES itself stays at 128 bits.
/// </remarks>
internal sealed unsafe class VectorGcm : IDisposable
{
    private const int Block = 16;
    private const int Stride = 8 * Block;
    private const int MaxSchedule = 15 * Block;

    // What stands in the key block: the round keys, then H^8 .. H^1 (so that a chunk's first block meets the highest power).
    private const int PowersOffset = 256;
    private const int KeyBlockLength = PowersOffset + (8 * Block);

    // Pinned: the garbage collector leaves no copy of it behind, and pointers into it stay valid.
    private readonly byte[] _memory = GC.AllocateArray<byte>(KeyBlockLength + 64, pinned: true);
    private readonly int _rounds;
    private readonly bool _wide;

    /// <param name="key">16 or 32 bytes.</param>
    /// <param name="wide">Whether GHASH may use 512-bit registers, where there are any: tests turn it off.</param>
    public VectorGcm(ReadOnlySpan<byte> key, bool wide = true)
    {
        _rounds = key.Length == 16 ? 10 : 14;
        _wide = wide && IsWide;
        VectorAes.ExpandKey(key, new Span<byte>(KeyBlock, MaxSchedule));

        Vector128<ulong> h = Swap(VectorAes.Encrypt(KeyBlock, _rounds, Vector128<byte>.Zero)).AsUInt64();
        Vector128<ulong> first = Double(h);
        Vector128<ulong> power = h;
        for (int i = 7; i >= 0; i--)
        {
            Double(power).Store((ulong*)(Powers + (i * Block)));
            power = Multiply(power, first);
        }
    }

    public static bool IsSupported => VectorAes.IsSupported && Pclmulqdq.IsSupported && Ssse3.IsSupported && BitConverter.IsLittleEndian;

    private static bool IsWide => Pclmulqdq.V512.IsSupported && Avx512BW.IsSupported;

    private static Vector128<byte> SwapMask => Vector128.Create((byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);

    private byte* KeyBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (byte*)(((nuint)Unsafe.AsPointer(ref _memory[0]) + 63) & ~(nuint)63);
    }

    private byte* Powers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => KeyBlock + PowersOffset;
    }

    /// <summary>Encrypts <paramref name="data"/> in place and writes its 16-byte tag.</summary>
    public void Seal(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, Span<byte> data, Span<byte> tag)
    {
        Vector128<byte> counter = FirstCounter(nonce);
        fixed (byte* pointer = data)
        {
            Vector128<ulong> hash = HashAssociated(associated);
            int at = 0;
            uint count = 2;
            for (; data.Length - at >= Stride; at += Stride, count += 8)
            {
                EncryptStride(pointer + at, counter, count);

                // The chunk before, so that its loads do not wait for the stores just made.
                hash = at > 0 ? HashStride(hash, pointer + at - Stride) : hash;
            }

            hash = at > 0 ? HashStride(hash, pointer + at - Stride) : hash;
            hash = LastStride(hash, pointer + at, data.Length - at, counter, count, isSealing: true);
            Finish(hash, counter, associated.Length, data.Length).CopyTo(tag);
        }
    }

    /// <summary>Checks the tag and decrypts in place; if it is wrong, <paramref name="data"/> is zeroed.</summary>
    public bool TryOpen(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, Span<byte> data, ReadOnlySpan<byte> tag)
    {
        Vector128<byte> counter = FirstCounter(nonce);
        Vector128<byte> expected;
        fixed (byte* pointer = data)
        {
            Vector128<ulong> hash = HashAssociated(associated);
            int at = 0;
            uint count = 2;
            for (; data.Length - at >= Stride; at += Stride, count += 8)
            {
                hash = HashStride(hash, pointer + at);
                EncryptStride(pointer + at, counter, count);
            }

            hash = LastStride(hash, pointer + at, data.Length - at, counter, count, isSealing: false);
            expected = Finish(hash, counter, associated.Length, data.Length);
        }

        if ((expected ^ Vector128.Create(tag)) == Vector128<byte>.Zero)
        {
            return true;
        }

        data.Clear();
        return false;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_memory);

    private static Vector128<byte> FirstCounter(ReadOnlySpan<byte> nonce)
    {
        Span<byte> block = stackalloc byte[Block];
        nonce[..12].CopyTo(block);
        block[12..].Clear();
        return Vector128.Create<byte>(block);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Counter(Vector128<byte> counter, uint count) =>
        counter.AsUInt32().WithElement(3, BinaryPrimitives.ReverseEndianness(count)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EncryptStride(byte* data, Vector128<byte> counter, uint count)
    {
        byte* keys = KeyBlock;
        Vector128<byte> key = Vector128.Load(keys);
        Vector128<byte> b0 = Counter(counter, count) ^ key;
        Vector128<byte> b1 = Counter(counter, count + 1) ^ key;
        Vector128<byte> b2 = Counter(counter, count + 2) ^ key;
        Vector128<byte> b3 = Counter(counter, count + 3) ^ key;
        Vector128<byte> b4 = Counter(counter, count + 4) ^ key;
        Vector128<byte> b5 = Counter(counter, count + 5) ^ key;
        Vector128<byte> b6 = Counter(counter, count + 6) ^ key;
        Vector128<byte> b7 = Counter(counter, count + 7) ^ key;
        byte* last = keys + (_rounds * Block);
        for (keys += Block; keys < last; keys += Block)
        {
            key = Vector128.Load(keys);
            b0 = AesInstructions.Encrypt(b0, key);
            b1 = AesInstructions.Encrypt(b1, key);
            b2 = AesInstructions.Encrypt(b2, key);
            b3 = AesInstructions.Encrypt(b3, key);
            b4 = AesInstructions.Encrypt(b4, key);
            b5 = AesInstructions.Encrypt(b5, key);
            b6 = AesInstructions.Encrypt(b6, key);
            b7 = AesInstructions.Encrypt(b7, key);
        }

        key = Vector128.Load(last);
        (AesInstructions.EncryptLast(b0, key) ^ Vector128.Load(data)).Store(data);
        (AesInstructions.EncryptLast(b1, key) ^ Vector128.Load(data + 16)).Store(data + 16);
        (AesInstructions.EncryptLast(b2, key) ^ Vector128.Load(data + 32)).Store(data + 32);
        (AesInstructions.EncryptLast(b3, key) ^ Vector128.Load(data + 48)).Store(data + 48);
        (AesInstructions.EncryptLast(b4, key) ^ Vector128.Load(data + 64)).Store(data + 64);
        (AesInstructions.EncryptLast(b5, key) ^ Vector128.Load(data + 80)).Store(data + 80);
        (AesInstructions.EncryptLast(b6, key) ^ Vector128.Load(data + 96)).Store(data + 96);
        (AesInstructions.EncryptLast(b7, key) ^ Vector128.Load(data + 112)).Store(data + 112);
    }

    /// <summary>The last 0 to 127 bytes, in a padded copy.</summary>
    private Vector128<ulong> LastStride(Vector128<ulong> hash, byte* data, int length, Vector128<byte> counter, uint count, bool isSealing)
    {
        if (length == 0)
        {
            return hash;
        }

        byte* copy = stackalloc byte[Stride];
        Span<byte> padded = new(copy, Stride);
        Span<byte> rest = new(data, length);
        rest.CopyTo(padded);
        padded[length..].Clear();
        hash = isSealing ? hash : HashBlocks(hash, copy, (length + Block - 1) / Block);
        EncryptStride(copy, counter, count);
        padded[..length].CopyTo(rest);
        padded[length..].Clear();
        hash = isSealing ? HashBlocks(hash, copy, (length + Block - 1) / Block) : hash;
        padded.Clear();
        return hash;
    }

    private Vector128<ulong> HashAssociated(ReadOnlySpan<byte> associated)
    {
        Vector128<ulong> hash = Vector128<ulong>.Zero;
        Vector128<ulong> h = Vector128.Load((ulong*)(Powers + (7 * Block)));
        for (; associated.Length >= Block; associated = associated[Block..])
        {
            hash = Multiply(hash ^ Swap(Vector128.Create(associated)).AsUInt64(), h);
        }

        if (!associated.IsEmpty)
        {
            Span<byte> padded = stackalloc byte[Block];
            padded.Clear();
            associated.CopyTo(padded);
            hash = Multiply(hash ^ Swap(Vector128.Create<byte>(padded)).AsUInt64(), h);
        }

        return hash;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<ulong> HashStride(Vector128<ulong> hash, byte* data) => _wide ? HashStrideWide(hash, data) : HashBlocks(hash, data, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<ulong> HashStrideWide(Vector128<ulong> hash, byte* data)
    {
        Vector512<byte> swap = Vector512.Create(Vector256.Create(SwapMask, SwapMask), Vector256.Create(SwapMask, SwapMask));
        Vector512<ulong> a = Avx512BW.Shuffle(Vector512.Load(data), swap).AsUInt64() ^ Vector512.Create(Vector256.Create(hash, Vector128<ulong>.Zero), Vector256<ulong>.Zero);
        Vector512<ulong> b = Avx512BW.Shuffle(Vector512.Load(data + 64), swap).AsUInt64();
        Vector512<ulong> ha = Vector512.Load((ulong*)Powers);
        Vector512<ulong> hb = Vector512.Load((ulong*)(Powers + 64));
        Vector512<ulong> low = Pclmulqdq.V512.CarrylessMultiply(a, ha, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(b, hb, 0x00);
        Vector512<ulong> high = Pclmulqdq.V512.CarrylessMultiply(a, ha, 0x11) ^ Pclmulqdq.V512.CarrylessMultiply(b, hb, 0x11);
        Vector512<ulong> middle = Pclmulqdq.V512.CarrylessMultiply(a, ha, 0x01) ^ Pclmulqdq.V512.CarrylessMultiply(b, hb, 0x01)
            ^ Pclmulqdq.V512.CarrylessMultiply(a, ha, 0x10) ^ Pclmulqdq.V512.CarrylessMultiply(b, hb, 0x10);
        return Reduce(Fold(low), Fold(middle), Fold(high));
    }

    /// <summary>1 to 8 whole blocks with one reduction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<ulong> HashBlocks(Vector128<ulong> hash, byte* data, int blocks)
    {
        byte* power = Powers + ((8 - blocks) * Block);
        Vector128<ulong> low = Vector128<ulong>.Zero;
        Vector128<ulong> middle = Vector128<ulong>.Zero;
        Vector128<ulong> high = Vector128<ulong>.Zero;
        for (int i = 0; i < blocks; i++)
        {
            Vector128<ulong> x = Swap(Vector128.Load(data + (i * Block))).AsUInt64() ^ hash;
            Vector128<ulong> h = Vector128.Load((ulong*)(power + (i * Block)));
            hash = Vector128<ulong>.Zero;
            low ^= Pclmulqdq.CarrylessMultiply(x, h, 0x00);
            high ^= Pclmulqdq.CarrylessMultiply(x, h, 0x11);
            middle ^= Pclmulqdq.CarrylessMultiply(x, h, 0x01) ^ Pclmulqdq.CarrylessMultiply(x, h, 0x10);
        }

        return Reduce(low, middle, high);
    }

    private Vector128<byte> Finish(Vector128<ulong> hash, Vector128<byte> counter, int associatedLength, int dataLength)
    {
        Vector128<ulong> lengths = Vector128.Create((ulong)dataLength * 8, (ulong)associatedLength * 8);
        hash = Multiply(hash ^ lengths, Vector128.Load((ulong*)(Powers + (7 * Block))));
        return Swap(hash.AsByte()) ^ VectorAes.Encrypt(KeyBlock, _rounds, Counter(counter, 1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Swap(Vector128<byte> value) => Ssse3.Shuffle(value, SwapMask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Fold(Vector512<ulong> value)
    {
        Vector256<ulong> half = value.GetLower() ^ value.GetUpper();
        return half.GetLower() ^ half.GetUpper();
    }

    /// <summary>A power of H times x, once per key: saves shifting every product by one bit, as GCM's bits stand in reverse.</summary>
    private static Vector128<ulong> Double(Vector128<ulong> value)
    {
        ulong high = value.GetElement(1);
        ulong carry = 0 - (high >> 63);
        ulong low = value.GetElement(0);
        return Vector128.Create((low << 1) ^ (carry & 1), ((high << 1) | (low >> 63)) ^ (carry & 0xC200000000000000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Multiply(Vector128<ulong> x, Vector128<ulong> doubled) => Reduce(
        Pclmulqdq.CarrylessMultiply(x, doubled, 0x00),
        Pclmulqdq.CarrylessMultiply(x, doubled, 0x01) ^ Pclmulqdq.CarrylessMultiply(x, doubled, 0x10),
        Pclmulqdq.CarrylessMultiply(x, doubled, 0x11));

    /// <summary>256 bits modulo x^128 + x^7 + x^2 + x + 1, folding 64 bits from below twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Reduce(Vector128<ulong> low, Vector128<ulong> middle, Vector128<ulong> high)
    {
        Vector128<ulong> polynomial = Vector128.CreateScalar(0xC200000000000000);
        low ^= Sse2.ShiftLeftLogical128BitLane(middle, 8);
        high ^= Sse2.ShiftRightLogical128BitLane(middle, 8);
        low = Sse2.Shuffle(low.AsUInt32(), 0x4E).AsUInt64() ^ Pclmulqdq.CarrylessMultiply(low, polynomial, 0x00);
        low = Sse2.Shuffle(low.AsUInt32(), 0x4E).AsUInt64() ^ Pclmulqdq.CarrylessMultiply(low, polynomial, 0x00);
        return high ^ low;
    }
}
