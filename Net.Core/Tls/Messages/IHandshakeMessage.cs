namespace Net.Core.Tls.Messages;

/// <summary>A handshake message (RFC 8446, section 4): one type per message, one file per type.</summary>
/// <remarks>
/// Each also has <c>static TransportError TryRead(ReadOnlySpan&lt;byte&gt; body, out T message)</c>, which copies what it keeps and never throws.
/// Unknown extensions are skipped where the peer may send them and refused where it may only answer ours.
/// </remarks>
internal interface IHandshakeMessage
{
    static abstract HandshakeType Type { get; }

    /// <summary>Writes what follows the header; <see cref="MessageWriter.Frame"/> puts the header in front.</summary>
    void WriteBody(MessageWriter writer);
}
