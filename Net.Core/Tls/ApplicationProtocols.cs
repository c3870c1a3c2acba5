using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>The application_layer_protocol_negotiation extension (RFC 7301), mandatory in QUIC (RFC 9001, section 8.1).</summary>
internal static class ApplicationProtocols
{
    /// <returns>False when it does not parse, is empty, holds an empty name or too many.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out List<byte[]> names)
    {
        names = [];
        ByteReader reader = new(body);
        if (!reader.TryReadVector16(out ReadOnlySpan<byte> list) || !reader.IsEmpty || list.IsEmpty)
        {
            return false;
        }

        ByteReader entries = new(list);
        while (!entries.IsEmpty)
        {
            if (!entries.TryReadVector8(out ReadOnlySpan<byte> name) || name.IsEmpty || names.Count == TlsLimits.ApplicationProtocols)
            {
                return false;
            }

            names.Add(name.ToArray());
        }

        return true;
    }

    public static void Write(MessageWriter writer, IReadOnlyList<byte[]> names)
    {
        int list = writer.Begin(2);
        foreach (byte[] name in names)
        {
            writer.WriteVector8(name);
        }

        writer.End(list, 2);
    }

    /// <summary>The first of ours that the peer names too; null when there is none.</summary>
    /// <remarks>Our list is a handful: the cost is linear in the peer's.</remarks>
    public static byte[]? Select(IReadOnlyList<byte[]> ours, IReadOnlyList<byte[]> theirs)
    {
        foreach (byte[] name in ours)
        {
            if (Contains(theirs, name))
            {
                return name;
            }
        }

        return null;
    }

    public static bool Contains(IReadOnlyList<byte[]> names, ReadOnlySpan<byte> name)
    {
        foreach (byte[] candidate in names)
        {
            if (name.SequenceEqual(candidate))
            {
                return true;
            }
        }

        return false;
    }
}
