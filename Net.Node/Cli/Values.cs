using System.Globalization;
using System.Text;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Link;
using Net.Node.Etcd;

namespace Net.Node.Cli;

/// <summary>Reads one value of the command line. The error, if any, is <c>what: what to do</c>, and names the flag.</summary>
internal static class Values
{
    /// <summary>MiB in 2^40 bytes, the most that `/bytes` has.</summary>
    public const long MaxSizeMiB = 1L << 20;

    public const int MaxMoves = 10_000;

    private const int MaxSeconds = 86_400;

    public static bool TryAddress(string flag, string text, out UdpAddress address, out string error)
    {
        bool isSound = UdpAddress.TryParse(text, out address);
        error = isSound ? "" : $"{flag} '{Shown(text)}' is not an address: give ADDR:PORT or [IPv6]:PORT, port 0 to 65535";
        return isSound;
    }

    /// <summary>An address to connect to: its port cannot be chosen by the system.</summary>
    public static bool TryRemote(string flag, string text, out UdpAddress address, out string error)
    {
        if (TryAddress(flag, text, out address, out error) && address.Port == 0)
        {
            error = $"{flag} '{Shown(text)}' has no port to connect to: give the port that the ingress printed when it was ready";
        }

        return error.Length == 0;
    }

    public static bool TryWhole(string flag, string text, long most, out long value, out string error)
    {
        bool isNumber = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
        error = isNumber && value >= 0 && value <= most ? ""
            : isNumber && value < 0 ? $"{flag} {Shown(text)} is negative: give 0 or more"
            : isNumber || IsDigits(text) ? $"{flag} {Shown(text)} is too large: give at most {most}"
            : $"{flag} '{Shown(text)}' is not a whole number: give 0 to {most}";
        return error.Length == 0;
    }

    public static bool TrySeconds(string flag, string text, out TimeSpan value, out string error)
    {
        bool isSound = double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
            && seconds is >= 0.001 and <= MaxSeconds;
        value = isSound ? TimeSpan.FromSeconds(seconds) : default;
        error = isSound ? "" : $"{flag} '{Shown(text)}' is not a time: give seconds, more than 0 and at most {MaxSeconds}";
        return isSound;
    }

    /// <summary>The name of something that is to be: a node or a component.</summary>
    public static bool TryName(string flag, string text, out string error)
    {
        error = Names.IsValid(text) ? ""
            : $"{flag} '{Shown(text)}' is not a name: use 1 to {Names.MaxLength} of a-z, 0-9 and inner hyphens, as in a DNS label";
        return error.Length == 0;
    }

    /// <summary>The name of something that may be: whether it exists is the ingress's answer, not a matter of form.</summary>
    public static bool TryTyped(string flag, string text, out string error)
    {
        error = text.Length > 0 && Encoding.UTF8.GetByteCount(text) <= MigrateMessage.MaxTyped ? ""
            : $"{flag} is empty or longer than {MigrateMessage.MaxTyped} bytes: give the name that `continuum status` shows";
        return error.Length == 0;
    }

    public static bool TryDirectory(string flag, string text, out EtcdAddress? address, out string error)
    {
        bool isSound = EtcdAddress.TryParse(text, out address);
        error = isSound ? "" : $"{flag} '{Shown(text)}' is no etcd: give etcd://HOST:PORT[,HOST:PORT...][/NAME], or etcds:// with TLS";
        return isSound;
    }

    public static bool TryPath(string flag, string text, out string error)
    {
        error = text.Length > 0 && !text.Contains('\0') ? "" : $"{flag} needs a path: give one that is not empty";
        return error.Length == 0;
    }

    public static bool TryUrl(string text, out Uri? url, out string error)
    {
        bool isUrl = Uri.TryCreate(text, UriKind.Absolute, out url);
        error = isUrl && url!.Scheme == Uri.UriSchemeHttps && url.Host.Length > 0 && url.UserInfo.Length == 0 ? ""
            : isUrl && url!.Scheme != Uri.UriSchemeHttps ? $"URL '{Shown(text)}' is not https, and HTTP/3 has no other: use https://HOST[:PORT]/PATH"
            : $"'{Shown(text)}' is not a URL that can be fetched: use https://HOST[:PORT]/PATH";
        return error.Length == 0;
    }

    /// <summary>What was typed, short and without control characters: it goes to a terminal.</summary>
    public static string Shown(string text)
    {
        StringBuilder shown = new();
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, 80)))
        {
            shown.Append(char.IsControl(c) ? '?' : c);
        }

        return text.Length > 80 ? $"{shown}..." : shown.ToString();
    }

    private static bool IsDigits(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange('0', '9');
}
