namespace Net.Core.Crypto;

/// <summary>A private key that signs and is never seen: in a file, in a module, or behind a service.</summary>
internal interface ISigner
{
    /// <summary>What it can sign with, best first; never empty.</summary>
    IReadOnlyList<SignatureScheme> Schemes { get; }

    /// <param name="scheme">One of <see cref="Schemes"/>.</param>
    /// <param name="content">What to sign, not hashed.</param>
    /// <exception cref="ArgumentException">A scheme that this key does not have.</exception>
    byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content);
}
