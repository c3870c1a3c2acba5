using Net.Core.Errors;
using Net.Core.Snapshots;

namespace Net.Core.Wire;

/// <summary>What an endpoint declares of itself in the TLS handshake (RFC 9000, section 18.2; RFC 9221, section 3; RFC 9368, section 3).</summary>
/// <remarks>The wire form is also the form in which they travel in a snapshot: the fields are listed once for each direction.</remarks>
internal sealed record TransportParameters : IPart<TransportParameters>
{
    /// <summary>Longer idle timeouts are taken as this one, about 35 years, so that no sum of instants overflows.</summary>
    public static readonly TimeSpan MaxIdle = TimeSpan.FromMilliseconds(1L << 40);

    /// <summary>Of parameters that we do not know, duplicates are noticed among this many; the rest is ignored unseen.</summary>
    private const int MaxUnknownRemembered = 32;

    private const int MaxPayload = 65_527;
    private const int MinPayload = 1_200;
    private const ulong MaxExponent = 20;
    private const ulong MaxAckDelayLimit = 1 << 14;

    public static ulong Section => SectionNumber.TransportParameters;

    /// <summary>They never change once they are made.</summary>
    public ulong Changes => 0;

    /// <summary>Server only: the destination ID of the client's first Initial.</summary>
    public ConnectionId? OriginalDestinationConnectionId { get; init; }

    /// <summary>In milliseconds on the wire; zero = none.</summary>
    public TimeSpan MaxIdleTimeout { get; init; }

    /// <summary>Server only: of the ID used in the handshake.</summary>
    public ResetToken? StatelessResetToken { get; init; }

    /// <summary>The largest UDP payload that the sender takes, 1,200 to 65,527 bytes.</summary>
    public int MaxUdpPayloadSize { get; init; } = MaxPayload;

    /// <summary>Bytes.</summary>
    public ulong InitialMaxData { get; init; }

    /// <summary>Bytes on each stream that the sender of the parameters opens.</summary>
    public ulong InitialMaxStreamDataBidiLocal { get; init; }

    /// <summary>Bytes on each stream that the receiver of the parameters opens.</summary>
    public ulong InitialMaxStreamDataBidiRemote { get; init; }

    /// <summary>Bytes on each unidirectional stream that the receiver opens.</summary>
    public ulong InitialMaxStreamDataUni { get; init; }

    /// <summary>0 to 2^60.</summary>
    public ulong InitialMaxStreamsBidi { get; init; }

    /// <summary>0 to 2^60.</summary>
    public ulong InitialMaxStreamsUni { get; init; }

    /// <summary>0 to 20: the ACK Delay field of the sender counts units of 2^n microseconds.</summary>
    public int AckDelayExponent { get; init; } = 3;

