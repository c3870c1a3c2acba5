using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>What is asked of a component's owner.</summary>
internal enum CheckpointAction : byte
{
    /// <summary>Keep this instant.</summary>
    Take = 0,

    /// <summary>Go back to one that was kept.</summary>
    RollBack = 1,
}

/// <summary>Make a checkpoint, or go back to one: from the command to the ingress, and from there to the owner.</summary>
/// <param name="Id">Comes back in the reply.</param>
/// <param name="Component">What, as typed.</param>
/// <param name="Action">Which of the two.</param>
/// <param name="Number">To which; 0: to the newest. Of no meaning with <see cref="CheckpointAction.Take"/>.</param>
/// <param name="Timeout">Give up when the requests have not come to a safe point by then.</param>
internal sealed record CheckpointMessage(ulong Id, string Component, CheckpointAction Action, ulong Number, TimeSpan Timeout) : LinkMessage
{
    public override MessageType Type => MessageType.Checkpoint;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Id);
        writer.WriteString(Component);
        writer.WriteByte((byte)Action);
        writer.WriteUInt64(Number);
        writer.WriteDuration(Timeout);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong id) && reader.TryReadString(MigrateMessage.MaxTyped, out string component)
            && reader.TryReadByte(out byte action) && action <= (byte)CheckpointAction.RollBack
            && reader.TryReadUInt64(out ulong number) && reader.TryReadDuration(out TimeSpan timeout)
            ? new CheckpointMessage(id, component, (CheckpointAction)action, number, timeout) : null;
        return message is not null;
    }
}

/// <summary>How it ended: the fields of `checkpoint --json` and `rollback --json`.</summary>
/// <param name="Component">What.</param>
/// <param name="Owner">Who owns it; empty when there is no such component.</param>
/// <param name="Epoch">Of the record; neither changes it.</param>
/// <param name="Number">Of the checkpoint that was made, or that it went back to; 0: nothing has happened.</param>
/// <param name="Bytes">That the checkpoint takes.</param>
/// <param name="Connections">Of the component: all of them live on.</param>
/// <param name="Resumed">Requests whose handlers began again where the checkpoint has them.</param>
/// <param name="Reset">Requests that depended on what was discarded.</param>
/// <param name="Kept">Numbers of the checkpoints that there are now, from the oldest on.</param>
/// <param name="Code">None: no error.</param>
/// <param name="Message">For people.</param>
internal sealed record CheckpointReport(
    string Component, string Owner, ulong Epoch, ulong Number, ulong Bytes, uint Connections, uint Resumed, uint Reset, IReadOnlyList<ulong> Kept,
    MigrateCode Code, string Message)
{
    /// <summary>Numbers that are told.</summary>
    public const int MaxKept = 1024;

    /// <summary>Nothing has happened.</summary>
    public static CheckpointReport Failed(CheckpointMessage ask, string owner, ulong epoch, MigrateCode code, string message) =>
        new(ask.Component, owner, epoch, 0, 0, 0, 0, 0, [], code, message);

    public bool Equals(CheckpointReport? other) => other is not null && (Component, Owner, Epoch, Number, Bytes, Connections, Resumed, Reset, Code, Message)
        == (other.Component, other.Owner, other.Epoch, other.Number, other.Bytes, other.Connections, other.Resumed, other.Reset, other.Code, other.Message)
        && Kept.SequenceEqual(other.Kept);

    public override int GetHashCode() => HashCode.Combine(Component, Number);
}

/// <summary>How it ended.</summary>
internal sealed record CheckpointReplyMessage(ulong Id, CheckpointReport Report) : LinkMessage
{
    public override MessageType Type => MessageType.CheckpointReply;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Id);
        writer.WriteString(Report.Component);
        writer.WriteString(Report.Owner);
        writer.WriteUInt64(Report.Epoch);
        writer.WriteUInt64(Report.Number);
        writer.WriteUInt64(Report.Bytes);
        writer.WriteUInt32(Report.Connections);
        writer.WriteUInt32(Report.Resumed);
        writer.WriteUInt32(Report.Reset);
        // The newest are of most use.
        IEnumerable<ulong> kept = Report.Kept.TakeLast(CheckpointReport.MaxKept);
        writer.WriteVarInt((ulong)int.Min(Report.Kept.Count, CheckpointReport.MaxKept));
        foreach (ulong number in kept)
        {
            writer.WriteUInt64(number);
        }

        writer.WriteByte((byte)Report.Code);
        writer.WriteString(Report.Message);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadString(MigrateMessage.MaxTyped, out string component)
            || !reader.TryReadString(MigrateMessage.MaxTyped, out string owner) || !reader.TryReadUInt64(out ulong epoch)
            || !reader.TryReadUInt64(out ulong number) || !reader.TryReadUInt64(out ulong bytes)
            || !reader.TryReadUInt32(out uint connections) || !reader.TryReadUInt32(out uint resumed) || !reader.TryReadUInt32(out uint reset)
            || !reader.TryReadCount(CheckpointReport.MaxKept, sizeof(ulong), out int count))
        {
            return false;
        }

        ulong[] kept = new ulong[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt64(out kept[i]))
            {
                return false;
            }
        }

        if (!reader.TryReadByte(out byte code) || code > (byte)MigrateCode.UnknownCheckpoint || !reader.TryReadString(MigrateReport.MaxText, out string text))
        {
            return false;
        }

        message = new CheckpointReplyMessage(id, new(component, owner, epoch, number, bytes, connections, resumed, reset, kept, (MigrateCode)code, text));
        return true;
    }
}
