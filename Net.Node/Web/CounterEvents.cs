using System.Globalization;
using System.Text;

namespace Net.Node.Web;

/// <summary>The events of `/counter` as one endless text (HTML, section 9.2): which bytes stand where follows from arithmetic.</summary>
internal static class CounterEvents
{
    /// <summary>`data: ` and the two newlines.</summary>
    private const int Frame = 8;

    public static byte[] Event(long number) => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"data: {number}\n\n"));

    /// <summary>Bytes of the events 1 to <paramref name="number"/>.</summary>
    public static long LengthThrough(long number)
    {
        long length = 0, first = 1;
        for (int digits = 1; first <= number; digits++, first *= 10)
        {
            long last = Math.Min(number, first * 10 - 1);
            length += (last - first + 1) * (Frame + digits);
            if (last == number)
            {
                break;
            }
        }

        return length;
    }
}
