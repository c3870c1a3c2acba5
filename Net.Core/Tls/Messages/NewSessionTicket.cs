using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Tls.Messages;

/// <summary>A ticket for a later, shorter handshake (RFC 8446, section 4.6.1).</summary>
internal sealed class NewSessionTicket : IHandshakeMessage
{
    /// <summary>The only value in QUIC, where flow control limits 0-RTT (RFC 9001, section 4.6.1).</summary>
    private const uint QuicEarlyData = 0xFFFF_FFFF;

    public static HandshakeType Type => HandshakeType.NewSessionTicket;

    /// <summary>Seconds; 604,800 (7 days) at most.</summary>
    public uint Lifetime { get; init; }

    public uint AgeAdd { get; init; }

    public byte[] Nonce { get; init; } = [];

    public required byte[] Ticket { get; init; }

    /// <summary>The server takes 0-RTT data with it.</summary>
    public bool AllowsEarlyData { get; set; }

    public static TransportError TryRead(ReadOnlySpan<byte> body, out NewSessionTicket message)
    {
        message = new() { Ticket = [] };
        ByteReader reader = new(body);
        if (!reader.TryReadUInt32(out uint lifetime)
            || !reader.TryReadUInt32(out uint ageAdd)
            || !reader.TryReadVector8(out ReadOnlySpan<byte> nonce)
            || !reader.TryReadVector16(out ReadOnlySpan<byte> ticket) || ticket.IsEmpty)
        {
            return AlertDescription.DecodeError.Because("NewSessionTicket does not parse");
        }

        message = new() { Lifetime = lifetime, AgeAdd = ageAdd, Nonce = nonce.ToArray(), Ticket = ticket.ToArray() };
        TransportError error = ExtensionBlock.TryRead(ref reader, out ExtensionBlock extensions);
        if (!error.IsError && !reader.IsEmpty)
        {
            error = AlertDescription.DecodeError.Because("NewSessionTicket does not end with its extensions");
        }

        while (!error.IsError && extensions.MoveNext())
        {
            if (extensions.Type == ExtensionType.EarlyData)
            {
                message.AllowsEarlyData = true;
                ByteReader early = new(extensions.Body);
                error = !early.TryReadUInt32(out uint size) || !early.IsEmpty
                    ? AlertDescription.DecodeError.Because("early_data does not parse")
                    : size != QuicEarlyData
                        ? TransportError.ProtocolViolation("max_early_data_size is not QUIC's", FrameType.Crypto)
                        : TransportError.None;
            }
        }

        return error;
    }

    public void WriteBody(MessageWriter writer)
    {
        writer.WriteUInt32(Lifetime);
        writer.WriteUInt32(AgeAdd);
        writer.WriteVector8(Nonce);
        writer.WriteVector16(Ticket);
        int extensions = writer.Begin(2);
        if (AllowsEarlyData)
        {
            int mark = writer.BeginExtension(ExtensionType.EarlyData);
            writer.WriteUInt32(QuicEarlyData);
            writer.End(mark, 2);
        }

        writer.End(extensions, 2);
    }
}
