using System.Globalization;

namespace Net.Http3.Server.Hosting;

/// <summary>The time as a <c>date</c> field tells it (RFC 9110, section 5.6.7), written once a second. For one shard's thread.</summary>
internal sealed class HttpDate(TimeProvider time)
{
    private long _second = -1;
    private string _text = "";

    public string Text()
    {
        DateTimeOffset now = time.GetUtcNow();
        long second = now.ToUnixTimeSeconds();
        if (second != _second)
        {
            (_second, _text) = (second, now.ToString("R", CultureInfo.InvariantCulture));
        }

        return _text;
    }
}
