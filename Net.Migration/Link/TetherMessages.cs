using Net.Core.Wire;
using Net.Http3.Tethers;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>The owner of a component asks the node where some of its handlers have stayed for their tethers: the first word of a link for them.</summary>
/// <param name="Component">Whose handlers.</param>
/// <param name="Epoch">Under which the sender owns it.</param>
/// <param name="Owner">This life of the sender.</param>
/// <param name="Source">The life of the node that is meant.</param>
internal sealed record TetherOpenMessage(string Component, ulong Epoch, Member Owner, Member Source) : LinkMessage
{
    public override MessageType Type => MessageType.TetherOpen;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteString(Component);
        writer.WriteUInt64(Epoch);
        Owner.Write(writer);
        Source.Write(writer);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = Names.TryRead(ref reader, out string component)
            && reader.TryReadUInt64(out ulong epoch) && epoch is not (0 or ulong.MaxValue)
            && Member.TryRead(ref reader, out Member owner)
            && Member.TryRead(ref reader, out Member source)
            ? new TetherOpenMessage(component, epoch, owner, source) : null;
        return message is not null;
    }
}

/// <summary>The link is for tethers from here on, of this component alone. A node that does not agree closes the link.</summary>
internal sealed record TetherOpenedMessage(ulong Epoch) : LinkMessage
{
    public override MessageType Type => MessageType.TetherOpened;

    public override void WriteBody(FieldWriter writer) => writer.WriteUInt64(Epoch);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong epoch) ? new TetherOpenedMessage(epoch) : null;
        return message is not null;
    }
}

/// <summary>What one end of a tether says to the other.</summary>
internal sealed record TetherFrameMessage(TetherMessage Frame) : LinkMessage
{
    public override MessageType Type => Frame switch
    {
        TetherAttach => MessageType.TetherAttach,
        TetherData => MessageType.TetherData,
        TetherAck => MessageType.TetherAck,
        _ => MessageType.TetherReset,
    };

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteVarInt(Frame.Number);
        switch (Frame)
        {
            case TetherData data:
                writer.WriteVarInt(data.Offset);
                writer.WriteBool(data.IsLast);
                writer.WriteVarBytes(data.Bytes.Span);
                break;
            case TetherAttach attach:
                writer.WriteVarInt(attach.Received);
                writer.WriteVarInt(attach.Limit);
                break;
            case TetherAck ack:
                writer.WriteVarInt(ack.Received);
                writer.WriteVarInt(ack.Limit);
                break;
            case TetherReset reset:
                writer.WriteVarInt(reset.Code);
                break;
            default:
                throw new InvalidOperationException($"a tether does not say {Frame.GetType().Name}");
        }
    }

    public static bool TryRead(MessageType type, ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadVarInt(out ulong number) || !reader.TryReadVarInt(out ulong first))
        {
            return false;
        }

        switch (type)
        {
            case MessageType.TetherReset:
                message = new TetherFrameMessage(new TetherReset(number, first));
                break;

            case MessageType.TetherData:
                message = reader.TryReadBool(out bool isLast) && reader.TryReadBytes(TetherLimits.MaxChunk, out byte[] bytes)
                    ? new TetherFrameMessage(new TetherData(number, first, bytes, isLast)) : null;
                break;

            case MessageType.TetherAttach:
                message = reader.TryReadVarInt(out ulong permitted) ? new TetherFrameMessage(new TetherAttach(number, first, permitted)) : null;
                break;

            default:
                message = reader.TryReadVarInt(out ulong limit) ? new TetherFrameMessage(new TetherAck(number, first, limit)) : null;
                break;
        }

        return message is not null;
    }
}
