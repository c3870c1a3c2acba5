using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>One identity of pre_shared_key.</summary>
internal readonly record struct PskIdentity(byte[] Ticket, uint ObfuscatedAge);

/// <summary>The client's pre_shared_key extension (RFC 8446, section 4.2.11): tickets, and for each the proof that its key is known.</summary>
internal sealed class PskOffer
{
    /// <summary>psk_dhe_ke, the only mode that is spoken here: without a key agreement a stolen ticket key would open recorded connections.</summary>
    public const byte DheMode = 1;

    private const int MinBinder = 32;

    /// <summary>The first <see cref="TlsLimits.PskIdentities"/>; the rest is not looked at.</summary>
    public required IReadOnlyList<PskIdentity> Identities { get; init; }

    /// <summary>For each of the identities.</summary>
    public required IReadOnlyList<byte[]> Binders { get; init; }

    /// <summary>Bytes at the end of the ClientHello that the binders do not cover: themselves, with their lengths.</summary>
    public int BindersLength { get; private init; }

    public static TransportError TryRead(ReadOnlySpan<byte> body, out PskOffer? offer)
    {
        offer = null;
        ByteReader reader = new(body);
        if (!reader.TryReadVector16(out ReadOnlySpan<byte> identityBytes))
        {
            return Malformed();
        }

        int bindersLength = reader.Remaining;
        if (!reader.TryReadVector16(out ReadOnlySpan<byte> binderBytes) || !reader.IsEmpty || identityBytes.IsEmpty || binderBytes.IsEmpty)
        {
            return Malformed();
        }

        List<PskIdentity> identities = [];
        int identityCount = 0;
        for (ByteReader walk = new(identityBytes); !walk.IsEmpty; identityCount++)
        {
            if (!walk.TryReadVector16(out ReadOnlySpan<byte> ticket) || ticket.IsEmpty || !walk.TryReadUInt32(out uint age))
            {
                return Malformed();
            }

            if (identities.Count < TlsLimits.PskIdentities)
            {
                identities.Add(new(ticket.ToArray(), age));
            }
        }

        List<byte[]> binders = [];
        int binderCount = 0;
        for (ByteReader walk = new(binderBytes); !walk.IsEmpty; binderCount++)
        {
            if (!walk.TryReadVector8(out ReadOnlySpan<byte> binder) || binder.Length < MinBinder)
            {
                return Malformed();
            }

            if (binders.Count < TlsLimits.PskIdentities)
            {
                binders.Add(binder.ToArray());
            }
        }

        if (identityCount != binderCount)
        {
            return AlertDescription.IllegalParameter.Because("not one binder for each identity");
        }

        offer = new() { Identities = identities, Binders = binders, BindersLength = bindersLength };
        return TransportError.None;
    }

    public void Write(MessageWriter writer)
    {
        int mark = writer.Begin(2);
        foreach (PskIdentity identity in Identities)
        {
            writer.WriteVector16(identity.Ticket);
            writer.WriteUInt32(identity.ObfuscatedAge);
        }

        writer.End(mark, 2);
        mark = writer.Begin(2);
        foreach (byte[] binder in Binders)
        {
            writer.WriteVector8(binder);
        }

        writer.End(mark, 2);
    }

    private static TransportError Malformed() => AlertDescription.DecodeError.Because("pre_shared_key does not parse");
}
