using Net.Core.Errors;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class TransportParametersTests
{
    // initial_source_connection_id and original_destination_connection_id, without which nothing is accepted.
    private const string ClientBase = "0f 01 aa";
    private const string ServerBase = "0f 01 aa 00 01 bb";

    private static readonly TransportParameters Full = new()
    {
        OriginalDestinationConnectionId = new([1, 2, 3, 4, 5, 6, 7, 8]),
        MaxIdleTimeout = TimeSpan.FromSeconds(31),
        StatelessResetToken = new([.. Enumerable.Range(1, 16).Select(i => (byte)i)]),
        MaxUdpPayloadSize = 1_472,
        InitialMaxData = 1_000_001,
        InitialMaxStreamDataBidiLocal = 1_000_002,
        InitialMaxStreamDataBidiRemote = 1_000_003,
        InitialMaxStreamDataUni = 1_000_004,
        InitialMaxStreamsBidi = 101,
        InitialMaxStreamsUni = 102,
        AckDelayExponent = 8,
        MaxAckDelay = TimeSpan.FromMilliseconds(26),
        DisableActiveMigration = true,
        PreferredAddress = new(
            UdpAddress.FromBytes([10, 0, 0, 1], 443),
            UdpAddress.FromBytes([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 444),
            new([7, 7, 7]),
            new([.. Enumerable.Range(33, 16).Select(i => (byte)i)])),
        ActiveConnectionIdLimit = 9,
        InitialSourceConnectionId = new([4, 5]),
        RetrySourceConnectionId = new([6]),
        MaxDatagramFrameSize = 65_535,
        VersionInformation = new(QuicVersion.V1, [QuicVersion.V2, QuicVersion.V1]),
        GreaseQuicBit = true,
    };

    /// <summary>Goal: no field is forgotten: every one has left its default, and all come back over the wire.</summary>
    [TestMethod]
    public void Every_field_survives_the_wire()
    {
        AssertNoDefaults(Full);
        Assert.IsFalse(TransportParameters.TryRead(Full.Write(), fromServer: true, out TransportParameters read).IsError);
        Assert.AreEqual(Full, read);
    }

    /// <summary>Goal: no field is forgotten in a snapshot either, whichever role declared them.</summary>
    [TestMethod]
    public void Every_field_survives_a_snapshot()
    {
        foreach (TransportParameters parameters in (TransportParameters[])[Full, new(), new() { InitialMaxData = 5, InitialSourceConnectionId = new([]) }])
        {
            SnapshotWriter writer = new(new Instant(0));
            parameters.Export(writer);
            SnapshotReader reader = new(writer.Written, new Instant(99));
            Assert.AreEqual(parameters, TransportParameters.Import(reader));
            reader.End();
        }

        SnapshotReader bad = new(new byte[] { 2, 3, 9 }, new Instant(0));
        Assert.ThrowsExactly<SnapshotException>(() => TransportParameters.Import(bad));
    }

    /// <summary>Goal: what is not said has the defaults of section 18.2.</summary>
    [TestMethod]
    public void Defaults_are_those_of_the_RFC()
    {
        TransportParameters read = Accept(ClientBase, fromServer: false);
        Assert.AreEqual(new TransportParameters { InitialSourceConnectionId = new([0xAA]) }, read);
        Assert.AreEqual(65_527, read.MaxUdpPayloadSize);
        Assert.AreEqual(3, read.AckDelayExponent);
        Assert.AreEqual(TimeSpan.FromMilliseconds(25), read.MaxAckDelay);
        Assert.AreEqual(2UL, read.ActiveConnectionIdLimit);
        Assert.AreEqual(0, new TransportParameters().Write().Length);
    }

    /// <summary>Goal (checklist S27): values out of range, malformed, cut or repeated are TRANSPORT_PARAMETER_ERROR.</summary>
    [TestMethod]
    [DataRow("03 02 44af", "max_udp_payload_size of 1199")]
    [DataRow("0a 01 15", "ack_delay_exponent of 21")]
    [DataRow("0b 04 80004000", "max_ack_delay of 2^14")]
    [DataRow("0e 01 01", "active_connection_id_limit of 1")]
    [DataRow("08 08 d000000000000001", "initial_max_streams_bidi of 2^60+1")]
    [DataRow("09 08 d000000000000001", "initial_max_streams_uni of 2^60+1")]
    [DataRow("0c 01 00", "disable_active_migration with a value")]
    [DataRow("04 02 0000", "a number shorter than its field")]
    [DataRow("04 01 40", "a number longer than its field")]
    [DataRow("04 00", "a number of no bytes")]
    [DataRow("04 05 00", "cut in the value")]
    [DataRow("04", "cut before the length")]
    [DataRow("7f", "cut in the ID")]
    [DataRow("04 ffffffffffffffff 00", "a length of 2^62-1")]
    [DataRow("04 01 00 04 01 00", "one twice")]
    [DataRow("0c 00 0c 00", "a flag twice")]
    [DataRow("3f 00 01 01 00 3f 00", "an unknown one twice")]
    [DataRow("11 00", "version_information of nothing")]
    [DataRow("11 05 0000000100", "version_information of five bytes")]
    [DataRow("11 04 00000000", "version_information that chose 0")]
    [DataRow("11 08 00000001 00000000", "version_information that offers 0")]
    [DataRow("0f 01 aa", "initial_source_connection_id twice")]
    public void S27_faulty_parameters_are_an_error(string hex, string name)
    {
        Refuse($"{ClientBase} {hex}", fromServer: false, name);
        Refuse($"{ServerBase} {hex}", fromServer: true, name);
    }

    /// <summary>Goal: the last value within each limit is accepted.</summary>
    [TestMethod]
    public void Values_at_the_limit_are_accepted()
    {
        TransportParameters read = Accept(
            ClientBase + "03 02 44b0 0a 01 14 0b 02 7fff 0e 01 02 08 08 d000000000000000 09 08 d000000000000000", fromServer: false);
        Assert.AreEqual(1_200, read.MaxUdpPayloadSize);
        Assert.AreEqual(20, read.AckDelayExponent);
        Assert.AreEqual(TimeSpan.FromMilliseconds(16_383), read.MaxAckDelay);
        Assert.AreEqual(2UL, read.ActiveConnectionIdLimit);
        Assert.AreEqual(1UL << 60, read.InitialMaxStreamsBidi);
        Assert.AreEqual(1UL << 60, read.InitialMaxStreamsUni);
    }

    /// <summary>Goal: huge values that are allowed neither throw nor overflow what is reckoned with them.</summary>
    [TestMethod]
    public void S27_huge_values_are_capped()
    {
        TransportParameters read = Accept(
            ClientBase + "01 08 ffffffffffffffff 03 08 ffffffffffffffff 04 08 ffffffffffffffff 0e 08 ffffffffffffffff", fromServer: false);
        Assert.AreEqual(TransportParameters.MaxIdle, read.MaxIdleTimeout);
        Assert.AreEqual(65_527, read.MaxUdpPayloadSize);
        Assert.AreEqual(VarInt.MaxValue, read.InitialMaxData);
        Assert.AreEqual(VarInt.MaxValue, read.ActiveConnectionIdLimit);
    }

    /// <summary>Goal: what a server alone may say is an error from a client, and the reverse holds for no parameter.</summary>
    [TestMethod]
    [DataRow("00 01 bb", "original_destination_connection_id")]
    [DataRow("02 10 000102030405060708090a0b0c0d0e0f", "stateless_reset_token")]
    [DataRow("0d 2a 0a000001 01bb 00000000000000000000000000000000 0000 01 07 000102030405060708090a0b0c0d0e0f", "preferred_address")]
    [DataRow("10 01 cc", "retry_source_connection_id")]
    public void Some_parameters_are_a_servers_alone(string hex, string name)
    {
        Refuse($"{ClientBase} {hex}", fromServer: false, name);
        _ = Accept(hex.StartsWith("00", StringComparison.Ordinal) ? $"{ClientBase} {hex}" : $"{ServerBase} {hex}", fromServer: true);
    }

    /// <summary>Goal: an ID that the handshake must authenticate cannot be left out (RFC 9000, section 7.3).</summary>
    [TestMethod]
    public void Authenticated_IDs_are_demanded()
    {
        Refuse("", fromServer: false, "client without initial_source_connection_id");
        Refuse("0f 01 aa", fromServer: true, "server without original_destination_connection_id");
        Refuse("00 01 bb", fromServer: true, "server without initial_source_connection_id");
        Assert.AreEqual(0, Accept("0f 00", fromServer: false).InitialSourceConnectionId!.Value.Length, "an empty one is there");
    }

    /// <summary>Goal: server-only fields of a wrong length are refused (checklist S27, S31).</summary>
    [TestMethod]
    [DataRow("02 0f 000102030405060708090a0b0c0d0e", "token of 15 bytes")]
    [DataRow("02 11 000102030405060708090a0b0c0d0e0f10", "token of 17 bytes")]
    [DataRow("10 15 000102030405060708090a0b0c0d0e0f1011121314", "ID of 21 bytes")]
    [DataRow("0d 29 0a000001 01bb 00000000000000000000000000000000 0000 00 000102030405060708090a0b0c0d0e0f", "preferred_address, empty ID")]
    [DataRow("0d 2b 0a000001 01bb 00000000000000000000000000000000 0000 01 07 000102030405060708090a0b0c0d0e0f 00", "preferred_address, one too many")]
    [DataRow("0d 06 0a000001 01bb", "preferred_address, cut")]
    public void Server_fields_of_a_wrong_length_are_refused(string hex, string name) => Refuse($"{ServerBase} {hex}", fromServer: true, name);

    /// <summary>Goal: a preferred address without connection IDs to use is refused; the family not offered reads as none.</summary>
    [TestMethod]
    public void A_preferred_address_needs_connection_IDs()
    {
        const string Address = "0d 2a 0a000001 01bb 00000000000000000000000000000000 0000 01 07 000102030405060708090a0b0c0d0e0f";
        Refuse($"0f 00 00 01 bb {Address}", fromServer: true, "empty source ID");
        PreferredAddress read = Accept($"{ServerBase} {Address}", fromServer: true).PreferredAddress!.Value;
        Assert.AreEqual("10.0.0.1:443", read.IPv4.ToString());
        Assert.IsTrue(read.IPv6.IsNone);
    }

    /// <summary>Goal: unknown and reserved parameters are ignored, 64 kB of them too, without growth (checklist S27).</summary>
    [TestMethod]
    public void S27_unknown_parameters_are_ignored()
    {
        ByteWriter writer = new(new byte[65_535]);
        writer.WriteBytes([0x0F, 0x01, 0xAA]);
        const ulong GreaseQuicBit = 0x2AB2;
        for (ulong id = 64; writer.Free > 12; id += id == GreaseQuicBit - 1 ? 2UL : 1UL)
        {
            writer.WriteVarInt(id);
            writer.WriteVarInt(1);
            writer.WriteByte(0);
        }

        Assert.IsFalse(TransportParameters.TryRead(writer.Written, fromServer: false, out TransportParameters read).IsError);
        Assert.AreEqual(new TransportParameters { InitialSourceConnectionId = new([0xAA]) }, read);
    }

    /// <summary>Goal: cut at any byte, they are refused or a valid prefix, and never throw.</summary>
    [TestMethod]
    public void Truncations_never_throw()
    {
        byte[] bytes = Full.Write();
        for (int length = 0; length < bytes.Length; length++)
        {
            TransportError error = TransportParameters.TryRead(bytes.AsSpan(0, length), fromServer: true, out TransportParameters read);
            Assert.IsTrue(error.IsError ? read == new TransportParameters() : read != Full, $"{length}");
        }
    }

    private static TransportParameters Accept(string hex, bool fromServer)
    {
        TransportError error = TransportParameters.TryRead(FrameCodec.Hex(hex), fromServer, out TransportParameters read);
        Assert.IsFalse(error.IsError, $"{hex}: {error}");
        return read;
    }

    private static void Refuse(string hex, bool fromServer, string name)
    {
        TransportError error = TransportParameters.TryRead(FrameCodec.Hex(hex), fromServer, out TransportParameters read);
        Assert.IsTrue(error.IsError, name);
        Assert.AreEqual(TransportErrorCode.TransportParameterError, error.Code);
        Assert.AreEqual(new TransportParameters(), read);
    }

    private static void AssertNoDefaults(TransportParameters parameters)
    {
        TransportParameters defaults = new();
        foreach (System.Reflection.PropertyInfo property in typeof(TransportParameters).GetProperties().Where(p => p.CanWrite))
        {
            Assert.AreNotEqual(property.GetValue(defaults), property.GetValue(parameters), property.Name);
        }
    }
}
