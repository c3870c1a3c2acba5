using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Net.Core.Wire;

namespace QuicEndpoint;

/// <summary>Offers a version that is reserved for this (RFC 9000, section 15), and gives up once the server has named its own.</summary>
internal static class VersionProbe
{
    private const uint Reserved = 0x1A2A_3A4A;
    private const int IdLength = 8;
    private const int Tries = 5;

    /// <exception cref="ContractException">No Version Negotiation packet came, or one that is not for us or lacks QUIC v1.</exception>
    public static async Task RunAsync(IPEndPoint remote)
    {
        byte[] first = MakeInitial(out byte[] destination, out byte[] source);
        using Socket socket = new(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        byte[] answer = new byte[2048];
        for (int tries = 0; tries < Tries; tries++)
        {
            await socket.SendToAsync(first, remote);
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(1 << tries));
            try
            {
                SocketReceiveFromResult received = await socket.ReceiveFromAsync(answer, remote, limit.Token);
                Check(answer.AsSpan(0, received.ReceivedBytes), destination, source);
                return;
            }
            catch (OperationCanceledException)
            {
                // Lost, on one of the ways: once more.
            }
        }

        throw new ContractException("nobody answers a version that nobody speaks");
    }

    private static byte[] MakeInitial(out byte[] destination, out byte[] source)
    {
        byte[] packet = RandomNumberGenerator.GetBytes(1200);
        packet[0] |= 0xC0;
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(1), Reserved);
        packet[5] = IdLength;
        packet[6 + IdLength] = IdLength;
        destination = packet[6..(6 + IdLength)];
        source = packet[(7 + IdLength)..(7 + (2 * IdLength))];
        // Beyond what all versions share (RFC 8999) it looks like version 1, which some servers read before they look at the version: no token, a length.
        int rest = 7 + (2 * IdLength);
        packet[0] = (byte)(packet[0] & 0xCF);
        packet[rest] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(rest + 1), (ushort)(0x4000 | (packet.Length - rest - 3)));
        return packet;
    }

    private static void Check(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> source)
    {
        bool isOurs = InvariantHeader.TryRead(packet, IdLength, out InvariantHeader header)
            && header.IsNegotiation
            && header.Destination.Span.SequenceEqual(source)
            && header.Source.Span.SequenceEqual(destination);
        if (!isOurs)
        {
            throw new ContractException("the server answered with something else than a Version Negotiation packet for us");
        }

        ReadOnlySpan<byte> versions = packet[(7 + (2 * IdLength))..];
        for (; versions.Length >= 4; versions = versions[4..])
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(versions) == QuicVersion.V1)
            {
                return;
            }
        }

        throw new ContractException("the server's Version Negotiation packet lacks QUIC v1");
    }
}
