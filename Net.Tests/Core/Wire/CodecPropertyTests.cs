using CsCheck;
using Net.Core.Crypto;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

/// <summary>What is written is what is read, and what is cut is refused: for what no frame carries.</summary>
[TestClass]
public sealed class CodecPropertyTests
{
    private const int Times = 500;

    private static readonly Gen<ConnectionId> s_ids = Gen.Byte.Array[0, ConnectionId.MaxLength].Select(bytes => new ConnectionId(bytes));
    private static readonly Gen<ulong> s_varInts = Gen.ULong[0, VarInt.MaxValue];
    private static readonly Gen<ulong> s_streams = Gen.ULong[0, 1UL << 60];
    private static readonly Gen<uint> s_versions = Gen.UInt[1, uint.MaxValue];
    private static readonly Gen<uint> s_known = Gen.Const(QuicVersion.V1).Select(Gen.Bool, (v1, second) => second ? QuicVersion.V2 : v1);

    [TestMethod]
    public void Transport_parameters() => Gen.Select(s_ids, s_varInts.Array[4], s_streams.Array[2], Gen.Int[0, 20], Gen.Int[1_200, 65_527], s_versions.Array[1, 5]).Sample(
        (id, limits, streams, exponent, payload, versions) =>
        {
            TransportParameters written = new()
            {
                InitialSourceConnectionId = id,
                InitialMaxData = limits[0],
                InitialMaxStreamDataBidiLocal = limits[1],
                InitialMaxStreamDataBidiRemote = limits[2],
                InitialMaxStreamDataUni = limits[3],
                InitialMaxStreamsBidi = streams[0],
                InitialMaxStreamsUni = streams[1],
                AckDelayExponent = exponent,
                MaxUdpPayloadSize = payload,
                VersionInformation = new(versions[0], [.. versions]),
            };
            return !TransportParameters.TryRead(written.Write(), fromServer: false, out TransportParameters read).IsError && read == written;
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Long_headers() => Gen.Select(s_ids, s_ids, s_known, Gen.Byte.Array[0, 100], Gen.Byte.Array[20, 60], Gen.Int[0, 2]).Sample(
        (destination, source, version, token, payload, kind) =>
        {
            LongPacketType type = (LongPacketType)kind;
            byte[] tokenSent = type == LongPacketType.Initial ? token : [];
            byte[] packet = new byte[300];
            ByteWriter writer = new(packet);
            LongHeader.Write(ref writer, type, version, destination, source, tokenSent, out int lengthOffset);
            int numberOffset = writer.Position;
            writer.WriteBytes(payload);
            LongHeader.PatchLength(packet, lengthOffset, payload.Length);
            Assert.IsTrue(LongHeader.TryRead(packet.AsSpan(0, writer.Position), out LongHeader read));
            Assert.IsFalse(LongHeader.TryRead(packet.AsSpan(0, writer.Position - 1), out _), "cut");
            return read.Type == type && read.Version == version && read.Destination == destination && read.Source == source
                && read.TokenLength == tokenSent.Length && read.PacketNumberOffset == numberOffset && read.PacketLength == writer.Position
                && packet.AsSpan(read.TokenOffset, read.TokenLength).SequenceEqual(tokenSent);
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Retry_packets() => Gen.Select(s_ids, s_ids, s_known, Gen.Byte.Array[1, 200]).Sample(
        (destination, source, version, token) =>
        {
            byte[] packet = new byte[RetryPacket.Length(destination, source, token.Length)];
            ByteWriter writer = new(packet);
            RetryPacket.Write(ref writer, version, destination, source, token);
            return writer.Position == packet.Length - RetryPacket.TagLength && RetryPacket.TryRead(packet, out RetryPacket read) && read.Version == version
                && read.Destination == destination && read.Source == source && read.Token.SequenceEqual(token);
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Version_negotiation_packets() => Gen.Select(s_ids, s_ids, s_versions.Array[1, 20], Gen.Byte[0, 127]).Sample(
        (destination, source, versions, random) =>
        {
            byte[] packet = new byte[VersionNegotiationPacket.Length(destination, source, versions.Length)];
            ByteWriter writer = new(packet);
            VersionNegotiationPacket.Write(ref writer, random, destination, source, versions);
            Assert.IsTrue(VersionNegotiationPacket.TryRead(packet, out VersionNegotiationPacket read));
            Assert.IsFalse(VersionNegotiationPacket.TryRead(packet.AsSpan(0, packet.Length - 1), out _), "cut");
            bool same = read.Destination == destination && read.Source == source && read.Count == versions.Length;
            for (int i = 0; same && i < versions.Length; i++)
            {
                same = read[i] == versions[i];
            }

            return same;
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Addresses() => Gen.Select(Gen.Byte.Array[4], Gen.Byte.Array[16], Gen.UShort, Gen.Bool).Sample(
        (v4, v6, port, isV6) =>
        {
            UdpAddress written = UdpAddress.FromBytes(isV6 ? v6 : v4, port);
            byte[] bytes = new byte[UdpAddress.EncodedLength];
            ByteWriter writer = new(bytes);
            written.Write(ref writer);
            ByteReader reader = new(bytes);
            return UdpAddress.TryRead(ref reader, out UdpAddress read) && read == written && UdpAddress.TryParse(written.ToString(), out UdpAddress parsed) && parsed == written;
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Certificate_messages() => Gen.Byte.Array[1, 300].Array[0, TlsLimits.CertificateChain].Sample(
        chain =>
        {
            Assert.IsFalse(Certificate.TryRead(Body(new Certificate { Chain = chain }), out Certificate read).IsError);
            return read.Chain.Count == chain.Length && read.Chain.Zip(chain).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Certificate_verify_messages() => Gen.Select(Gen.UShort, Gen.Byte.Array[0, 300]).Sample(
        (scheme, signature) =>
        {
            byte[] body = Body(new CertificateVerify { Scheme = (SignatureScheme)scheme, Signature = signature });
            Assert.IsFalse(CertificateVerify.TryRead(body, out CertificateVerify read).IsError);
            Assert.IsTrue(CertificateVerify.TryRead(body.AsSpan(0, body.Length - 1), out _).IsError, "cut");
            return (ushort)read.Scheme == scheme && read.Signature.AsSpan().SequenceEqual(signature);
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Server_hellos() => Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[32]).Sample(
        (random, share) =>
        {
            ServerHello written = new() { Random = random, Suite = CipherSuite.Aes256GcmSha384, KeyShare = new(NamedGroup.X25519, share) };
            byte[] body = Body(written);
            for (int length = 0; length < body.Length; length += 7)
            {
                Assert.IsTrue(ServerHello.TryRead(body.AsSpan(0, length), out _).IsError, $"cut to {length}");
            }

            return !ServerHello.TryRead(body, out ServerHello read).IsError && read.Random.AsSpan().SequenceEqual(random)
                && read.Suite == written.Suite && read.KeyShare!.Value.PublicKey.AsSpan().SequenceEqual(share);
        },
        iter: Times, threads: 1);

    /// <summary>Without the type and the length of three bytes.</summary>
    private static byte[] Body<T>(T message) where T : IHandshakeMessage => MessageWriter.Frame(message)[4..];
}
