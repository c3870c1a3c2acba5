using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>Walks a block of extensions (RFC 8446, section 4.2) after it was checked once.</summary>
internal ref struct ExtensionBlock
{
    private ByteReader _reader;

    private ExtensionBlock(ReadOnlySpan<byte> bytes) => _reader = new(bytes);

    public ExtensionType Type { get; private set; }

    public ReadOnlySpan<byte> Body { get; private set; }

    public readonly bool IsLast => _reader.IsEmpty;

    /// <summary>Reads the block with its 16-bit length, which ends the message, and checks that it parses and names no type twice.</summary>
    /// <remarks>A bitmap over all 2^16 types keeps this linear, whatever the peer packs into 64 kB (checklist S41).</remarks>
    public static TransportError TryRead(scoped ref ByteReader reader, out ExtensionBlock block)
    {
        block = default;
        if (!reader.TryReadVector16(out ReadOnlySpan<byte> bytes))
        {
            return AlertDescription.DecodeError.Because("extensions are cut short");
        }

        Span<ulong> seen = stackalloc ulong[65_536 / 64];
        seen.Clear();
        ByteReader walk = new(bytes);
        while (!walk.IsEmpty)
        {
            if (!walk.TryReadUInt16(out ushort type) || !walk.TryReadVector16(out _))
            {
                return AlertDescription.DecodeError.Because("an extension is cut short");
            }

            ulong bit = 1UL << (type % 64);
            if ((seen[type / 64] & bit) != 0)
            {
                return AlertDescription.IllegalParameter.Because("an extension appears twice");
            }

            seen[type / 64] |= bit;
        }

        block = new(bytes);
        return TransportError.None;
    }

    public bool MoveNext()
    {
        if (_reader.IsEmpty)
        {
            return false;
        }

        _reader.TryReadUInt16(out ushort type);
        _reader.TryReadVector16(out ReadOnlySpan<byte> body);
        Type = (ExtensionType)type;
        Body = body;
        return true;
    }
}