    /// <summary>By how much the sender delays acknowledgements at most; below 2^14 ms.</summary>
    public TimeSpan MaxAckDelay { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>The address used in the handshake is not to be migrated from.</summary>
    public bool DisableActiveMigration { get; init; }

    /// <summary>Server only.</summary>
    public PreferredAddress? PreferredAddress { get; init; }

    /// <summary>How many of the peer's connection IDs the sender stores, at least 2.</summary>
    public ulong ActiveConnectionIdLimit { get; init; } = 2;

    /// <summary>The source ID of the sender's first Initial.</summary>
    public ConnectionId? InitialSourceConnectionId { get; init; }

    /// <summary>Server only: the source ID of its Retry.</summary>
    public ConnectionId? RetrySourceConnectionId { get; init; }

    /// <summary>Largest DATAGRAM frame that the sender takes, type and length included; 0 = none at all.</summary>
    public ulong MaxDatagramFrameSize { get; init; }

    public VersionInformation? VersionInformation { get; init; }

    /// <summary>The sender takes packets whose fixed bit is 0 (RFC 9287).</summary>
    public bool GreaseQuicBit { get; init; }

    /// <summary>A parameter of the kind that must be ignored, which keeps peers used to what they do not know (RFC 9000, section 18.1).</summary>
    /// <param name="random">Chooses its number, its length of 0 to 7 bytes, and its value.</param>
    public static byte[] Reserved(ulong random)
    {
        ByteWriter writer = new(new byte[16]);
        // 31 * N + 27, here in two or four bytes.
        writer.WriteVarInt((31 * ((random >> 3) & 0xFFFF)) + 27);
        int length = (int)(random & 7);
        writer.WriteVarInt((ulong)length);
        for (int i = 0; i < length; i++)
        {
            writer.WriteByte((byte)(random >> (8 + (8 * i))));
        }

        return writer.Written.ToArray();
    }

    /// <summary>Reads what a peer declares, by the rules for its role.</summary>
    /// <param name="bytes">The body of the quic_transport_parameters extension.</param>
    /// <param name="fromServer">Some parameters are a server's alone.</param>
    /// <param name="parameters">The defaults, on an error.</param>
    /// <returns>TRANSPORT_PARAMETER_ERROR when cut, twice the same, out of range, not for this role, or when an authenticated ID is missing.</returns>
    public static TransportError TryRead(ReadOnlySpan<byte> bytes, bool fromServer, out TransportParameters parameters)
    {
        TransportError error = Parse(bytes, out parameters);
        if (!error.IsError)
        {
            error = parameters.CheckRole(fromServer);
        }

        if (error.IsError)
        {
            parameters = new();
        }

        return error;
    }

    public static TransportParameters Import(SnapshotReader reader) => Parse(reader.ReadBytes().Span, out TransportParameters parameters).IsError
        ? throw new SnapshotException("transport parameters are malformed")
        : parameters;

    public void Export(SnapshotWriter writer) => writer.WriteBytes(Write());

    /// <summary>The body of the extension; what has its default value is left out.</summary>
    public byte[] Write()
    {
        TransportParameters defaults = new();
        ByteWriter writer = new(new byte[512 + (VersionInformation?.Length ?? 0)]);
        WriteId(ref writer, Id.OriginalDestinationConnectionId, OriginalDestinationConnectionId);
        WriteNumber(ref writer, Id.MaxIdleTimeout, Milliseconds(MaxIdleTimeout), 0);
        if (StatelessResetToken is ResetToken token)
        {
            WriteStart(ref writer, Id.StatelessResetToken, ResetToken.Length);
            token.Write(ref writer);
        }

        WriteNumber(ref writer, Id.MaxUdpPayloadSize, (ulong)MaxUdpPayloadSize, (ulong)defaults.MaxUdpPayloadSize);
        WriteNumber(ref writer, Id.InitialMaxData, InitialMaxData, 0);
        WriteNumber(ref writer, Id.InitialMaxStreamDataBidiLocal, InitialMaxStreamDataBidiLocal, 0);
        WriteNumber(ref writer, Id.InitialMaxStreamDataBidiRemote, InitialMaxStreamDataBidiRemote, 0);
        WriteNumber(ref writer, Id.InitialMaxStreamDataUni, InitialMaxStreamDataUni, 0);
        WriteNumber(ref writer, Id.InitialMaxStreamsBidi, InitialMaxStreamsBidi, 0);
        WriteNumber(ref writer, Id.InitialMaxStreamsUni, InitialMaxStreamsUni, 0);
        WriteNumber(ref writer, Id.AckDelayExponent, (ulong)AckDelayExponent, (ulong)defaults.AckDelayExponent);
        WriteNumber(ref writer, Id.MaxAckDelay, Milliseconds(MaxAckDelay), Milliseconds(defaults.MaxAckDelay));
        if (DisableActiveMigration)
        {
            WriteStart(ref writer, Id.DisableActiveMigration, 0);
        }

        if (PreferredAddress is PreferredAddress address)
        {
            WriteStart(ref writer, Id.PreferredAddress, address.Length);
            address.Write(ref writer);
        }

        WriteNumber(ref writer, Id.ActiveConnectionIdLimit, ActiveConnectionIdLimit, defaults.ActiveConnectionIdLimit);
        WriteId(ref writer, Id.InitialSourceConnectionId, InitialSourceConnectionId);
        WriteId(ref writer, Id.RetrySourceConnectionId, RetrySourceConnectionId);
        WriteNumber(ref writer, Id.MaxDatagramFrameSize, MaxDatagramFrameSize, 0);
        if (VersionInformation is not null)
        {
            WriteStart(ref writer, Id.VersionInformation, VersionInformation.Length);
            VersionInformation.Write(ref writer);
        }

        if (GreaseQuicBit)
        {
            WriteStart(ref writer, Id.GreaseQuicBit, 0);
        }

        return writer.Written.ToArray();
    }

    private static TransportError Parse(ReadOnlySpan<byte> bytes, out TransportParameters parameters)
    {
        parameters = new();
        ByteReader reader = new(bytes);
        Span<ulong> unknown = stackalloc ulong[MaxUnknownRemembered];
        int unknownCount = 0;
        ulong seen = 0;
        while (!reader.IsEmpty)
        {
            if (!reader.TryReadVarInt(out ulong id) || !reader.TryReadVarBytes(out ReadOnlySpan<byte> value))
            {
                return Error("transport parameters are cut short");
            }

            if (!IsKnown(id))
            {
                if (unknown[..unknownCount].Contains(id))
                {
                    return Error("a transport parameter came twice");
                }

                if (unknownCount < MaxUnknownRemembered)
                {
                    unknown[unknownCount++] = id;
                }

                continue;
            }

            // The numbers that we know differ in their lowest six bits.
            ulong bit = 1UL << (int)(id % 64);
            if ((seen & bit) != 0)
            {
                return Error("a transport parameter came twice");
            }

            seen |= bit;
            ByteReader field = new(value);
            if (!TryReadField((Id)id, ref field, ref parameters) || !field.IsEmpty)
            {
                return Error("a transport parameter is malformed or out of range");
            }
        }

        return TransportError.None;
    }

    private static bool TryReadField(Id id, ref ByteReader field, ref TransportParameters p)
    {
        ulong number;
        switch (id)
        {
            case Id.OriginalDestinationConnectionId when TryReadId(ref field, out ConnectionId cid):
                p = p with { OriginalDestinationConnectionId = cid };
                return true;
            case Id.MaxIdleTimeout when field.TryReadVarInt(out number):
                p = p with { MaxIdleTimeout = TimeSpan.FromMilliseconds((long)ulong.Min(number, (ulong)MaxIdle.TotalMilliseconds)) };
                return true;
            case Id.StatelessResetToken when ResetToken.TryRead(ref field, out ResetToken token):
                p = p with { StatelessResetToken = token };
                return true;
            case Id.MaxUdpPayloadSize when field.TryReadVarInt(out number) && number >= MinPayload:
                p = p with { MaxUdpPayloadSize = (int)ulong.Min(number, MaxPayload) };
                return true;
            case Id.InitialMaxData when field.TryReadVarInt(out number):
                p = p with { InitialMaxData = number };
                return true;
            case Id.InitialMaxStreamDataBidiLocal when field.TryReadVarInt(out number):
                p = p with { InitialMaxStreamDataBidiLocal = number };
                return true;
            case Id.InitialMaxStreamDataBidiRemote when field.TryReadVarInt(out number):
                p = p with { InitialMaxStreamDataBidiRemote = number };
                return true;
            case Id.InitialMaxStreamDataUni when field.TryReadVarInt(out number):
                p = p with { InitialMaxStreamDataUni = number };
                return true;
            case Id.InitialMaxStreamsBidi when field.TryReadVarInt(out number) && number <= MaxStreamsFrame.MaxLimit:
                p = p with { InitialMaxStreamsBidi = number };
                return true;
            case Id.InitialMaxStreamsUni when field.TryReadVarInt(out number) && number <= MaxStreamsFrame.MaxLimit:
                p = p with { InitialMaxStreamsUni = number };
                return true;
            case Id.AckDelayExponent when field.TryReadVarInt(out number) && number <= MaxExponent:
                p = p with { AckDelayExponent = (int)number };
                return true;
            case Id.MaxAckDelay when field.TryReadVarInt(out number) && number < MaxAckDelayLimit:
                p = p with { MaxAckDelay = TimeSpan.FromMilliseconds((long)number) };
                return true;
            case Id.DisableActiveMigration:
                p = p with { DisableActiveMigration = true };
                return true;
            case Id.PreferredAddress when Wire.PreferredAddress.TryRead(ref field, out PreferredAddress address):
                p = p with { PreferredAddress = address };
                return true;
            case Id.ActiveConnectionIdLimit when field.TryReadVarInt(out number) && number >= 2:
                p = p with { ActiveConnectionIdLimit = number };
                return true;
            case Id.InitialSourceConnectionId when TryReadId(ref field, out ConnectionId cid):
                p = p with { InitialSourceConnectionId = cid };
                return true;
            case Id.RetrySourceConnectionId when TryReadId(ref field, out ConnectionId cid):
                p = p with { RetrySourceConnectionId = cid };
                return true;
            case Id.MaxDatagramFrameSize when field.TryReadVarInt(out number):
                p = p with { MaxDatagramFrameSize = number };
                return true;
            case Id.VersionInformation when Wire.VersionInformation.TryRead(ref field, out VersionInformation? versions):
                p = p with { VersionInformation = versions };
                return true;
            case Id.GreaseQuicBit:
                p = p with { GreaseQuicBit = true };
                return true;
            default:
                return false;
        }
    }

    // RFC 9000, sections 7.3 and 18.2.
    private TransportError CheckRole(bool fromServer)
    {
        bool hasServerOnly = OriginalDestinationConnectionId is not null || StatelessResetToken is not null
            || PreferredAddress is not null || RetrySourceConnectionId is not null;
        if (!fromServer && hasServerOnly)
        {
            return Error("a transport parameter that only servers may send");
        }

        bool isAuthenticated = InitialSourceConnectionId is not null && (!fromServer || OriginalDestinationConnectionId is not null);
        if (!isAuthenticated)
        {
            return Error("a connection ID that the handshake authenticates is missing");
        }

        // A preferred address comes with a new ID; who has chosen an empty one cannot issue any.
        return PreferredAddress is not null && InitialSourceConnectionId is { Length: 0 }
            ? Error("a preferred address without connection IDs")
            : TransportError.None;
    }

    private static bool TryReadId(ref ByteReader field, out ConnectionId id)
    {
        bool sound = field.Remaining <= ConnectionId.MaxLength;
        id = sound ? new(field.Rest) : default;
        return sound && field.TryReadBytes((ulong)field.Remaining, out _);
    }

    private static void WriteStart(ref ByteWriter writer, Id id, int length)
    {
        writer.WriteVarInt((ulong)id);
        writer.WriteVarInt((ulong)length);
    }

    private static void WriteNumber(ref ByteWriter writer, Id id, ulong value, ulong defaultValue)
    {
        if (value != defaultValue)
        {
            WriteStart(ref writer, id, VarInt.Length(value));
            writer.WriteVarInt(value);
        }
    }

    private static void WriteId(ref ByteWriter writer, Id id, ConnectionId? value)
    {
        if (value is ConnectionId present)
        {
            WriteStart(ref writer, id, present.Length);
            writer.WriteBytes(present.Span);
        }
    }

    private static ulong Milliseconds(TimeSpan value) => (ulong)(value.Ticks / TimeSpan.TicksPerMillisecond);

    private static bool IsKnown(ulong id) => id is <= (ulong)Id.VersionInformation or (ulong)Id.MaxDatagramFrameSize or (ulong)Id.GreaseQuicBit;

    private static TransportError Error(string reason) =>
        TransportError.Of(TransportErrorCode.TransportParameterError, reason, FrameType.Crypto);

    private enum Id : ulong
    {
        OriginalDestinationConnectionId = 0x00,
        MaxIdleTimeout = 0x01,
        StatelessResetToken = 0x02,
        MaxUdpPayloadSize = 0x03,
        InitialMaxData = 0x04,
        InitialMaxStreamDataBidiLocal = 0x05,
        InitialMaxStreamDataBidiRemote = 0x06,
        InitialMaxStreamDataUni = 0x07,
        InitialMaxStreamsBidi = 0x08,
        InitialMaxStreamsUni = 0x09,
        AckDelayExponent = 0x0A,
        MaxAckDelay = 0x0B,
        DisableActiveMigration = 0x0C,
        PreferredAddress = 0x0D,
        ActiveConnectionIdLimit = 0x0E,
        InitialSourceConnectionId = 0x0F,
        RetrySourceConnectionId = 0x10,
        VersionInformation = 0x11,
        MaxDatagramFrameSize = 0x20,
        GreaseQuicBit = 0x2AB2,
    }
}
