namespace Net.Core.Tls.Messages;

/// <summary>Proof that both sides saw the same handshake (RFC 8446, section 4.4.4). Its body is the bare HMAC, so there is nothing to parse.</summary>
internal readonly record struct Finished(byte[] VerifyData) : IHandshakeMessage
{
    public static HandshakeType Type => HandshakeType.Finished;

    public void WriteBody(MessageWriter writer) => writer.WriteBytes(VerifyData);
}
