using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;

namespace Net.Http3.Client.Hosting;

/// <summary>Where origins have said that they serve HTTP/3 (RFC 7838), and where it did not answer.</summary>
internal sealed class AlternativeServices(TimeProvider time)
{
    /// <summary>Origins that are remembered; further ones are not.</summary>
    public const int MaxOrigins = 10_000;

    /// <summary>Seconds for which an announcement counts when it does not say (RFC 7838, section 3.1), and the most that it may say.</summary>
    private const long DefaultAge = 24 * 3600, MaxAge = 365 * 24 * 3600;

    /// <summary>How long HTTP/3 is not tried again where no connection came about.</summary>
    private static readonly TimeSpan s_blockedFor = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<(string Host, int Port), Entry> _entries = new();

    /// <summary>Takes what a response says of its origin.</summary>
    public void Learn(Uri origin, HttpResponseMessage response)
    {
        if (origin.Scheme != Uri.UriSchemeHttps || !response.Headers.NonValidated.TryGetValues("Alt-Svc", out HeaderStringValues values))
        {
            return;
        }

        (string, int) key = (origin.IdnHost, origin.Port);
        foreach (string value in values)
        {
            if (value.Trim() == "clear")
            {
                _entries.TryRemove(key, out _);
            }
            else if (TryParse(value, origin.IdnHost, out string host, out int port, out long age) && (_entries.ContainsKey(key) || _entries.Count < MaxOrigins))
            {
                long until = time.GetTimestamp() + (age * time.TimestampFrequency);
                _entries.AddOrUpdate(key, new Entry(host, port, until, 0), (_, old) => new(host, port, until, old.Host == host && old.Port == port ? old.BlockedUntil : 0));
            }
        }
    }

    /// <summary>An announced place for an origin that is not known not to answer.</summary>
    public bool TryFind(Uri origin, out string host, out int port)
    {
        long now = time.GetTimestamp();
        bool isKnown = _entries.TryGetValue((origin.IdnHost, origin.Port), out Entry? entry) && entry.Host.Length > 0 && now < entry.Until && now >= entry.BlockedUntil;
        (host, port) = isKnown ? (entry!.Host, entry.Port) : ("", 0);
        return isKnown;
    }

    public bool IsBlocked(Uri origin) =>
        _entries.TryGetValue((origin.IdnHost, origin.Port), out Entry? entry) && time.GetTimestamp() < entry.BlockedUntil;

    /// <summary>No connection came about.</summary>
    public void Block(Uri origin)
    {
        if (_entries.Count < MaxOrigins)
        {
            long until = time.GetTimestamp() + (long)(s_blockedFor.TotalSeconds * time.TimestampFrequency);
            _entries.AddOrUpdate((origin.IdnHost, origin.Port), new Entry("", 0, 0, until), (_, old) => old with { BlockedUntil = until });
        }
    }

    /// <summary>The first alternative for h3 of a field such as <c>h3=":443"; ma=3600, h2="other:443"</c>.</summary>
    public static bool TryParse(string value, string originHost, out string host, out int port, out long age)
    {
        foreach (string alternative in value.Split(','))
        {
            string[] parts = alternative.Split(';', StringSplitOptions.TrimEntries);
            (host, port, age) = (originHost, 0, DefaultAge);
            if (!parts[0].StartsWith("h3=\"", StringComparison.Ordinal) || !parts[0].EndsWith('"') || parts[0].Length < 6)
            {
                continue;
            }

            string authority = parts[0][4..^1];
            int colon = authority.LastIndexOf(':');
            if (colon < 0 || !int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is 0 or > 65535
                || (colon > 0 && Uri.CheckHostName(authority[..colon]) == UriHostNameType.Unknown))
            {
                continue;
            }

            host = colon > 0 ? authority[..colon].Trim('[', ']') : originHost;
            foreach (string parameter in parts.Skip(1))
            {
                if (parameter.StartsWith("ma=", StringComparison.Ordinal) && long.TryParse(parameter.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out long seconds))
                {
                    age = long.Min(seconds, MaxAge);
                }
            }

            return true;
        }

        (host, port, age) = ("", 0, 0);
        return false;
    }

    /// <param name="Host">Empty: nothing was announced.</param>
    /// <param name="Until">When the announcement ends, as a timestamp.</param>
    private sealed record Entry(string Host, int Port, long Until, long BlockedUntil);
}
