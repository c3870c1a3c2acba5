using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Wire;
using Net.Migration.Ingress;
using Net.Tests.Core.Connections;
using Net.Tests.Core.Wire;

namespace Net.Tests.Fuzz;

/// <summary>What stands in a datagram before any key is there.</summary>
internal static class WireTargets
{
    public static IEnumerable<FuzzTarget> All =>
    [
        new("datagram", "a UDP payload, from whoever knows the port", Datagrams, Datagram),
        new("parameters", "transport parameters: an octet that is odd for a server's, then the extension's body", Parameters, ReadParameters),
        new("frames", "a packet's payload, frame by frame", Frames, ReadFrames),
        new("ingress", "a datagram between ingress and node, whose tag holds", Ingress, ReadIngress),
    ];

    private static IEnumerable<byte[]> Datagrams()
    {
        yield return ConnectionPairInitial.Bytes(1);
        yield return [0xC0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 1, 0x6B, 0x33, 0x43, 0xCF];
        yield return [0xF0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4, .. new byte[40]];
        yield return [0x40, .. new byte[60]];
    }

    private static void Datagram(byte[] input)
    {
        _ = InvariantHeader.TryRead(input, 8, out _);
        _ = InvariantHeader.TryRead(input, 20, out _);
        _ = VersionNegotiationPacket.TryRead(input, out _);
        _ = RetryPacket.TryRead(input, out _);
        if (LongHeader.TryRead(input, out LongHeader header))
        {
            Assert.IsTrue(header.PacketLength <= input.Length && header.PacketNumberOffset <= header.PacketLength && header.TokenOffset + header.TokenLength <= header.PacketNumberOffset);
        }

        if (QuicVersion.IsKnown(header.Version))
        {
            using InitialInspector inspector = new(ProtectionSuites.Default, header.Version, header.Destination);
            Inspection seen = inspector.OnDatagram(input);
            Assert.IsLessThanOrEqualTo(3 * InitialInspector.MaxCrypto, inspector.Memory);
            Assert.AreEqual(seen == Inspection.Complete && inspector.ServerName is not null, inspector.ServerName is not null);
        }
    }

    private static IEnumerable<byte[]> Parameters()
    {
        TransportParameters written = new()
        {
            OriginalDestinationConnectionId = new([1, 2, 3, 4, 5, 6, 7, 8]),
            InitialSourceConnectionId = new([9]),
            RetrySourceConnectionId = new([]),
            StatelessResetToken = new(new byte[ResetToken.Length]),
            MaxIdleTimeout = TimeSpan.FromSeconds(30),
            InitialMaxData = 1 << 20,
            InitialMaxStreamsBidi = 100,
            MaxAckDelay = TimeSpan.FromMilliseconds(20),
            DisableActiveMigration = true,
            MaxDatagramFrameSize = 1200,
            GreaseQuicBit = true,
            VersionInformation = new(QuicVersion.V1, [QuicVersion.V1, QuicVersion.V2]),
        };
        yield return [1, .. written.Write()];
        yield return [0, .. (written with { OriginalDestinationConnectionId = null, RetrySourceConnectionId = null, StatelessResetToken = null }).Write()];
        yield return [0, .. TransportParameters.Reserved(7)];
    }

    /// <summary>What was taken is the same once more.</summary>
    private static void ReadParameters(byte[] input)
    {
        if (input.Length == 0)
        {
            return;
        }

        bool fromServer = input[0] % 2 == 1;
        TransportError error = TransportParameters.TryRead(input.AsSpan(1), fromServer, out TransportParameters read);
        if (!error.IsError)
        {
            byte[] written = read.Write();
            Assert.IsFalse(TransportParameters.TryRead(written, fromServer, out TransportParameters again).IsError);
            CollectionAssert.AreEqual(written, again.Write());
        }
    }

    private static IEnumerable<byte[]> Frames() =>
    [
        [0, 1, 2, 9, 1, 1, 3, 0, 2, 3, 9, 0, 0, 9, 1, 2, 3, 0x1E],
        [4, 0, 1, 9, 5, 0, 1, 6, 0, 3, 1, 2, 3, 7, 2, 1, 2],
        [0x0E, 0, 4, 2, 7, 8, 0x10, 9, 0x11, 0, 9, 0x12, 9, 0x13, 9, 0x14, 9, 0x15, 0, 9, 0x16, 9, 0x17, 9],
        [0x18, 1, 0, 4, 1, 2, 3, 4, .. new byte[16], 0x19, 0, 0x1A, .. new byte[8], 0x1B, .. new byte[8]],
        [0x1C, 7, 6, 2, 0x68, 0x69], [0x1D, 7, 2, 0x68, 0x69], [0x31, 2, 1, 2, 0x30, 1, 2, 3],
    ];

    private static void ReadFrames(byte[] input)
    {
        ByteReader reader = new(input);
        while (!reader.IsEmpty)
        {
            int before = reader.Position;
            byte[]? written = FrameCodec.Rewrite(ref reader);
            if (written is null)
            {
                return;
            }

            Assert.IsGreaterThan(before, reader.Position);
            ByteReader again = new(written);
            CollectionAssert.AreEqual(written, FrameCodec.Rewrite(ref again), "what was written reads as the same");
        }
    }

    private static IEnumerable<byte[]> Ingress()
    {
        foreach (IngressDatagram type in Enum.GetValues<IngressDatagram>())
        {
            byte[] datagram = new byte[IngressHeader.Length + 20];
            IngressHeader header = new()
            {
                Type = type,
                Epoch = 7,
                Shard = 3,
                Client = UdpAddress.FromBytes([10, 0, 0, 1], 1),
                Public = UdpAddress.FromBytes(new byte[16], 443),
                Ecn = Ecn.Ect0,
                ReceiveMicroseconds = 9,
            };
            header.WriteTagged(datagram);
            header.WriteHints(datagram.AsSpan(IngressHeader.PrefixLength));
            yield return datagram;
        }
    }

    private static void ReadIngress(byte[] input)
    {
        if (IngressHeader.TryRead(input, out IngressHeader header))
        {
            byte[] written = new byte[IngressHeader.Length];
            header.WriteTagged(written);
            CollectionAssert.AreEqual(input[..IngressHeader.TaggedLength], written[..IngressHeader.TaggedLength]);
        }
    }
}
