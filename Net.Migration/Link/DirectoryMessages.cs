using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>A record as it is now.</summary>
internal sealed record DirectoryUpdateMessage(OwnershipRecord Record) : LinkMessage
{
    public override MessageType Type => MessageType.DirectoryUpdate;

    public override void WriteBody(FieldWriter writer) => Record.Write(writer);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = OwnershipRecord.TryRead(ref reader, out OwnershipRecord? record) ? new DirectoryUpdateMessage(record!) : null;
        return message is not null;
    }
}

/// <summary>A request to the directory. A forced take-over has no form here: only the failure detector beside the directory decides it.</summary>
internal sealed record OwnershipAskMessage(OwnershipRequest Request) : LinkMessage
{
    public override MessageType Type => MessageType.OwnershipAsk;

    private enum Kind : byte
    {
        Read = 0,
        Create = 1,
        Move = 2,
        Abort = 3,
    }

    public override void WriteBody(FieldWriter writer)
    {
        Kind kind = Request switch
        {
            ReadOwnership => Kind.Read,
            CreateOwnership => Kind.Create,
            MoveOwnership => Kind.Move,
            AbortOwnership => Kind.Abort,
            _ => throw new InvalidOperationException("this request does not travel"),
        };
        writer.WriteByte((byte)kind);
        writer.WriteUInt64(Request.Id);
        writer.WriteString(Request.Component);
        switch (Request)
        {
            case CreateOwnership create:
                create.Owner.Write(writer);
                break;
            case MoveOwnership move:
                move.Source.Write(writer);
                writer.WriteUInt64(move.Epoch);
                move.Destination.Write(writer);
                writer.WriteBytes(move.Hash.Span);
                break;
            case AbortOwnership abort:
                abort.Source.Write(writer);
                writer.WriteUInt64(abort.Epoch);
                break;
            default:
                break;
        }
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadByte(out byte kind) || !reader.TryReadUInt64(out ulong id) || !Names.TryRead(ref reader, out string component))
        {
            return false;
        }

        if ((Kind)kind is Kind.Read)
        {
            message = new OwnershipAskMessage(new ReadOwnership(id, component));
            return true;
        }

        if ((Kind)kind is not (Kind.Create or Kind.Move or Kind.Abort) || !Member.TryRead(ref reader, out Member member))
        {
            return false;
        }

        if ((Kind)kind is Kind.Create)
        {
            message = new OwnershipAskMessage(new CreateOwnership(id, component, member));
            return true;
        }

        if (!reader.TryReadUInt64(out ulong epoch))
        {
            return false;
        }

        if ((Kind)kind is Kind.Abort)
        {
            message = new OwnershipAskMessage(new AbortOwnership(id, component, member, epoch));
            return true;
        }

        if (!Member.TryRead(ref reader, out Member destination) || !reader.TryReadBytes(SnapshotHash.Length, out ReadOnlySpan<byte> hash))
        {
            return false;
        }

        message = new OwnershipAskMessage(new MoveOwnership(id, component, member, epoch, destination, new(hash)));
        return true;
    }
}

/// <summary>The directory's answer.</summary>
internal sealed record OwnershipReplyMessage(OwnershipAnswer Answer) : LinkMessage
{
    public override MessageType Type => MessageType.OwnershipReply;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Answer.Id);
        writer.WriteByte((byte)Answer.Outcome);
        writer.WriteBool(Answer.Record is not null);
        Answer.Record?.Write(writer);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        OwnershipRecord? record = null;
        if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadByte(out byte outcome) || outcome > (byte)OwnershipOutcome.Refused
            || !reader.TryReadBool(out bool hasRecord) || (hasRecord && !OwnershipRecord.TryRead(ref reader, out record)))
        {
            return false;
        }

        message = new OwnershipReplyMessage(new OwnershipAnswer(id, (OwnershipOutcome)outcome, record));
        return true;
    }
}

/// <summary>A shard and an epoch, in one of three meanings about fencing.</summary>
internal abstract record FenceMessage(uint Shard, ulong Epoch) : LinkMessage
{
    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt32(Shard);
        writer.WriteUInt64(Epoch);
    }

    protected static bool TryReadFields(ref ByteReader reader, out uint shard, out ulong epoch)
    {
        bool complete = reader.TryReadUInt32(out shard) & reader.TryReadUInt64(out epoch);
        return complete && shard != 0 && epoch != 0;
    }
}

/// <summary>After a forced take-over the new owner asks an ingress to fence off everything below its epoch.</summary>
internal sealed record FenceAskMessage(uint Shard, ulong Epoch) : FenceMessage(Shard, Epoch)
{
    public override MessageType Type => MessageType.FenceAsk;

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = TryReadFields(ref reader, out uint shard, out ulong epoch) ? new FenceAskMessage(shard, epoch) : null;
        return message is not null;
    }
}

/// <summary>The ingress passes nothing below that epoch any more.</summary>
internal sealed record FenceConfirmMessage(uint Shard, ulong Epoch) : FenceMessage(Shard, Epoch)
{
    public override MessageType Type => MessageType.FenceConfirm;

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = TryReadFields(ref reader, out uint shard, out ulong epoch) ? new FenceConfirmMessage(shard, epoch) : null;
        return message is not null;
    }
}

/// <summary>Order to a host: the component is yours by force. Serve when fenced (<see cref="TakeOverGate"/>).</summary>
/// <param name="Record">The record that the failure detector wrote.</param>
/// <param name="OldOwnerLease">How long the old owner may still send, at most.</param>
internal sealed record TakeOverMessage(OwnershipRecord Record, TimeSpan OldOwnerLease) : LinkMessage
{
    public override MessageType Type => MessageType.TakeOver;

    public override void WriteBody(FieldWriter writer)
    {
        Record.Write(writer);
        writer.WriteDuration(OldOwnerLease);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = OwnershipRecord.TryRead(ref reader, out OwnershipRecord? record) && reader.TryReadDuration(out TimeSpan lease)
            ? new TakeOverMessage(record!, lease) : null;
        return message is not null;
    }
}

/// <summary>The owner asks an ingress to hold first Initials of a component (they go to the winner), or to let them go.</summary>
internal sealed record HoldInitialsMessage(string Component, ulong Epoch, bool Hold) : LinkMessage
{
    public override MessageType Type => MessageType.HoldInitials;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteString(Component);
        writer.WriteUInt64(Epoch);
        writer.WriteBool(Hold);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = Names.TryRead(ref reader, out string component) && reader.TryReadUInt64(out ulong epoch) && reader.TryReadBool(out bool hold)
            ? new HoldInitialsMessage(component, epoch, hold) : null;
        return message is not null;
    }
}

/// <summary>The ingress holds them: no first Initial of the component is on its way to the owner after this.</summary>
internal sealed record InitialsHeldMessage(string Component, ulong Epoch) : LinkMessage
{
    public override MessageType Type => MessageType.InitialsHeld;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteString(Component);
        writer.WriteUInt64(Epoch);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = Names.TryRead(ref reader, out string component) && reader.TryReadUInt64(out ulong epoch)
            ? new InitialsHeldMessage(component, epoch) : null;
        return message is not null;
    }
}
