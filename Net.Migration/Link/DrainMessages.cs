using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>Move everything away from a node, one component after the other: a command asks for it, or the node itself before it ends.</summary>
/// <param name="Id">Comes back in the reply.</param>
/// <param name="Node">Name, as typed. A node that asks means its own life, whatever the name.</param>
/// <param name="To">Name of the only destination; empty: whichever host has least.</param>
/// <param name="Timeout">What has not moved by then stays.</param>
/// <param name="IsCancelled">Instead: end the drain that is under way, and let the node be a host like any other again.</param>
internal sealed record DrainMessage(ulong Id, string Node, string To, TimeSpan Timeout, bool IsCancelled = false) : LinkMessage
{
    public override MessageType Type => MessageType.Drain;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Id);
        writer.WriteString(Node);
        writer.WriteString(To);
        writer.WriteDuration(Timeout);
        writer.WriteBool(IsCancelled);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong id) && reader.TryReadString(MigrateMessage.MaxTyped, out string node)
            && reader.TryReadString(MigrateMessage.MaxTyped, out string to) && reader.TryReadDuration(out TimeSpan timeout)
            && reader.TryReadBool(out bool isCancelled)
            ? new DrainMessage(id, node, to, timeout, isCancelled) : null;
        return message is not null;
    }
}

/// <summary>How a drain ended.</summary>
/// <param name="Node">Which.</param>
/// <param name="Moves">Every move that was tried, in order.</param>
/// <param name="Remaining">Components that are still there.</param>
/// <param name="Code">None: nothing is there any more.</param>
/// <param name="Message">For people.</param>
internal sealed record DrainReport(string Node, IReadOnlyList<MigrateReport> Moves, IReadOnlyList<string> Remaining, MigrateCode Code, string Message)
{
    public bool Equals(DrainReport? other) => other is not null && Node == other.Node && Moves.SequenceEqual(other.Moves)
        && Remaining.SequenceEqual(other.Remaining, StringComparer.Ordinal) && Code == other.Code && Message == other.Message;

    public override int GetHashCode() => Node.GetHashCode(StringComparison.Ordinal);
}

/// <summary>It has ended.</summary>
internal sealed record DrainReplyMessage(ulong Id, DrainReport Report) : LinkMessage
{
    /// <summary>Moves that are told: two for each component that one node can have.</summary>
    public const int MaxMoves = 2 * NodeInfo.MaxHosts;

    private const int SmallestMove = 28;

    public override MessageType Type => MessageType.DrainReply;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Id);
        writer.WriteString(Report.Node);
        writer.WriteVarInt((ulong)Report.Moves.Count);
        foreach (MigrateReport move in Report.Moves)
        {
            move.Write(writer);
        }

        writer.WriteVarInt((ulong)Report.Remaining.Count);
        foreach (string component in Report.Remaining)
        {
            writer.WriteString(component);
        }

        writer.WriteByte((byte)Report.Code);
        writer.WriteString(Report.Message);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadString(MigrateMessage.MaxTyped, out string node)
            || !reader.TryReadCount(MaxMoves, SmallestMove, out int moveCount))
        {
            return false;
        }

        MigrateReport[] moves = new MigrateReport[moveCount];
        for (int i = 0; i < moveCount; i++)
        {
            if (!MigrateReport.TryRead(ref reader, out MigrateReport? move))
            {
                return false;
            }

            moves[i] = move!;
        }

        if (!reader.TryReadCount(NodeInfo.MaxHosts, 2, out int remainingCount))
        {
            return false;
        }

        string[] remaining = new string[remainingCount];
        for (int i = 0; i < remainingCount; i++)
        {
            if (!Names.TryRead(ref reader, out remaining[i]))
            {
                return false;
            }
        }

        if (!reader.TryReadByte(out byte code) || code > (byte)MigrateCode.Conflict || !reader.TryReadString(MigrateReport.MaxText, out string text))
        {
            return false;
        }

        message = new DrainReplyMessage(id, new(node, moves, remaining, (MigrateCode)code, text));
        return true;
    }
}
