using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc7748;

namespace Net.Core.Crypto;

/// <summary>Ephemeral Diffie-Hellman of TLS 1.3 (RFC 8446, section 7.4). The entropy comes in, so a seed replays a handshake.</summary>
/// <remarks>X25519 is BouncyCastle's (RFC 7748, constant time); the NIST curves are the base library's.</remarks>
internal static class KeyExchange
{
    public const int EntropyLength = 64;

    private const int X25519Length = 32;

    public static bool Supports(NamedGroup group) => group is NamedGroup.X25519 or NamedGroup.Secp256r1 or NamedGroup.Secp384r1;

    /// <summary>Bytes of a public key on the wire; 0 for a group that <see cref="Supports"/> does not take.</summary>
    public static int PublicLength(NamedGroup group) => group == NamedGroup.X25519 ? X25519Length : FieldLength(group) is int field and > 0 ? 1 + (2 * field) : 0;

    /// <param name="group">A supported group.</param>
    /// <param name="entropy">64 bytes from the host's random source, used for this alone.</param>
    /// <exception cref="ArgumentException">An unsupported group, or not 64 bytes.</exception>
    public static KeyShare Generate(NamedGroup group, ReadOnlySpan<byte> entropy)
    {
        if (!Supports(group) || entropy.Length != EntropyLength)
        {
            throw new ArgumentException("a supported group and 64 bytes of entropy are needed");
        }

        return group == NamedGroup.X25519 ? GenerateX25519(entropy) : GenerateNist(group, entropy);
    }

    /// <param name="group">The group of both keys.</param>
    /// <param name="privateKey">Of <see cref="Generate"/>.</param>
    /// <param name="peerPublic">What the peer sent.</param>
    /// <param name="shared">The shared secret; empty if there is none.</param>
    /// <returns>False for a peer's key of the wrong length, off the curve, or (X25519) of small order: illegal_parameter.</returns>
    public static bool TryAgree(NamedGroup group, ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> peerPublic, out byte[] shared)
    {
        shared = [];
        if (!Supports(group) || peerPublic.Length != PublicLength(group))
        {
            return false;
        }

        return group == NamedGroup.X25519 ? TryAgreeX25519(privateKey, peerPublic, out shared) : TryAgreeNist(group, privateKey, peerPublic, out shared);
    }

    private static KeyShare GenerateX25519(ReadOnlySpan<byte> entropy)
    {
        byte[] scalar = entropy[..X25519Length].ToArray();
        byte[] point = new byte[X25519Length];
        X25519.ScalarMultBase(scalar, point);
        return new KeyShare(NamedGroup.X25519, scalar, point);
    }

    private static bool TryAgreeX25519(ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> point, out byte[] shared)
    {
        shared = new byte[X25519Length];
        X25519.ScalarMult(scalar, point, shared);

        // All zeros means a point of small order: the peer would know the secret without a key (RFC 8446, section 7.4.2).
        int any = 0;
        foreach (byte value in shared)
        {
            any |= value;
        }

        shared = any != 0 ? shared : [];
        return any != 0;
    }

    // A private key of a NIST curve is held as scalar, x, y, which saves the multiplication at the second import.
    private static KeyShare GenerateNist(NamedGroup group, ReadOnlySpan<byte> entropy)
    {
        byte[] scalar = Scalar(group, entropy);
        using ECDiffieHellman pair = ECDiffieHellman.Create(new ECParameters { Curve = Curve(group), D = scalar });
        ECPoint q = pair.ExportParameters(includePrivateParameters: false).Q;
        byte[] secret = [.. scalar, .. q.X!, .. q.Y!];
        CryptographicOperations.ZeroMemory(scalar);
        return new KeyShare(group, secret, [0x04, .. q.X!, .. q.Y!]);
    }

    private static bool TryAgreeNist(NamedGroup group, ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> peerPublic, out byte[] shared)
    {
        shared = [];
        int field = FieldLength(group);
        if (peerPublic[0] != 0x04)
        {
            // Compressed points do not exist in TLS 1.3.
            return false;
        }

        byte[] scalar = privateKey[..field].ToArray();
        ECParameters own = new()
        {
            Curve = Curve(group),
            D = scalar,
            Q = privateKey.Length == 3 * field
                ? new ECPoint { X = privateKey.Slice(field, field).ToArray(), Y = privateKey[(2 * field)..].ToArray() }
                : default,
        };
        ECParameters peer = new()
        {
            Curve = own.Curve,
            Q = new ECPoint { X = peerPublic.Slice(1, field).ToArray(), Y = peerPublic[(1 + field)..].ToArray() },
        };
        try
        {
            // The import checks that the point is on the curve, which has no smaller subgroup.
            using ECDiffieHellman theirs = ECDiffieHellman.Create(peer);
            using ECDiffieHellman ours = ECDiffieHellman.Create(own);
            using ECDiffieHellmanPublicKey key = theirs.PublicKey;
            shared = ours.DeriveRawSecretAgreement(key);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    /// <summary>A scalar in 1..n-1 by rejection: what is thrown away says nothing about what is kept, and there is no bias.</summary>
    private static byte[] Scalar(NamedGroup group, ReadOnlySpan<byte> entropy)
    {
        byte[] scalar = new byte[FieldLength(group)];
        ReadOnlySpan<byte> order = Order(group);
        for (byte attempt = 0; ; attempt++)
        {
            // The chance of a second attempt is 2^-32; after 256 of them the entropy is not entropy.
            Hkdf.Expand(HashAlgorithmName.SHA512, entropy, [(byte)group, checked(attempt)], scalar);
            if (IsBelow(scalar, order) && scalar.AsSpan().ContainsAnyExcept((byte)0))
            {
                return scalar;
            }
        }
    }

    private static bool IsBelow(ReadOnlySpan<byte> value, ReadOnlySpan<byte> limit)
    {
        int borrow = 0;
        for (int i = value.Length - 1; i >= 0; i--)
        {
            borrow = ((value[i] - limit[i] - borrow) >> 31) & 1;
        }

        return borrow == 1;
    }

    private static int FieldLength(NamedGroup group) => group switch
    {
        NamedGroup.Secp256r1 => 32,
        NamedGroup.Secp384r1 => 48,
        _ => 0,
    };

    private static ECCurve Curve(NamedGroup group) => group == NamedGroup.Secp256r1 ? ECCurve.NamedCurves.nistP256 : ECCurve.NamedCurves.nistP384;

    private static ReadOnlySpan<byte> Order(NamedGroup group) => group == NamedGroup.Secp256r1
        ?
        [
            0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
            0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
        ]
        :
        [
            0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
            0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC7, 0x63, 0x4D, 0x81, 0xF4, 0x37, 0x2D, 0xDF,
            0x58, 0x1A, 0x0D, 0xB2, 0x48, 0xB0, 0xA7, 0x7A, 0xEC, 0xEC, 0x19, 0x6A, 0xCC, 0xC5, 0x29, 0x73,
        ];
}
