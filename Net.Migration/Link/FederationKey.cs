using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>A secret that all members of a federation share, under the number that names it on the wire.</summary>
/// <param name="Number">0 to 6, rotating: it has to fit the configuration bits of a connection ID.</param>
/// <param name="Secret">32 bytes.</param>
/// <param name="EncryptsIds">
/// Connection IDs of this generation are encrypted. Of keys for connection IDs alone. It goes with the key, not with the version of whoever uses it: the IDs of connections
/// that were there before are told to their clients, and are read and made again in their form for as long as their key is in the ring.
/// </param>
/// <remarks>
/// <code>
/// octet 0       1 bit: encrypts IDs, 7 bits: number (0-6)
/// octets 1-32   secret
/// </code>
/// </remarks>
internal sealed record FederationKey(byte Number, ReadOnlyMemory<byte> Secret, bool EncryptsIds = false)
{
    public const int Length = 32;

    public const byte MaxNumber = 6;

    private const byte EncryptsIdsBit = 0x80;

    /// <summary>What an ID's 28-byte message is not (<c>ConnectionIdDeriver</c>), so that the two never have a value in common.</summary>
    private static ReadOnlySpan<byte> CipherLabel => "continuum connection ID encryption"u8;

    /// <summary>The number that comes after this one.</summary>
    public static byte NumberAfter(byte number) => (byte)((number + 1) % (MaxNumber + 1));

    public bool Equals(FederationKey? other) =>
        other is not null && Number == other.Number && EncryptsIds == other.EncryptsIds && CryptographicOperations.FixedTimeEquals(Secret.Span, other.Secret.Span);

    public override int GetHashCode() => Number;

    /// <summary>Never the secret: this goes to logs.</summary>
    public override string ToString() => $"key {Number}";

    /// <summary>What encrypts IDs of this generation, and decrypts them; null when they are not encrypted. The secret does not follow from its key.</summary>
    public CidCipher? DeriveCipher()
    {
        if (!EncryptsIds)
        {
            return null;
        }

        Span<byte> key = stackalloc byte[CidCipher.KeyLength];
        Hkdf.Expand(HashAlgorithmName.SHA256, Secret.Span, CipherLabel, key);
        CidCipher cipher = new(key);
        CryptographicOperations.ZeroMemory(key);
        return cipher;
    }

    public void Write(FieldWriter writer)
    {
        writer.WriteByte((byte)(Number | (EncryptsIds ? EncryptsIdsBit : 0)));
        writer.WriteBytes(Secret.Span);
    }

    /// <param name="mayEncryptIds">Whether it is a key for connection IDs: of others the bit says nothing, so that none has it.</param>
    public static bool TryRead(ref ByteReader reader, bool mayEncryptIds, out FederationKey key)
    {
        bool complete = reader.TryReadByte(out byte number) & reader.TryReadBytes(Length, out ReadOnlySpan<byte> secret);
        bool encryptsIds = (number & EncryptsIdsBit) != 0;
        number &= EncryptsIdsBit - 1;
        key = complete ? new(number, secret.ToArray(), encryptsIds) : new(0, new byte[Length]);
        return complete && number <= MaxNumber && (mayEncryptIds || !encryptsIds);
    }
}
