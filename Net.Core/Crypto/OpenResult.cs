namespace Net.Core.Crypto;

/// <summary>What came of a 1-RTT packet.</summary>
internal enum OpenResult
{
    /// <summary>Authentic: the plaintext stands in place.</summary>
    Opened,

    /// <summary>Not sealed with our keys, or too short: drop it (or recognise a stateless reset in its last 16 bytes).</summary>
    Forged,

    /// <summary>The peer broke the rules of key updates: close with KEY_UPDATE_ERROR (RFC 9001, section 6).</summary>
    KeyUpdateError,

    /// <summary>Too many forgeries: close with AEAD_LIMIT_REACHED, and process nothing more (RFC 9001, section 6.6).</summary>
    AeadLimitReached,
}
