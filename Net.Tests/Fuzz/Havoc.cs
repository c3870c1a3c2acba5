using Net.Tests.Simulation;

namespace Net.Tests.Fuzz;

/// <summary>Changes an input as fuzzers do, from a seed: what <c>dotnet test</c> runs, without coverage to guide it.</summary>
internal static class Havoc
{
    private static readonly byte[] s_edges = [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFF];

    /// <param name="input">Not changed.</param>
    /// <param name="other">Another seed, of which pieces are spliced in.</param>
    public static byte[] Change(ReadOnlySpan<byte> input, ReadOnlySpan<byte> other, SimulatedRandom random)
    {
        List<byte> bytes = [.. input];
        for (int change = random.Below(4); change >= 0; change--)
        {
            int at = bytes.Count == 0 ? 0 : random.Below(bytes.Count);
            switch (bytes.Count == 0 ? 4 : random.Below(7))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Below(8));
                    break;

                case 1:
                    bytes[at] = s_edges[random.Below(s_edges.Length)];
                    break;

                case 2:
                    bytes[at] = (byte)random.Next();
                    break;

                case 3:
                    bytes.RemoveRange(at, int.Min(bytes.Count - at, 1 + random.Below(8)));
                    break;

                case 4:
                    bytes.Insert(at, (byte)random.Next());
                    break;

                case 5:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;

                default:
                    int from = other.IsEmpty ? 0 : random.Below(other.Length);
                    bytes.InsertRange(at, other[from..int.Min(other.Length, from + 1 + random.Below(64))].ToArray());
                    break;
            }
        }

        return [.. bytes];
    }
}
