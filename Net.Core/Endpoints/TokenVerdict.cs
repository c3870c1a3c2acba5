using Net.Core.Wire;

namespace Net.Core.Endpoints;

internal enum TokenKind
{
    /// <summary>None, or one that says nothing to us: of another server, of a key that is gone, expired, damaged.</summary>
    Unknown,

    /// <summary>Of a NEW_TOKEN frame: the host was there within the token's lifetime (RFC 9000, section 8.1.3).</summary>
    NewToken,

    /// <summary>Of a Retry, to this address and port, for this connection (RFC 9000, section 8.1.2).</summary>
    Retry,

    /// <summary>It says that it came with a Retry, and does not hold: the client accepts no second one, so there is nothing to wait for.</summary>
    FalseRetry,
}

/// <summary>What a token proves.</summary>
/// <param name="Original">The destination of the client's first Initial; of <see cref="TokenKind.Retry"/> alone.</param>
/// <param name="Serial">Tells tokens apart, to use each once.</param>
internal readonly record struct TokenVerdict(TokenKind Kind, ConnectionId Original = default, UInt128 Serial = default)
{
    public bool IsValid => Kind is TokenKind.NewToken or TokenKind.Retry;
}
