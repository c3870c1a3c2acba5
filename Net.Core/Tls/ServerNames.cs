using System.Net;
using System.Text;
using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>The server_name extension (RFC 6066, section 3).</summary>
internal static class ServerNames
{
    /// <summary>The first and only host name of a ClientHello, in lower case.</summary>
    /// <remarks>
    /// Letters, digits, '-', '_' and '.' alone: the name goes into routes, logs and certificate look-ups (checklist S42).
    /// A trailing dot is not permitted by the RFC.
    /// </remarks>
    public static TransportError TryRead(ReadOnlySpan<byte> body, out string? name)
    {
        name = null;
        ByteReader reader = new(body);
        if (!reader.TryReadVector16(out ReadOnlySpan<byte> list) || !reader.IsEmpty || list.IsEmpty)
        {
            return AlertDescription.DecodeError.Because("server_name does not parse");
        }

        ByteReader entries = new(list);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadByte(out byte type) || !entries.TryReadVector16(out ReadOnlySpan<byte> value))
            {
                return AlertDescription.DecodeError.Because("server_name does not parse");
            }

            if (type != 0)
            {
                continue;
            }

            if (name is not null || !IsHostName(value))
            {
                return AlertDescription.IllegalParameter.Because("server_name is not one host name");
            }

            name = Encoding.ASCII.GetString(value).ToLowerInvariant();
        }

        return TransportError.None;
    }

    public static void Write(MessageWriter writer, string name)
    {
        int list = writer.Begin(2);
        writer.WriteByte(0);
        writer.WriteVector16(Encoding.ASCII.GetBytes(name));
        writer.End(list, 2);
    }

    /// <summary>Whether the name may be sent: literal addresses may not (RFC 6066), they are checked against the certificate only.</summary>
    public static bool IsSent(string name) => !IPAddress.TryParse(name, out _) && IsHostName(Encoding.UTF8.GetBytes(name));

    private static bool IsHostName(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > TlsLimits.ServerName || name[^1] == '.')
        {
            return false;
        }

        foreach (byte letter in name)
        {
            if (!char.IsAsciiLetterOrDigit((char)letter) && letter is not ((byte)'-' or (byte)'.' or (byte)'_'))
            {
                return false;
            }
        }

        return true;
    }
}
