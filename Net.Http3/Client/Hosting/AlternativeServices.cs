using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Net.Http3.Client.Hosting;

/// <summary>Where origins have said that they serve HTTP/3 (RFC 7838), and where it did not answer.</summary>
internal sealed class AlternativeServices(TimeProvider time)
{
    /// <summary>Origins that are remembered; further ones are not.</summary>
    public const int MaxOrigins = 10_000;

    /// <summary>Seconds for which an announcement counts when it does not say (RFC 7838, section 3.1), and the most that it may say.</summary>
    private const long DefaultAge = 24 * 3600, MaxAge = 365 * 24 * 3600;

    /// <summary>How long HTTP/3 is not tried again where no connection came about, be it the origin or an alternative of it.</summary>
    private static readonly TimeSpan s_blockedFor = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<Alternative, Entry> _entries = new();

    /// <summary>Takes what a response says of its origin.</summary>
    public void Learn(Uri origin, HttpResponseMessage response)
    {
        // Who answers 421 does not speak for the origin (RFC 7838, section 6).
        if (origin.Scheme != Uri.UriSchemeHttps || response.StatusCode == HttpStatusCode.MisdirectedRequest
            || !response.Headers.NonValidated.TryGetValues("Alt-Svc", out HeaderStringValues values))
        {
            return;
        }

        Alternative key = Alternative.Of(origin);
        foreach (string value in values)
        {
            if (value.Trim() == "clear")
            {
                // That HTTP/3 did not answer at the origin remains true: it may have been withdrawn for just that.
                Change(key, old => new(default, 0, 0, old.BlockedUntil));
                if (!IsBlocked(origin))
                {
                    _entries.TryRemove(key, out _);
                }
            }
            else if (TryParse(value, origin.IdnHost, out string host, out int port, out long age) && (_entries.ContainsKey(key) || _entries.Count < MaxOrigins))
            {
                long until = time.GetTimestamp() + (age * time.TimestampFrequency);
                Alternative place = new(host, port);
                _entries.AddOrUpdate(
                    key, new Entry(place, until, 0, 0), (_, old) => new(place, until, old.Place == place ? old.PlaceBlockedUntil : 0, old.BlockedUntil));
            }
        }
    }

    /// <summary>An announced place for an origin, maybe its own, that is not known not to answer.</summary>
    public bool TryFind(Uri origin, out Alternative place)
    {
        Alternative key = Alternative.Of(origin);
        long now = time.GetTimestamp();
        bool isKnown = _entries.TryGetValue(key, out Entry? entry)
            && now < entry.Until && now >= (entry.Place == key ? entry.BlockedUntil : entry.PlaceBlockedUntil);
        place = isKnown ? entry!.Place : default;
        return isKnown;
    }

    /// <summary>The origin's own place did not answer.</summary>
    public bool IsBlocked(Uri origin) =>
        _entries.TryGetValue(Alternative.Of(origin), out Entry? entry) && time.GetTimestamp() < entry.BlockedUntil;

    /// <summary>No connection to the origin's own place came about.</summary>
    public void Block(Uri origin)
    {
        Alternative key = Alternative.Of(origin);
        if (_entries.ContainsKey(key) || _entries.Count < MaxOrigins)
        {
            long until = BlockEnd();
            _entries.AddOrUpdate(key, new Entry(default, 0, 0, until), (_, old) => old with { BlockedUntil = until });
        }
    }

    /// <summary>No connection to another place came about: that one is left alone, also when it is announced again.</summary>
    public void Block(Uri origin, Alternative place) =>
        Change(Alternative.Of(origin), old => old.Place == place ? old with { PlaceBlockedUntil = BlockEnd() } : old);

    /// <summary>Another place does not serve the origin: what was announced is void, and for a while also what is announced again.</summary>
    public void Drop(Uri origin, Alternative place) =>
        Change(Alternative.Of(origin), old => old.Place == place ? old with { Until = 0, PlaceBlockedUntil = BlockEnd() } : old);

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

    private long BlockEnd() => time.GetTimestamp() + (long)(s_blockedFor.TotalSeconds * time.TimestampFrequency);

    /// <summary>Changes what is known of an origin, if anything is.</summary>
    private void Change(Alternative key, Func<Entry, Entry> change)
    {
        while (_entries.TryGetValue(key, out Entry? old) && !_entries.TryUpdate(key, change(old), old))
        {
        }
    }

    /// <summary>All numbers are timestamps.</summary>
    /// <param name="Place">What was announced last.</param>
    /// <param name="Until">When the announcement ends; 0: there is none.</param>
    /// <param name="PlaceBlockedUntil">Until when <paramref name="Place"/> is left alone, if it is not the origin's own.</param>
    /// <param name="BlockedUntil">Until when the origin's own place is left alone.</param>
    private sealed record Entry(Alternative Place, long Until, long PlaceBlockedUntil, long BlockedUntil);
}

/// <summary>Where an origin is served.</summary>
internal readonly record struct Alternative(string Host, int Port)
{
    /// <summary>The origin's own place.</summary>
    public static Alternative Of(Uri origin) => new(origin.IdnHost, origin.Port);
}
