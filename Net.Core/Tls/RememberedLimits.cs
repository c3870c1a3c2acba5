using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>The transport parameters of a server that a client keeps with a ticket and holds 0-RTT data to (RFC 9000, section 7.4.1).</summary>
/// <remarks>
/// The others are not kept: they are of one handshake (IDs, reset token, preferred address), of one direction's timing (ack_delay_exponent,
/// max_ack_delay), or newly said each time. max_idle_timeout and max_udp_payload_size may be kept, and bind nobody.
/// </remarks>
internal readonly record struct RememberedLimits(
    ulong MaxData,
    ulong MaxStreamDataBidiLocal,
    ulong MaxStreamDataBidiRemote,
    ulong MaxStreamDataUni,
    ulong MaxStreamsBidi,
    ulong MaxStreamsUni,
    ulong ActiveConnectionIdLimit,
    ulong MaxDatagramFrameSize,
    bool DisableActiveMigration)
{
    public static RememberedLimits Of(TransportParameters p) => new(
        p.InitialMaxData, p.InitialMaxStreamDataBidiLocal, p.InitialMaxStreamDataBidiRemote, p.InitialMaxStreamDataUni,
        p.InitialMaxStreamsBidi, p.InitialMaxStreamsUni, p.ActiveConnectionIdLimit, p.MaxDatagramFrameSize, p.DisableActiveMigration);

    /// <summary>The parameters that a client assumes until it hears of the true ones.</summary>
    public TransportParameters ToParameters() => new()
    {
        InitialMaxData = MaxData,
        InitialMaxStreamDataBidiLocal = MaxStreamDataBidiLocal,
        InitialMaxStreamDataBidiRemote = MaxStreamDataBidiRemote,
        InitialMaxStreamDataUni = MaxStreamDataUni,
        InitialMaxStreamsBidi = MaxStreamsBidi,
        InitialMaxStreamsUni = MaxStreamsUni,
        ActiveConnectionIdLimit = ActiveConnectionIdLimit,
        MaxDatagramFrameSize = MaxDatagramFrameSize,
        DisableActiveMigration = DisableActiveMigration,
    };

    /// <summary>Whether data that was sent within these limits is within <paramref name="now"/> too: a server that accepts 0-RTT may not reduce any.</summary>
    public bool HoldUnder(RememberedLimits now) =>
        now.MaxData >= MaxData
        && now.MaxStreamDataBidiLocal >= MaxStreamDataBidiLocal
        && now.MaxStreamDataBidiRemote >= MaxStreamDataBidiRemote
        && now.MaxStreamDataUni >= MaxStreamDataUni
        && now.MaxStreamsBidi >= MaxStreamsBidi
        && now.MaxStreamsUni >= MaxStreamsUni
        && now.ActiveConnectionIdLimit >= ActiveConnectionIdLimit
        && now.MaxDatagramFrameSize >= MaxDatagramFrameSize;

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(MaxData);
        writer.WriteNumber(MaxStreamDataBidiLocal);
        writer.WriteNumber(MaxStreamDataBidiRemote);
        writer.WriteNumber(MaxStreamDataUni);
        writer.WriteNumber(MaxStreamsBidi);
        writer.WriteNumber(MaxStreamsUni);
        writer.WriteNumber(ActiveConnectionIdLimit);
        writer.WriteNumber(MaxDatagramFrameSize);
        writer.WriteBool(DisableActiveMigration);
    }

    public static RememberedLimits Import(SnapshotReader reader) => new(
        reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue),
        reader.ReadNumber(MaxStreamsFrame.MaxLimit), reader.ReadNumber(MaxStreamsFrame.MaxLimit), reader.ReadNumber(VarInt.MaxValue),
        reader.ReadNumber(VarInt.MaxValue), reader.ReadBool());
}
