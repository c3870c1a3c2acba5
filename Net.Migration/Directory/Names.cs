using System.Diagnostics.CodeAnalysis;
using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Directory;

/// <summary>What a node or a component may be called: one DNS label in lower case (RFC 1035, section 2.3.1), as a component is named by one.</summary>
internal static class Names
{
    /// <summary>Octets of a DNS label.</summary>
    public const int MaxLength = 63;

    /// <summary>Common name of an ingress's certificate, and so no node's: a node believes nobody else's word about who owns what.</summary>
    public const string Ingress = "ingress";

    public static bool IsValid(string name)
    {
        if (name.Length is 0 or > MaxLength || name[0] == '-' || name[^1] == '-')
        {
            return false;
        }

        foreach (char c in name)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not '-')
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The component that a server name, or an authority, asks for: its first label.</summary>
    /// <param name="host">With or without a port.</param>
    /// <returns>False for an address, which asks for nobody by name.</returns>
    public static bool TryLabel(string host, [NotNullWhen(true)] out string? label)
    {
        label = null;
        int colon = host.LastIndexOf(':');
        string name = colon < 0 || host.EndsWith(']') ? host : host[..colon];
        if (name.Length == 0 || name[0] == '[' || System.Net.IPAddress.TryParse(name, out _))
        {
            return false;
        }

        int dot = name.IndexOf('.', StringComparison.Ordinal);
        label = dot < 0 ? name : name[..dot];
        return true;
    }

    public static bool TryRead(ref ByteReader reader, out string name) => reader.TryReadString(MaxLength, out name) && IsValid(name);
}
