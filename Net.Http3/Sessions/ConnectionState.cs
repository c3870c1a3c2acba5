using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>What HTTP/3 knows about a connection as a whole.</summary>
internal sealed class ConnectionState(bool isServer) : IPart<ConnectionState>
{
    public static ulong Section => SectionNumber.Http3Connection;

    public ulong Changes { get; private set; }

    public bool IsServer => isServer;

    /// <summary>Our control stream; <c>null</c> until the peer permits it.</summary>
    public StreamId? LocalControl { get; set => field = Changed(value); }

    public StreamId? PeerControl { get; set => field = Changed(value); }

    public StreamId? PeerEncoder { get; set => field = Changed(value); }

    public StreamId? PeerDecoder { get; set => field = Changed(value); }

    public Http3Settings PeerSettings { get; set => field = Changed(value); } = Http3Settings.Default;

    public bool HasPeerSettings { get; set => field = Changed(value); }

    /// <summary>Indices below were seen as requests: a closed one must not come back as a new one.</summary>
    public ulong NextRequest { get; set => field = Changed(value); }

    /// <summary>Indices below were seen as unidirectional streams of the peer.</summary>
    public ulong NextUnidirectional { get; set => field = Changed(value); }

    /// <summary>The last GOAWAY that we sent: a stream ID at a server.</summary>
    public ulong? GoAwaySent { get; set => field = Changed(value); }

    /// <summary>The last GOAWAY that was received: a stream ID at a client, a push ID at a server.</summary>
    public ulong? GoAwayReceived { get; set => field = Changed(value); }

    public ulong? MaxPushId { get; set => field = Changed(value); }

    public int IdleControlFrames { get; set => field = Changed(value); }

    public int UnknownStreams { get; set => field = Changed(value); }

    /// <summary>Bytes of our control stream that the transport had no room for.</summary>
    public byte[] ControlPending { get; set => field = Changed(value); } = [];

    /// <summary>Whether the peer takes a section of this size (RFC 9114, section 4.2.2), and we would.</summary>
    public bool Fits(FieldSection fields) => (ulong)fields.Size <= ulong.Min(PeerSettings.MaxFieldSectionSize, Http3Limits.MaxFieldSectionSize);

    /// <exception cref="ArgumentException">The peer does not take that many.</exception>
    public void CheckFits(FieldSection fields, string parameter)
    {
        if (!Fits(fields))
        {
            throw new ArgumentException("the fields are larger than the peer takes", parameter);
        }
    }

    /// <summary>A frame on a control stream that changed nothing: a flood of them is an attack (checklist S67).</summary>
    public Http3Error CountIdleFrame() => (ulong)++IdleControlFrames > Http3Limits.MaxIdleControlFrames + (16 * NextRequest)
        ? Http3Error.Connection(Http3ErrorCode.ExcessiveLoad, "too many control frames that change nothing")
        : Http3Error.None;

    public Http3Error CountUnknownStream() => (ulong)++UnknownStreams > Http3Limits.MaxUnknownStreams + NextRequest
        ? Http3Error.Connection(Http3ErrorCode.ExcessiveLoad, "too many streams of unknown types")
        : Http3Error.None;

    public void Export(SnapshotWriter writer)
    {
        writer.WriteBool(IsServer);
        WriteOptional(writer, LocalControl?.Value);
        WriteOptional(writer, PeerControl?.Value);
        WriteOptional(writer, PeerEncoder?.Value);
        WriteOptional(writer, PeerDecoder?.Value);
        PeerSettings.Export(writer);
        writer.WriteBool(HasPeerSettings);
        writer.WriteNumber(NextRequest);
        writer.WriteNumber(NextUnidirectional);
        WriteOptional(writer, GoAwaySent);
        WriteOptional(writer, GoAwayReceived);
        WriteOptional(writer, MaxPushId);
        writer.WriteNumber((ulong)IdleControlFrames);
        writer.WriteNumber((ulong)UnknownStreams);
        writer.WriteBytes(ControlPending);
    }

    public static ConnectionState Import(SnapshotReader reader)
    {
        ConnectionState state = new(reader.ReadBool())
        {
            LocalControl = ReadStream(reader),
            PeerControl = ReadStream(reader),
            PeerEncoder = ReadStream(reader),
            PeerDecoder = ReadStream(reader),
            PeerSettings = Http3Settings.Import(reader),
            HasPeerSettings = reader.ReadBool(),
            NextRequest = reader.ReadNumber(VarInt.MaxValue >> 2),
            NextUnidirectional = reader.ReadNumber(VarInt.MaxValue >> 2),
            GoAwaySent = ReadOptional(reader),
            GoAwayReceived = ReadOptional(reader),
            MaxPushId = ReadOptional(reader),
            IdleControlFrames = (int)reader.ReadNumber(int.MaxValue - 1),
            UnknownStreams = (int)reader.ReadNumber(int.MaxValue - 1),
            ControlPending = reader.ReadBytes().ToArray(),
        };
        reader.End();
        bool sound = Belongs(state.LocalControl, state.IsServer) && Belongs(state.PeerControl, !state.IsServer)
            && Belongs(state.PeerEncoder, !state.IsServer) && Belongs(state.PeerDecoder, !state.IsServer)
            && (state.PeerControl is not null || !state.HasPeerSettings)
            && (state.LocalControl is not null || state.ControlPending.Length == 0);
        return sound ? state : throw new SnapshotException("the state of an HTTP/3 connection contradicts itself");

        static bool Belongs(StreamId? id, bool toServer) =>
            id is not StreamId known || (known.IsUnidirectional && known.IsServerInitiated == toServer);
    }

    private static void WriteOptional(SnapshotWriter writer, ulong? value)
    {
        writer.WriteBool(value is not null);
        if (value is ulong known)
        {
            writer.WriteNumber(known);
        }
    }

    private static ulong? ReadOptional(SnapshotReader reader) => reader.ReadBool() ? reader.ReadNumber(VarInt.MaxValue) : null;

    private static StreamId? ReadStream(SnapshotReader reader) => ReadOptional(reader) is ulong id ? new StreamId(id) : null;

    private T Changed<T>(T value)
    {
        Changes++;
        return value;
    }
}
