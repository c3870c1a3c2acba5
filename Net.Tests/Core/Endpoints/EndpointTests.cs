using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Endpoints;

[TestClass]
public sealed class EndpointTests
{
    private static readonly NetworkPath s_path = new(Connections.ConnectionPair.Address("10.0.0.1:1"), Connections.ConnectionPair.Address("10.0.0.2:443"), 0);
    private static readonly Instant s_now = new(TimeSpan.TicksPerHour);

    /// <summary>Goal: a version that is not spoken is answered with ours, in full-sized datagrams alone, never in answer to Version Negotiation, and only so often (checklist S32).</summary>
    [TestMethod]
    public void Unknown_versions_are_negotiated()
    {
        Endpoint endpoint = NewEndpoint();
        Assert.IsFalse(endpoint.OnDatagram(Long(0xABCD, 8, 1199), s_path, Ecn.NotEct, s_now));
        Assert.IsFalse(endpoint.OnDatagram(Long(0, 8, 1200), s_path, Ecn.NotEct, s_now));
        for (int i = 0; i < 100; i++)
        {
            endpoint.OnDatagram(Long(0xABCD, 8, 1200), s_path, Ecn.NotEct, s_now);
        }

        byte[] buffer = new byte[1500];
        int answers = 0;
        while (endpoint.TryTransmit(buffer, 0, s_now, out Transmit transmit))
        {
            answers++;
            Assert.IsTrue(VersionNegotiationPacket.TryRead(buffer.AsSpan(0, transmit.Length), out VersionNegotiationPacket packet));
            Assert.IsTrue(packet.Contains(QuicVersion.V1));
        }

        Assert.AreEqual(EndpointOptionsMax, answers);
        Assert.IsEmpty(endpoint.Connections);
    }

    /// <summary>Goal: an Initial with a short ID, in a small datagram, that does not open, or while none are taken in, begins nothing (checklist S25, S31).</summary>
    [TestMethod]
    public void What_is_no_sound_Initial_begins_nothing()
    {
        Endpoint endpoint = NewEndpoint();
        byte[] good = Connections.ConnectionPairInitial.Bytes(1);
        Assert.IsFalse(endpoint.OnDatagram(Long(QuicVersion.V1, 7, 1200), s_path, Ecn.NotEct, s_now));
        Assert.IsFalse(endpoint.OnDatagram(Long(QuicVersion.V1, 8, 1200), s_path, Ecn.NotEct, s_now), "it does not open");
        Assert.IsFalse(endpoint.OnDatagram(good.AsSpan(0, 1199).ToArray(), s_path, Ecn.NotEct, s_now));
        endpoint.AcceptsNew = false;
        Assert.IsFalse(endpoint.OnDatagram(good.ToArray(), s_path, Ecn.NotEct, s_now));
        endpoint.AcceptsNew = true;
        Assert.IsEmpty(endpoint.Connections);
        Assert.IsTrue(endpoint.OnDatagram(good, s_path, Ecn.NotEct, s_now));
        Assert.HasCount(1, endpoint.Connections);
    }

    /// <summary>Goal: a client whose first packet already ends the handshake is told so at once (RFC 9001, section 8.1).</summary>
    [TestMethod]
    public void Who_is_refused_by_the_first_packet_hears_of_it()
    {
        World world = new(3);
        Peer server = new(world, "10.0.0.2:443", options: Peer.DefaultOptions with { Server = new() { AlpnProtocols = ["other"u8.ToArray()] } });
        Peer client = new(world, "10.0.0.1:1000");
        Connection connection = client.Connect(server);
        world.RunUntil(() => !connection.IsOpen, TimeSpan.FromMilliseconds(500));
        Assert.AreEqual(0x178UL, connection.CloseReason?.Code, "before any probe timeout");
        world.Run(TimeSpan.FromSeconds(10));
        Assert.IsEmpty(server.Endpoint.Connections, "and it is forgotten");
    }

