using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>The error codes of `migrate --json`, and of `checkpoint` and `rollback`.</summary>
internal enum MigrateCode : byte
{
    None = 0,
    UnknownComponent = 1,
    UnknownNode = 2,
    Refused = 3,
    Unreachable = 4,
    Timeout = 5,
    Conflict = 6,

    /// <summary>Of `rollback` alone.</summary>
    UnknownCheckpoint = 7,
}

/// <summary>How a move ended: the fields of `migrate --json`.</summary>
/// <param name="Component">What was to move.</param>
/// <param name="From">Owner before; empty when there is no such component.</param>
/// <param name="To">Asked-for destination.</param>
/// <param name="Epoch">Of the record afterwards.</param>
/// <param name="Moved">Ownership changed by this.</param>
/// <param name="Connections">That moved.</param>
/// <param name="Abandoned">Handshakes that were refused at the end of their grace.</param>
/// <param name="Freeze">From the source's last processed datagram to the destination's first; an upper bound, never flattering.</param>
/// <param name="StateBytes">Sealed bytes sent.</param>
/// <param name="Code">None: no error.</param>
/// <param name="Message">For people.</param>
internal sealed record MigrateReport(
    string Component, string From, string To, ulong Epoch, bool Moved, uint Connections, uint Abandoned, TimeSpan Freeze, ulong StateBytes,
    MigrateCode Code, string Message)
{
    public const int MaxText = 1024;

    /// <summary>Nothing was tried, or nothing came of it.</summary>
    /// <param name="record">The component's; null when there is none.</param>
    public static MigrateReport NotMoved(MigrateMessage ask, OwnershipRecord? record, MigrateCode code, string message) =>
        new(ask.Component, record?.Owner.Name ?? "", ask.To, record?.Epoch ?? 0, Moved: false, 0, 0, TimeSpan.Zero, 0, code, message);

    /// <summary>The code as JSON spells it; null for none.</summary>
    public string? CodeName => NameOf(Code);

    public static string? NameOf(MigrateCode code) => code switch
    {
        MigrateCode.UnknownComponent => "unknown-component",
        MigrateCode.UnknownNode => "unknown-node",
        MigrateCode.Refused => "refused",
        MigrateCode.Unreachable => "unreachable",
        MigrateCode.Timeout => "timeout",
        MigrateCode.Conflict => "conflict",
        MigrateCode.UnknownCheckpoint => "unknown-checkpoint",
        _ => null,
    };

    public void Write(FieldWriter writer)
    {
        writer.WriteString(Component);
        writer.WriteString(From);
        writer.WriteString(To);
        writer.WriteUInt64(Epoch);
        writer.WriteBool(Moved);
        writer.WriteUInt32(Connections);
        writer.WriteUInt32(Abandoned);
        writer.WriteDuration(Freeze);
        writer.WriteUInt64(StateBytes);
        writer.WriteByte((byte)Code);
        writer.WriteString(Message);
    }

    public static bool TryRead(ref ByteReader reader, out MigrateReport? report)
    {
        report = null;
        if (!reader.TryReadString(MigrateMessage.MaxTyped, out string component)
            || !reader.TryReadString(MigrateMessage.MaxTyped, out string from)
            || !reader.TryReadString(MigrateMessage.MaxTyped, out string to)
            || !reader.TryReadUInt64(out ulong epoch)
            || !reader.TryReadBool(out bool moved)
            || !reader.TryReadUInt32(out uint connections)
            || !reader.TryReadUInt32(out uint abandoned)
            || !reader.TryReadDuration(out TimeSpan freeze)
            || !reader.TryReadUInt64(out ulong stateBytes)
            || !reader.TryReadByte(out byte code) || code > (byte)MigrateCode.Conflict
            || !reader.TryReadString(MaxText, out string text))
        {
            return false;
        }

        report = new(component, from, to, epoch, moved, connections, abandoned, freeze, stateBytes, (MigrateCode)code, text);
        return true;
    }
}

/// <summary>Move a component: from the command to the directory's ingress, and from there to the owner.</summary>
/// <param name="Id">Comes back in the reply.</param>
/// <param name="Component">What.</param>
/// <param name="To">Name of the destination, as typed: it may not exist.</param>
/// <param name="Timeout">Abort when not committed by then.</param>
internal sealed record MigrateMessage(ulong Id, string Component, string To, TimeSpan Timeout) : LinkMessage
{
    /// <summary>Bytes of a name as typed.</summary>
    public const int MaxTyped = 256;

    public override MessageType Type => MessageType.Migrate;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Id);
        writer.WriteString(Component);
        writer.WriteString(To);
        writer.WriteDuration(Timeout);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong id) && reader.TryReadString(MaxTyped, out string component)
            && reader.TryReadString(MaxTyped, out string to) && reader.TryReadDuration(out TimeSpan timeout)
            ? new MigrateMessage(id, component, to, timeout) : null;
        return message is not null;
    }
}

