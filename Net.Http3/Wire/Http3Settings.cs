using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Http3.Wire;

/// <summary>SETTINGS: what an endpoint tells about itself once, first on its control stream (RFC 9114, section 7.2.4).</summary>
/// <param name="MaxFieldSectionSize">Largest field section that it wants, in bytes of RFC 9114, section 4.2.2; 2^62-1 = no limit.</param>
/// <param name="QpackMaxTableCapacity">Bytes of dynamic table that its decoder permits (RFC 9204, section 5).</param>
/// <param name="QpackBlockedStreams">Streams that may wait for its decoder's table.</param>
/// <param name="EnableConnect">Extended CONNECT (RFC 9220).</param>
/// <param name="Datagrams">HTTP datagrams (RFC 9297).</param>
internal readonly record struct Http3Settings(
    ulong MaxFieldSectionSize, ulong QpackMaxTableCapacity, ulong QpackBlockedStreams, bool EnableConnect, bool Datagrams)
{
    private const ulong TableCapacityId = 0x01, FieldSectionSizeId = 0x06, BlockedStreamsId = 0x07, ConnectId = 0x08, DatagramId = 0x33;

    /// <summary>Bytes of the longest frame that is written: type, length, and five settings of up to 9 bytes behind a reserved one.</summary>
    public const int MaxLength = 80;

    /// <summary>What holds until SETTINGS arrives.</summary>
    public static Http3Settings Default => new(VarInt.MaxValue, 0, 0, false, false);

    /// <summary>What we send, unless options say otherwise.</summary>
    public static Http3Settings Ours => new(Http3Limits.MaxFieldSectionSize, Http3Limits.DefaultTableCapacity, Http3Limits.DefaultBlockedStreams, false, false);

    /// <summary>
    /// What requests in 0-RTT are held to, of a server's earlier SETTINGS: no dynamic table, so that they can be sent again whatever the server
    /// says this time (RFC 9204, section 3.2.3).
    /// </summary>
    public Http3Settings ForEarlyData => this with { QpackMaxTableCapacity = 0, QpackBlockedStreams = 0 };

    /// <summary>Whether a server that has accepted 0-RTT data may say <paramref name="now"/>: nothing less than it said before (RFC 9114, section 7.2.4.2).</summary>
    public bool HoldUnder(in Http3Settings now) =>
        now.MaxFieldSectionSize >= MaxFieldSectionSize
        && (QpackMaxTableCapacity == 0 || now.QpackMaxTableCapacity == QpackMaxTableCapacity)
        && now.QpackBlockedStreams >= QpackBlockedStreams
        && (now.EnableConnect || !EnableConnect)
        && (now.Datagrams || !Datagrams);

    /// <summary>For a client's ticket.</summary>
    public byte[] ToKept()
    {
        SnapshotWriter writer = new(default);
        Export(writer);
        return writer.Written.ToArray();
    }

    /// <summary>What holds of the settings that were kept; the defaults when none were.</summary>
    public static Http3Settings OfKept(ReadOnlyMemory<byte>? kept) => kept is { IsEmpty: false } bytes ? Import(new(bytes, default)) : Default;

    /// <summary>Reads a whole payload. Unknown and reserved identifiers are ignored (sections 7.2.4 and 7.2.4.1).</summary>
    public static Http3Error TryRead(ReadOnlySpan<byte> payload, out Http3Settings settings)
    {
        settings = Default;
        ByteReader reader = new(payload);
        Span<ulong> seen = stackalloc ulong[Http3Limits.MaxSettingsPayload / 2];
        int count = 0;
        while (!reader.IsEmpty)
        {
            if (!reader.TryReadVarInt(out ulong id) || !reader.TryReadVarInt(out ulong value))
            {
                return Http3Error.Connection(Http3ErrorCode.FrameError, "SETTINGS ends inside a setting");
            }

            if (count == seen.Length || seen[..count].Contains(id))
            {
                return Fault("a setting comes twice");
            }

            seen[count++] = id;
            switch (id)
            {
                case TableCapacityId: settings = settings with { QpackMaxTableCapacity = value }; break;
                case FieldSectionSizeId: settings = settings with { MaxFieldSectionSize = value }; break;
                case BlockedStreamsId: settings = settings with { QpackBlockedStreams = value }; break;
                case ConnectId when value <= 1: settings = settings with { EnableConnect = value == 1 }; break;
                case DatagramId when value <= 1: settings = settings with { Datagrams = value == 1 }; break;
                case ConnectId or DatagramId: return Fault("a setting is neither 0 nor 1");
                // Settings of HTTP/2 without a counterpart here.
                case 0x00 or 0x02 or 0x03 or 0x04 or 0x05: return Fault("a setting of HTTP/2");
                default: break;
            }
        }

        return Http3Error.None;

        static Http3Error Fault(string reason) => Http3Error.Connection(Http3ErrorCode.SettingsError, reason);
    }

    /// <summary>Writes the frame, its type and length included, without settings that hold their default: at most <see cref="MaxLength"/> bytes.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="reserved">A setting that means nothing, in front; <c>null</c> for none (section 7.2.4.1).</param>
    public void Write(ref ByteWriter writer, (ulong Id, ulong Value)? reserved = null)
    {
        Span<byte> buffer = stackalloc byte[MaxLength];
        ByteWriter payload = new(buffer);
        if (reserved is (ulong id, ulong value))
        {
            payload.WriteVarInt(id);
            payload.WriteVarInt(value);
        }

        WriteOne(ref payload, FieldSectionSizeId, MaxFieldSectionSize, VarInt.MaxValue);
        WriteOne(ref payload, TableCapacityId, QpackMaxTableCapacity, 0);
        WriteOne(ref payload, BlockedStreamsId, QpackBlockedStreams, 0);
        WriteOne(ref payload, ConnectId, EnableConnect ? 1UL : 0, 0);
        WriteOne(ref payload, DatagramId, Datagrams ? 1UL : 0, 0);
        writer.WriteVarInt((ulong)Http3FrameType.Settings);
        writer.WriteVarBytes(payload.Written);

        static void WriteOne(ref ByteWriter payload, ulong id, ulong value, ulong byDefault)
        {
            if (value != byDefault)
            {
                payload.WriteVarInt(id);
                payload.WriteVarInt(value);
            }
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(MaxFieldSectionSize);
        writer.WriteNumber(QpackMaxTableCapacity);
        writer.WriteNumber(QpackBlockedStreams);
        writer.WriteBool(EnableConnect);
        writer.WriteBool(Datagrams);
    }

    public static Http3Settings Import(SnapshotReader reader) => new(
        reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadBool(), reader.ReadBool());
}
