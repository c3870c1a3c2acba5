using Net.Core.Errors;

namespace Net.Core.Tls;

/// <summary>The half of a handshake that differs between client and server; <see cref="HandshakeLink"/> drives it.</summary>
internal interface IHandshakeRole
{
    /// <summary>A message at the level that was due. Never called while a request is under way.</summary>
    TransportError OnMessage(in HandshakeMessage message);

    TransportError OnAnswer(CryptoRequest request, CryptoAnswer answer);

    /// <summary>Overwrites what secrets are left, after a failure.</summary>
    void Wipe();
}
