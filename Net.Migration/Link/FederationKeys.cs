using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>Every secret that a federation's members share. Each purpose has its own, so that none serves as an oracle for another.</summary>
/// <param name="Cid">Derives connection IDs and encrypts their bits.</param>
/// <param name="Reset">Derives stateless reset tokens.</param>
/// <param name="Token">Seals Retry and NEW_TOKEN tokens, so that any member opens them.</param>
/// <param name="Tag">Tags datagrams between ingress and node.</param>
internal sealed record FederationKeys(KeyRing Cid, KeyRing Reset, KeyRing Token, KeyRing Tag)
{
    /// <summary>Random bytes that <see cref="Create"/> takes.</summary>
    public const int EntropyLength = 4 * FederationKey.Length;

    /// <summary>A federation's first keys.</summary>
    /// <param name="entropy">128 random bytes.</param>
    public static FederationKeys Create(ReadOnlySpan<byte> entropy)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(entropy.Length, EntropyLength, nameof(entropy));
        KeyRing[] rings = new KeyRing[4];
        for (int i = 0; i < rings.Length; i++)
        {
            rings[i] = new(new FederationKey(0, entropy.Slice(i * FederationKey.Length, FederationKey.Length).ToArray()));
        }

        return new(rings[0], rings[1], rings[2], rings[3]);
    }

    public void Write(FieldWriter writer)
    {
        Cid.Write(writer);
        Reset.Write(writer);
        Token.Write(writer);
        Tag.Write(writer);
    }

    public static bool TryRead(ref ByteReader reader, out FederationKeys? keys)
    {
        bool complete = KeyRing.TryRead(ref reader, out KeyRing? cid) & KeyRing.TryRead(ref reader, out KeyRing? reset)
            & KeyRing.TryRead(ref reader, out KeyRing? token) & KeyRing.TryRead(ref reader, out KeyRing? tag);
        keys = complete ? new(cid!, reset!, token!, tag!) : null;
        return complete;
    }
}
