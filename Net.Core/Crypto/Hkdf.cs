using System.Security.Cryptography;

namespace Net.Core.Crypto;

/// <summary>HKDF (RFC 5869) and the labelled expansion of TLS 1.3 (RFC 8446, section 7.1), without allocation.</summary>
internal static class Hkdf
{
    private const int MaxInfo = 2 + 1 + 255 + 1 + 255;

    /// <summary>The secrets of the protocols end at SHA-512; nothing here is longer.</summary>
    public const int MaxHashLength = 64;

    /// <param name="hash">SHA-256 or SHA-384 (or another hash of the base library).</param>
    /// <param name="keyMaterial">The input keying material.</param>
    /// <param name="salt">Empty means a hash's length of zeros.</param>
    /// <param name="output">Exactly one hash.</param>
    public static void Extract(HashAlgorithmName hash, ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> salt, Span<byte> output) =>
        HKDF.Extract(hash, keyMaterial, salt, output);

    public static void Expand(HashAlgorithmName hash, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> info, Span<byte> output) =>
        HKDF.Expand(hash, secret, output, info);

    /// <summary>HKDF-Expand-Label.</summary>
    /// <param name="hash">The suite's hash.</param>
    /// <param name="secret">A secret of one hash's length.</param>
    /// <param name="label">Without the prefix "tls13 ", which is added here; at most 249 bytes.</param>
    /// <param name="context">A transcript hash, or empty; at most 255 bytes.</param>
    /// <param name="output">Receives as many bytes as it is long: its length is part of what is derived.</param>
    public static void ExpandLabel(
        HashAlgorithmName hash, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output)
    {
        ReadOnlySpan<byte> prefix = "tls13 "u8;
        Span<byte> info = stackalloc byte[MaxInfo];
        int at = 0;
        info[at++] = (byte)(output.Length >> 8);
        info[at++] = (byte)output.Length;
        info[at++] = checked((byte)(prefix.Length + label.Length));
        prefix.CopyTo(info[at..]);
        at += prefix.Length;
        label.CopyTo(info[at..]);
        at += label.Length;
        info[at++] = checked((byte)context.Length);
        context.CopyTo(info[at..]);
        at += context.Length;
        HKDF.Expand(hash, secret, output, info[..at]);
    }
}
