using Net.Core.Crypto;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>A public key for one group (RFC 8446, section 4.2.8).</summary>
internal readonly record struct KeyShareEntry(NamedGroup Group, byte[] PublicKey)
{
    public static bool TryRead(ref ByteReader reader, out KeyShareEntry entry)
    {
        entry = default;
        if (!reader.TryReadUInt16(out ushort group) || !reader.TryReadVector16(out ReadOnlySpan<byte> key) || key.IsEmpty)
        {
            return false;
        }

        // Shares of groups that we do not know are counted, never stored (checklist S41).
        entry = new((NamedGroup)group, KeyExchange.Supports((NamedGroup)group) ? key.ToArray() : []);
        return true;
    }

    public void Write(MessageWriter writer)
    {
        writer.WriteUInt16((ushort)Group);
        writer.WriteVector16(PublicKey);
    }
}
