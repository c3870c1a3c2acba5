using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AesInstructions = System.Runtime.Intrinsics.X86.Aes;

namespace Net.Core.Crypto;

/// <summary>AES (FIPS 197) of single blocks and its key schedule, by instructions: no table, constant time.</summary>
internal static unsafe class VectorAes
{
    public static bool IsSupported => AesInstructions.IsSupported && Ssse3.IsSupported;

    public static int Rounds(int keyLength) => keyLength == 16 ? 10 : 14;

    /// <param name="key">16 or 32 bytes.</param>
    /// <param name="schedule">11 or 15 round keys of 16 bytes.</param>
    public static void ExpandKey(ReadOnlySpan<byte> key, Span<byte> schedule)
    {
        key.CopyTo(schedule);
        int half = key.Length / 16;
        byte rcon = 1;
        for (int i = half; i <= Rounds(key.Length); i++)
        {
            Vector128<uint> last = Vector128.Create<byte>(schedule.Slice(16 * (i - 1), 16)).AsUInt32();
            bool rotates = half == 1 || i % 2 == 0;

            // With one word in all four columns, AESENCLAST is SubWord of each, XORed with its key: here the round constant.
            uint word = last.GetElement(3);
            word = rotates ? uint.RotateRight(word, 8) : word;
            uint sub = AesInstructions.EncryptLast(Vector128.Create(word).AsByte(), Vector128.Create(rotates ? rcon : 0u).AsByte()).AsUInt32().ToScalar();
            rcon = rotates ? (byte)((rcon << 1) ^ ((rcon >> 7) * 0x1B)) : rcon;

            Vector128<byte> value = Vector128.Create<byte>(schedule.Slice(16 * (i - half), 16));
            value ^= Sse2.ShiftLeftLogical128BitLane(value, 4);
            value ^= Sse2.ShiftLeftLogical128BitLane(value, 8);
            (value ^ Vector128.Create(sub).AsByte()).CopyTo(schedule[(16 * i)..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Encrypt(byte* schedule, int rounds, Vector128<byte> block)
    {
        block ^= Vector128.Load(schedule);
        for (int i = 1; i < rounds; i++)
        {
            block = AesInstructions.Encrypt(block, Vector128.Load(schedule + (16 * i)));
        }

        return AesInstructions.EncryptLast(block, Vector128.Load(schedule + (16 * rounds)));
    }

    /// <summary>The equivalent inverse cipher (FIPS 197, section 5.3.5); its round keys are made of those of the encryption each time.</summary>
    public static Vector128<byte> Decrypt(byte* schedule, int rounds, Vector128<byte> block)
    {
        block ^= Vector128.Load(schedule + (16 * rounds));
        for (int i = rounds - 1; i > 0; i--)
        {
            block = AesInstructions.Decrypt(block, AesInstructions.InverseMixColumns(Vector128.Load(schedule + (16 * i))));
        }

        return AesInstructions.DecryptLast(block, Vector128.Load(schedule));
    }
}