/// <summary>How it ended.</summary>
internal sealed record MigrateReplyMessage(ulong Id, MigrateReport Report) : LinkMessage
{
    public override MessageType Type => MessageType.MigrateReply;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Id);
        Report.Write(writer);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong id) && MigrateReport.TryRead(ref reader, out MigrateReport? report)
            ? new MigrateReplyMessage(id, report!) : null;
        return message is not null;
    }
}

/// <summary>What is where?</summary>
internal sealed record StatusAskMessage(ulong Id) : LinkMessage
{
    public override MessageType Type => MessageType.StatusAsk;

    public override void WriteBody(FieldWriter writer) => writer.WriteUInt64(Id);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong id) ? new StatusAskMessage(id) : null;
        return message is not null;
    }
}

/// <summary>A component in `status --json` and `top`.</summary>
/// <param name="Record">Who owns it.</param>
/// <param name="Load">What its owner has told of it last.</param>
/// <param name="Moves">That have succeeded since the ingress started.</param>
/// <param name="LastFreeze">Of the latest of them.</param>
/// <param name="LastStateBytes">Likewise: sealed bytes sent.</param>
/// <param name="MovingTo">Name of the destination of a move that is under way; empty: none.</param>
internal readonly record struct ComponentStatus(
    OwnershipRecord Record, ComponentLoad Load, ulong Moves = 0, TimeSpan LastFreeze = default, ulong LastStateBytes = 0, string MovingTo = "")
{
    public uint Connections => Load.Connections;
}

/// <summary>A node in `status --json` and `top`.</summary>
/// <param name="Node">Who.</param>
/// <param name="IsAlive">By the failure detector's count.</param>
/// <param name="IsDraining">Is being emptied, or has been.</param>
internal readonly record struct NodeStatus(NodeInfo Node, bool IsAlive, bool IsDraining = false);

/// <summary>The fields of `status --json`.</summary>
/// <param name="Id">That of the question.</param>
/// <param name="Ingress">Public address.</param>
/// <param name="Components">Every record.</param>
/// <param name="Nodes">Every member, and those that died lately.</param>
internal sealed record StatusReplyMessage(ulong Id, UdpAddress Ingress, IReadOnlyList<ComponentStatus> Components, IReadOnlyList<NodeStatus> Nodes)
    : LinkMessage
{
    public const int MaxNodes = 1024;

    private const int SmallestRecord = 60;
    private const int SmallestNode = 30;

    public override MessageType Type => MessageType.StatusReply;

    public bool Equals(StatusReplyMessage? other) => other is not null && Id == other.Id && Ingress == other.Ingress
        && Components.SequenceEqual(other.Components) && Nodes.SequenceEqual(other.Nodes);

    public override int GetHashCode() => Id.GetHashCode();

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Id);
        writer.WriteAddress(Ingress);
        writer.WriteVarInt((ulong)Components.Count);
        foreach (ComponentStatus component in Components)
        {
            component.Record.Write(writer);
            component.Load.Write(writer);
            writer.WriteUInt64(component.Moves);
            writer.WriteDuration(component.LastFreeze);
            writer.WriteUInt64(component.LastStateBytes);
            writer.WriteString(component.MovingTo);
        }

        writer.WriteVarInt((ulong)Nodes.Count);
        foreach (NodeStatus node in Nodes)
        {
            node.Node.Write(writer);
            writer.WriteBool(node.IsAlive);
            writer.WriteBool(node.IsDraining);
        }
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadUInt64(out ulong id) || !UdpAddress.TryRead(ref reader, out UdpAddress ingress)
            || !reader.TryReadCount(Ownership.MaxComponents, SmallestRecord, out int componentCount))
        {
            return false;
        }

        ComponentStatus[] components = new ComponentStatus[componentCount];
        for (int i = 0; i < componentCount; i++)
        {
            if (!OwnershipRecord.TryRead(ref reader, out OwnershipRecord? record) || !ComponentLoad.TryRead(ref reader, out ComponentLoad load)
                || !reader.TryReadUInt64(out ulong moves) || !reader.TryReadDuration(out TimeSpan freeze) || !reader.TryReadUInt64(out ulong stateBytes)
                || !reader.TryReadString(MigrateMessage.MaxTyped, out string movingTo))
            {
                return false;
            }

            components[i] = new(record!, load, moves, freeze, stateBytes, movingTo);
        }

        if (!reader.TryReadCount(MaxNodes, SmallestNode, out int nodeCount))
        {
            return false;
        }

        NodeStatus[] nodes = new NodeStatus[nodeCount];
        for (int i = 0; i < nodeCount; i++)
        {
            if (!NodeInfo.TryRead(ref reader, out NodeInfo? node) || !reader.TryReadBool(out bool isAlive) || !reader.TryReadBool(out bool isDraining))
            {
                return false;
            }

            nodes[i] = new(node!, isAlive, isDraining);
        }

        message = new StatusReplyMessage(id, ingress, components, nodes);
        return true;
    }
}