    /// <summary>Goal: handshakes under way are bounded, and their places come back when they end (checklist S25).</summary>
    [TestMethod]
    public void S25_handshakes_are_bounded()
    {
        Endpoint endpoint = NewEndpoint(maxHandshakes: 3);
        for (ulong seed = 1; seed <= 6; seed++)
        {
            endpoint.OnDatagram(Connections.ConnectionPairInitial.Bytes(seed), s_path, Ecn.NotEct, s_now);
        }

        Assert.HasCount(3, endpoint.Connections);
        while (endpoint.TryTransmit(new byte[1500], 0, s_now, out _))
        {
        }

        Instant later = s_now + TimeSpan.FromSeconds(60);
        endpoint.Tick(later);
        while (endpoint.TryTakeActive(out Connection? connection))
        {
            endpoint.RemoveIfClosed(connection);
        }

        Assert.IsEmpty(endpoint.Connections);
        Assert.IsTrue(endpoint.OnDatagram(Connections.ConnectionPairInitial.Bytes(9), s_path, Ecn.NotEct, later));
    }

    /// <summary>Goal: datagrams of every length and content lead to nothing and throw nothing (checklist S48, S49).</summary>
    [TestMethod]
    public void Noise_leads_to_nothing()
    {
        Endpoint endpoint = NewEndpoint();
        SimulatedRandom random = new(3);
        for (int i = 0; i < 5000; i++)
        {
            byte[] noise = new byte[i < 100 ? i : random.Below(1500)];
            random.Fill(noise);
            endpoint.OnDatagram(noise, s_path, Ecn.NotEct, s_now);
        }

        Assert.IsEmpty(endpoint.Connections);
    }

    /// <summary>Goal: a reset without a known ID finds the client's connection by token and address, and no other (RFC 9000, section 10.3.1).</summary>
    [TestMethod]
    public void A_reset_without_an_id_finds_its_connection()
    {
        World world = new(4);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443");
        Connection connection = client.Connect(server);
        world.RunUntil(() => connection.IsConfirmed, TimeSpan.FromSeconds(5));
        byte[] reset = new byte[50];
        world.Random.Fill(reset);
        reset[0] = 0x40;
        ConnectionIdDeriver.DeriveToken(Peer.Keys.ResetKey.Span, connection.Parts.PeerIds.Current).CopyTo(reset.AsSpan(34));

        NetworkPath stranger = s_path with { Remote = Connections.ConnectionPair.Address("10.0.0.9:443") };
        Assert.IsFalse(client.Endpoint.OnDatagram(reset.ToArray(), stranger, Ecn.NotEct, world.Now));
        Assert.IsTrue(connection.IsOpen);
        Assert.IsTrue(client.Endpoint.OnDatagram(reset, s_path with { Remote = server.Address }, Ecn.NotEct, world.Now));
        Assert.AreEqual(CloseOrigin.StatelessReset, connection.CloseReason?.Origin);
    }

    private static int EndpointOptionsMax => Peer.DefaultOptions.MaxStatelessPackets;

    private static Endpoint NewEndpoint(int maxHandshakes = 100) =>
        new(Peer.DefaultOptions with { MaxHandshakes = maxHandshakes }, new SimulatedCrypto(new World(1)));

    private static byte[] Long(uint version, int idLength, int size)
    {
        byte[] bytes = new byte[size];
        ByteWriter writer = new(bytes);
        writer.WriteByte(0xC0);
        writer.WriteUInt32(version);
        writer.WriteByte((byte)idLength);
        writer.WriteBytes(new byte[idLength]);
        writer.WriteByte(4);
        writer.WriteBytes(new byte[4]);
        writer.WriteByte(0);
        // Length: what is left, in two bytes.
        int rest = size - writer.Position - 2;
        writer.WriteByte((byte)(0x40 | (rest >> 8)));
        writer.WriteByte((byte)rest);
        return bytes;
    }
}
