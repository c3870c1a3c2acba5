using Net.Core.Crypto;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Tests.Migration.Ingress;

/// <summary>Makes the Initials of a client.</summary>
internal static class ClientFlight
{
    public static byte[] Hello(string? serverName, int padding = 0) => MessageWriter.Frame(new ClientHello
    {
        Random = new byte[32],
        CipherSuites = [0x1301],
        ServerName = serverName,
        ApplicationProtocols = ["h3"u8.ToArray()],
        TransportParameters = new byte[padding],
    });

    /// <summary>An Initial of 1,200 bytes with some pieces of the CRYPTO stream.</summary>
    public static byte[] Initial(byte[] destination, byte[] source, ulong number, byte[] hello, params (int Offset, int Length)[] pieces)
    {
        byte[] packet = new byte[1200];
        ByteWriter writer = new(packet);
        LongHeader.Write(ref writer, LongPacketType.Initial, QuicVersion.V1, new(destination), new(source), [], out int lengthOffset);
        int numberOffset = writer.Position;
        PacketNumber.Write(ref writer, number, 2);
        packet[0] |= PacketNumber.LengthBits(2);
        LongHeader.PatchLength(packet, lengthOffset, packet.Length - numberOffset);
        foreach ((int offset, int length) in pieces)
        {
            new CryptoFrame((ulong)offset, hello.AsSpan(offset, length)).Write(ref writer);
        }

        Span<byte> client = stackalloc byte[32], server = stackalloc byte[32];
        InitialSecrets.Derive(QuicVersion.V1, new(destination), client, server);
        using PacketProtection keys = ProtectionSuites.BaseLibrary.Create(InitialSecrets.Suite, client, client);
        keys.Seal(packet, numberOffset, 2, number);
        return packet;
    }
}
