using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Net.Node.Etcd;

/// <summary>Where a federation's etcd is: <c>etcd://host:port[,host:port...][/name]</c>, or <c>etcds://</c> for TLS.</summary>
/// <param name="IsSecure">TLS.</param>
/// <param name="Endpoints"><c>host:port</c> each, members of one cluster, in the order in which they are tried.</param>
/// <param name="Prefix">Of all keys; begins and ends with a slash.</param>
internal sealed record EtcdAddress(bool IsSecure, IReadOnlyList<string> Endpoints, string Prefix)
{
    public const int MaxEndpoints = 16;

    private const string DefaultName = "continuum";

    /// <summary>As people know it.</summary>
    public override string ToString() => $"{(IsSecure ? "etcds" : "etcd")}://{string.Join(',', Endpoints)}";

    public static bool TryParse(string text, [NotNullWhen(true)] out EtcdAddress? address)
    {
        address = null;
        bool isSecure = text.StartsWith("etcds://", StringComparison.Ordinal);
        if (!isSecure && !text.StartsWith("etcd://", StringComparison.Ordinal))
        {
            return false;
        }

        string rest = text[(text.IndexOf("//", StringComparison.Ordinal) + 2)..];
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        string name = slash < 0 ? DefaultName : rest[(slash + 1)..];
        string[] endpoints = (slash < 0 ? rest : rest[..slash]).Split(',');
        if (endpoints.Length > MaxEndpoints || !Array.TrueForAll(endpoints, IsEndpoint) || !Migration.Directory.Names.IsValid(name))
        {
            return false;
        }

        address = new(isSecure, endpoints, $"/{name}/");
        return true;
    }

    private static bool IsEndpoint(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
        {
            return false;
        }

        string host = text[..colon];
        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4
            || (host is ['[', .., ']'] && Uri.CheckHostName(host) is UriHostNameType.IPv6);
    }
}
