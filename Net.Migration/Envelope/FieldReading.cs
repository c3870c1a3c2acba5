using System.Text;
using Net.Core.Wire;

namespace Net.Migration.Envelope;

/// <summary>The reading half of <see cref="FieldWriter"/>: bounded, never throws, false for what is cut or not canonical.</summary>
internal static class FieldReading
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static bool TryReadBool(this ref ByteReader reader, out bool value)
    {
        bool complete = reader.TryReadByte(out byte b) && b <= 1;
        value = complete && b == 1;
        return complete;
    }

    /// <summary>Bytes behind their length, which must not exceed <paramref name="max"/>; copied, so that they outlive the buffer.</summary>
    public static bool TryReadBytes(this ref ByteReader reader, int max, out byte[] value)
    {
        bool complete = reader.TryReadVarBytes(out ReadOnlySpan<byte> span) && span.Length <= max;
        value = complete ? span.ToArray() : [];
        return complete;
    }

    /// <summary>UTF-8 text of at most <paramref name="max"/> bytes. Control characters are refused: texts go to logs and terminals.</summary>
    public static bool TryReadString(this ref ByteReader reader, int max, out string value)
    {
        value = "";
        if (!reader.TryReadVarBytes(out ReadOnlySpan<byte> span) || span.Length > max)
        {
            return false;
        }

        try
        {
            value = StrictUtf8.GetString(span);
        }
        catch (ArgumentException)
        {
            return false;
        }

        foreach (char c in value)
        {
            if (char.IsControl(c))
            {
                value = "";
                return false;
            }
        }

        return true;
    }

    /// <summary>At most ten years: sums of times must not overflow.</summary>
    public static bool TryReadDuration(this ref ByteReader reader, out TimeSpan value)
    {
        bool complete = reader.TryReadVarInt(out ulong ticks) && ticks <= TimeSpan.TicksPerDay * 3653;
        value = complete ? new((long)ticks) : TimeSpan.Zero;
        return complete;
    }

    /// <summary>A count of things of at least <paramref name="smallest"/> bytes each: nobody can announce more than he sent.</summary>
    public static bool TryReadCount(this ref ByteReader reader, int max, int smallest, out int count)
    {
        bool complete = reader.TryReadVarInt(out ulong number) && number <= (ulong)max && number * (ulong)smallest <= (ulong)reader.Remaining;
        count = complete ? (int)number : 0;
        return complete;
    }
}
