namespace Net.Core.Tls;

/// <summary>One complete handshake message as it came.</summary>
/// <param name="Type">Its type, known to us or not.</param>
/// <param name="Bytes">All of it, with the header: what the transcript takes.</param>
internal readonly record struct HandshakeMessage(HandshakeType Type, ReadOnlyMemory<byte> Bytes)
{
    public const int HeaderLength = 4;

    public ReadOnlySpan<byte> Body => Bytes.Span[HeaderLength..];
}
