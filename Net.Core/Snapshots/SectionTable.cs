namespace Net.Core.Snapshots;

/// <summary>What the sections of an idle HTTP/3 connection usually hold, so that only what is different has to travel.</summary>
/// <remarks>
/// <para>It belongs to the snapshot's format, as QPACK's static table (RFC 9204, appendix A) to QPACK: once released it never changes. A part
/// that is written in another way later travels as well, in more bytes; a new format may bring a new table.</para>
/// <para>Made from an idle connection of a server of this release, with everything that is its own, keys and times above all, put to zero:
/// <c>IdleConnectionTests</c> prints it, and checks how well it fits.</para>
/// </remarks>
internal static class SectionTable
{
    private static readonly Entry[] s_entries =
    [
        Of(2, 0, "0101000800000000000000000001812602683301087765622e7465737400200000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000000000000000000000000000001"),
        Of(6, 0, "011000000000000000000000000000000000040404040000010002000300"),
        Of(8, 0, "0002000d0c0000000000000000000000000001010d0c00000000000000000000000001100000000000000000000000000000000000000000"),
        Of(32, 0, "0113040000000000000000000000000a0002009c0013040000000000000000000000000a00000101bb010100000000000100e012b009000101000000"),
        Of(42, 0, "ac0bac0bac0b00000000000000000000"),
        Of(36, 0, "80f085da2c00000000fd0200"),
        Of(38, 0, "00000000"),
        Of(56, 0, "80028080200000800280802000000000000000"),
        Of(58, 0, "00000000000000"),
        Of(30, 0, "0000000200000000"),
        Of(46, 0, "00"),
        Of(48, 0, "0201000000"),
        Of(34, 0, "090104800927c06ab200"),
        Of(34, 1, "0c0104800927c00e01046ab200"),
        Of(4, 0, "81260120000000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000000000000000000100000000010100000000"),
        Of(40, 0, "0080080100000000010000000000"),
        Of(10, 0, "00000000fd02010000"),
        Of(12, 0, "000000ffffffffffffffffff01010000000000fd02010000000000010000"),
        Of(14, 0, "000000000000000000000000a0c21e00000000000000000000"),
        Of(16, 0, "02ac0b000000000000000000000000000000000000000000000000"),
        Of(16, 1, "00000100000000fd02"),
        Of(18, 0, "000000"),
        Of(18, 1, "0000000000010000"),
        Of(20, 0, "80804000808040000000808040000000000000"),
        Of(22, 0, "64006400000064000000006400640000006400000000"),
        Of(24, 0, "0180801080804064648080208080108080108080108080800380808008808040808010808010808010646400020300000000000000000000000000000000000000"),
        Of(28, 2, "8080100d80801000000d000d000000000000000d01"),
        Of(26, 3, "0d000000008080100000808020000000000000000000"),
        Of(28, 6, "000000000000000000000000000000000000000000"),
        Of(26, 7, "00000000008080100000808020000000000000000000"),
        Of(26, 11, "00000000000000000000000000000000000000000000"),
        Of(100, 0, "01010301020000008000000000000000010000000000000000"),
        Of(108, 0, "802010802000000000802000000000"),
        Of(110, 0, "802010000000000000000000000000000000000000000000000000000000000000"),
        Of(102, 2, "0200010000000000"),
        Of(102, 6, "0000000000000000"),
    ];

    private readonly record struct Entry(ulong Number, ulong Key, byte[] Body);

    public static int Count => s_entries.Length;

    public static (ulong Number, ulong Key) NameOf(int index) => (s_entries[index].Number, s_entries[index].Key);

    /// <param name="index">Below 0: none.</param>
    public static ReadOnlySpan<byte> BodyOf(int index) => index < 0 ? default : s_entries[index].Body;

    /// <summary>The entry of that name, looked for from <paramref name="next"/> on and then before it; -1: none.</summary>
    public static int Find(ulong number, ulong key, int next)
    {
        for (int i = 0; i < s_entries.Length; i++)
        {
            int index = next + i < s_entries.Length ? next + i : next + i - s_entries.Length;
            if (s_entries[index].Number == number && s_entries[index].Key == key)
            {
                return index;
            }
        }

        return -1;
    }

    /// <summary>The difference to an entry, and back; what is longer than the other stays as it is.</summary>
    public static void Xor(Span<byte> body, ReadOnlySpan<byte> expected)
    {
        int length = int.Min(body.Length, expected.Length);
        for (int i = 0; i < length; i++)
        {
            body[i] ^= expected[i];
        }
    }

    private static Entry Of(ulong number, ulong key, string body) => new(number, key, Convert.FromHexString(body));
}
