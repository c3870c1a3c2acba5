using System.Globalization;

namespace Net.Node.Web;

/// <summary>The part of a content that a response carries (RFC 9110, section 14).</summary>
/// <param name="Status">200 whole, 206 a part, 416 the range does not touch the content.</param>
/// <param name="Start">First byte.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct ByteRange(int Status, long Start, long Length)
{
    public static ByteRange Whole(long length) => new(200, 0, length);

    /// <summary>One range is honoured. What is malformed, of another unit or more than one range is ignored, as section 14.2 permits.</summary>
    /// <param name="header">The field `range`, or <c>null</c>.</param>
    /// <param name="length">Of the whole content.</param>
    public static ByteRange Of(string? header, long length)
    {
        const string Unit = "bytes=";
        ByteRange whole = Whole(length);
        if (header is null || !header.StartsWith(Unit, StringComparison.OrdinalIgnoreCase) || header.Contains(','))
        {
            return whole;
        }

        ReadOnlySpan<char> spec = header.AsSpan(Unit.Length).Trim(" \t");
        int dash = spec.IndexOf('-');
        if (dash < 0)
        {
            return whole;
        }

        ReadOnlySpan<char> first = spec[..dash], last = spec[(dash + 1)..];
        if (first.IsEmpty)
        {
            // "-5": the last five bytes; of a shorter content all of it.
            if (!TryNumber(last, out long suffix))
            {
                return whole;
            }

            long taken = Math.Min(suffix, length);
            return taken == 0 ? new(416, 0, 0) : new(206, length - taken, taken);
        }

        long end = long.MaxValue;
        if (!TryNumber(first, out long start) || (!last.IsEmpty && !TryNumber(last, out end)) || end < start)
        {
            return whole;
        }

        return start >= length ? new(416, 0, 0) : new(206, start, Math.Min(end, length - 1) - start + 1);
    }

    /// <summary>The field `content-range`, of 206 and 416.</summary>
    public string Describe(long length) => Status == 416
        ? string.Create(CultureInfo.InvariantCulture, $"bytes */{length}")
        : string.Create(CultureInfo.InvariantCulture, $"bytes {Start}-{Start + Length - 1}/{length}");

    /// <summary>Digits only; what does not fit counts as the largest number.</summary>
    private static bool TryNumber(ReadOnlySpan<char> text, out long value)
    {
        value = 0;
        if (text.IsEmpty || text.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value))
        {
            value = long.MaxValue;
        }

        return true;
    }
}
