using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>The keys of one purpose: the current one, and earlier ones that are still honoured until they retire.</summary>
/// <remarks>Current first; numbers differ. Immutable: a rotation makes a new ring.</remarks>
internal sealed class KeyRing : IEquatable<KeyRing>
{
    /// <summary>Numbers are few, and a key must be gone before its number comes back.</summary>
    public const int MaxKeys = 4;

    private readonly FederationKey[] _keys;

    /// <exception cref="ArgumentException">None, more than four, a number twice, a wrong length.</exception>
    public KeyRing(params ReadOnlySpan<FederationKey> keys)
    {
        _keys = keys.ToArray();
        if (!IsSound(_keys))
        {
            throw new ArgumentException("a key ring has one to four keys of 32 bytes with different numbers", nameof(keys));
        }
    }

    public FederationKey Current => _keys[0];

    public IReadOnlyList<FederationKey> All => _keys;

    public bool TryGet(byte number, out FederationKey key)
    {
        foreach (FederationKey candidate in _keys)
        {
            if (candidate.Number == number)
            {
                key = candidate;
                return true;
            }
        }

        key = _keys[0];
        return false;
    }

    /// <summary>A new current key; the oldest falls out when there are too many, and so does one whose number comes back.</summary>
    /// <param name="key">Of 32 fresh random bytes.</param>
    public KeyRing Rotate(FederationKey key) => new([key, .. _keys.Take(MaxKeys - 1).Where(kept => kept.Number != key.Number)]);

    /// <summary>Only the current key: what follows when a member was removed, or when the earlier ones have served their time.</summary>
    public KeyRing Retire() => new(Current);

    public bool Equals(KeyRing? other) => other is not null && _keys.AsSpan().SequenceEqual(other._keys);

    public override bool Equals(object? obj) => Equals(obj as KeyRing);

    public override int GetHashCode() => Current.Number;

    public void Write(FieldWriter writer)
    {
        writer.WriteVarInt((ulong)_keys.Length);
        foreach (FederationKey key in _keys)
        {
            key.Write(writer);
        }
    }

    /// <param name="mayEncryptIds">Whether its keys are for connection IDs (<see cref="FederationKey.EncryptsIds"/>).</param>
    public static bool TryRead(ref ByteReader reader, bool mayEncryptIds, out KeyRing? ring)
    {
        ring = null;
        if (!reader.TryReadCount(MaxKeys, 1 + FederationKey.Length, out int count))
        {
            return false;
        }

        FederationKey[] keys = new FederationKey[count];
        for (int i = 0; i < count; i++)
        {
            if (!FederationKey.TryRead(ref reader, mayEncryptIds, out keys[i]))
            {
                return false;
            }
        }

        ring = IsSound(keys) ? new(keys) : null;
        return ring is not null;
    }

    private static bool IsSound(FederationKey[] keys)
    {
        int seen = 0;
        foreach (FederationKey key in keys)
        {
            if (key.Secret.Length != FederationKey.Length || key.Number > FederationKey.MaxNumber || (seen & (1 << key.Number)) != 0)
            {
                return false;
            }

            seen |= 1 << key.Number;
        }

        return keys.Length is > 0 and <= MaxKeys;
    }
}
