using Net.Core.Connections;
using Net.Core.Wire;
using Net.Migration.Envelope;
using Net.Migration.Ingress;

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
            rings[i] = new(new FederationKey(0, entropy.Slice(i * FederationKey.Length, FederationKey.Length).ToArray(), EncryptsIds: i == 0));
        }

        return new(rings[0], rings[1], rings[2], rings[3]);
    }

    /// <summary>New keys for every purpose: the first step of what follows when a member was removed.</summary>
    /// <param name="entropy">128 random bytes.</param>
    /// <remarks>
    /// Connections that exist keep IDs and reset tokens, so those keys stay in their rings. Tokens are taken under the new key alone from now
    /// on. Tags are written under the old key until everybody can open the new one: see <see cref="NextStep"/>. A rotation that has only begun is given up for
    /// this one. So the tags' current key may stay while all numbers go round: its own is passed over.
    /// </remarks>
    public FederationKeys BeginRotation(ReadOnlySpan<byte> entropy)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(entropy.Length, EntropyLength, nameof(entropy));
        byte number = FederationKey.NumberAfter(Cid.Current.Number);
        if (number == Tag.Current.Number)
        {
            number = FederationKey.NumberAfter(number);
        }

        FederationKey[] keys = new FederationKey[4];
        for (int i = 0; i < keys.Length; i++)
        {
            keys[i] = new(number, entropy.Slice(i * FederationKey.Length, FederationKey.Length).ToArray(), EncryptsIds: i == 0);
        }

        return new(Cid.Rotate(keys[0]), Reset.Rotate(keys[1]), new(keys[2]), new(Tag.Current, keys[3]));
    }

    /// <summary>The keys with which a rotation goes on; null when there is none under way.</summary>
    public FederationKeys? NextStep() => Tag.All is not [{ } first, { } second] ? null
        : this with { Tag = Step == 1 ? Tag.Retire() : new(second, first) };

    /// <summary>What connections are made with, that of new ones first.</summary>
    /// <remarks>
    /// In the first step of a rotation that is the one of before: an ingress that hears of the new one later than a node has to read what its client got from that node
    /// (draft-ietf-quic-load-balancers, section 3.1). What a rotation made that has been given up for this one is as new: the tags' current key tells the one of before,
    /// unless it has left the ring.
    /// </remarks>
    public IReadOnlyList<ConnectionKeys> ForConnections()
    {
        byte first = Step != 0 ? Cid.Current.Number
            : Cid.TryGet(Tag.Current.Number, out FederationKey before) ? before.Number
            : Cid.All[int.Min(1, Cid.All.Count - 1)].Number;
        List<ConnectionKeys> derived = [];
        foreach (FederationKey cid in Cid.All)
        {
            FederationKey reset = Reset.TryGet(cid.Number, out FederationKey same) ? same : Reset.Current;
            derived.Insert(cid.Number == first ? 0 : derived.Count, new(cid.Number, cid.Number, cid.Secret, reset.Secret) { Cipher = cid.DeriveCipher() });
        }

        return derived;
    }

    /// <summary>What an ingress forwards with.</summary>
    public RouterKeys ForRouters() => new(Tag, new(Cid.All.Select(key => (key.Number, key.DeriveCipher()))));

    /// <summary>Which of two goes on: what is told, unless what is held has come from it.</summary>
    /// <param name="held">Null for nothing yet.</param>
    /// <param name="told">By whoever may be behind: an ingress that is cut off from the directory, a copy of the directory's store.</param>
    /// <remarks>Keys of before a rotation are known to the member that was removed. Keys that have nothing in common are those of a federation begun anew.</remarks>
    public static FederationKeys Latest(FederationKeys? held, FederationKeys told) => held is not null && told.IsOlderThan(held) ? held : told;

    private bool IsOlderThan(FederationKeys other) => Cid.Current.Equals(other.Cid.Current)
        ? Step < other.Step
        : other.Cid.All.Contains(Cid.Current);

    /// <summary>How far the rotation that made the current keys has come: the new tag is read, written, alone.</summary>
    private int Step => Tag.All.Count == 1 ? 2 : Tag.Current.Number == Cid.Current.Number ? 1 : 0;

    public void Write(FieldWriter writer)
    {
        Cid.Write(writer);
        Reset.Write(writer);
        Token.Write(writer);
        Tag.Write(writer);
    }

    public static bool TryRead(ref ByteReader reader, out FederationKeys? keys)
    {
        bool complete = KeyRing.TryRead(ref reader, mayEncryptIds: true, out KeyRing? cid) & KeyRing.TryRead(ref reader, mayEncryptIds: false, out KeyRing? reset)
            & KeyRing.TryRead(ref reader, mayEncryptIds: false, out KeyRing? token) & KeyRing.TryRead(ref reader, mayEncryptIds: false, out KeyRing? tag);
        keys = complete ? new(cid!, reset!, token!, tag!) : null;
        return complete;
    }
}
