using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>What came of an attempt to read a record.</summary>
internal enum LinkRead
{
    /// <summary>A message.</summary>
    Message,

    /// <summary>The record has not arrived in full.</summary>
    NeedsMore,

    /// <summary>A whole record of an odd type that this release does not know.</summary>
    Skipped,

    /// <summary>The peer is broken or hostile, or speaks of what it must not on this link: close the link.</summary>
    Malformed,
}

/// <summary>The records of both links. One stream of the link carries one record behind the other.</summary>
/// <remarks>
/// <code>
/// record   length of what follows (varint, at most <see cref="MaxRecord"/>) | type (varint) | body
/// </code>
/// A body is read to its last byte: what is longer or shorter than its fields is malformed. New fields come as new odd types, or behind a
/// higher version in <see cref="HelloMessage"/>.
/// </remarks>
internal static class LinkCodec
{
    /// <summary>ALPN of a link between two nodes.</summary>
    public const string MigrationAlpn = "continuum-migration/1";

    /// <summary>ALPN of a link between a node, or a command, and an ingress.</summary>
    public const string ControlAlpn = "continuum-control/1";

    /// <summary>Bytes behind the length: a sealed part and its fields, or a status of a large federation.</summary>
    public const int MaxRecord = 1024 * 1024;

    /// <summary>Bytes of a body behind which the writer's buffer is kept: a full part's.</summary>
    private const int MaxKept = ImageWriter.PartLength + 1024;

    // A copy is thousands of records, and fresh memory is the dearest part of one.
    [ThreadStatic]
    private static FieldWriter? t_body;

    public static byte[] Write(LinkMessage message)
    {
        FieldWriter body = t_body ?? new();
        // Until it is empty again: what fails half way is nobody's beginning.
        t_body = null;
        body.WriteVarInt((ulong)message.Type);
        message.WriteBody(body);
        int length = body.Written.Length;
        if (length > MaxRecord)
        {
            body.Wipe();
            throw new ArgumentException("the message is longer than a record may be", nameof(message));
        }

        byte[] record = new byte[VarInt.Length((ulong)length) + length];
        ByteWriter writer = new(record);
        writer.WriteVarInt((ulong)length);
        writer.WriteBytes(body.Written.Span);
        body.Wipe();
        t_body = length <= MaxKept ? body : null;
        return record;
    }

    /// <param name="buffer">What has arrived and was not consumed.</param>
    /// <param name="consumed">Bytes of the record; 0 unless it was whole.</param>
    /// <param name="message">The message; null unless the result says so.</param>
    public static LinkRead TryRead(ReadOnlySpan<byte> buffer, out int consumed, out LinkMessage? message)
    {
        consumed = 0;
        message = null;
        ByteReader reader = new(buffer);
        if (!reader.TryReadVarInt(out ulong length))
        {
            return LinkRead.NeedsMore;
        }

        if (length is 0 or > MaxRecord)
        {
            return LinkRead.Malformed;
        }

        if (!reader.TryReadBytes(length, out ReadOnlySpan<byte> record))
        {
            return LinkRead.NeedsMore;
        }

        ByteReader fields = new(record);
        if (!fields.TryReadVarInt(out ulong type))
        {
            return LinkRead.Malformed;
        }

        bool isSound = TryReadBody((MessageType)type, ref fields, out message, out bool isKnown);
        if (isKnown ? !isSound || !fields.IsEmpty : type % 2 == 0)
        {
            message = null;
            return LinkRead.Malformed;
        }

        consumed = reader.Position;
        return isKnown ? LinkRead.Message : LinkRead.Skipped;
    }

    private static bool TryReadBody(MessageType type, ref ByteReader reader, out LinkMessage? message, out bool isKnown)
    {
        isKnown = true;
        switch (type)
        {
            case MessageType.Hello: return HelloMessage.TryRead(ref reader, out message);
            case MessageType.Prepare: return PrepareMessage.TryRead(ref reader, out message);
            case MessageType.Accept: return AcceptMessage.TryRead(ref reader, out message);
            case MessageType.Refuse: return RefuseMessage.TryRead(ref reader, out message);
            case MessageType.AheadPart: return PartMessage.TryRead(isFinal: false, ref reader, out message);
            case MessageType.AheadEnd: return AheadEndMessage.TryRead(ref reader, out message);
            case MessageType.AheadDecoded: return AheadDecodedMessage.TryRead(ref reader, out message);
            case MessageType.FinalPart: return PartMessage.TryRead(isFinal: true, ref reader, out message);
            case MessageType.FinalEnd: return FinalEndMessage.TryRead(ref reader, out message);
            case MessageType.Ready: return ReadyMessage.TryRead(ref reader, out message);
            case MessageType.Committed: return CommittedMessage.TryRead(ref reader, out message);
            case MessageType.Abort: return AbortMessage.TryRead(ref reader, out message);
            case MessageType.Resumed: return ResumedMessage.TryRead(ref reader, out message);
            case MessageType.TraceContext: return TraceContextMessage.TryRead(ref reader, out message);
            case MessageType.TetherOpen: return TetherOpenMessage.TryRead(ref reader, out message);
            case MessageType.TetherOpened: return TetherOpenedMessage.TryRead(ref reader, out message);
            case MessageType.TetherAttach or MessageType.TetherData or MessageType.TetherAck or MessageType.TetherReset:
                return TetherFrameMessage.TryRead(type, ref reader, out message);
            case MessageType.Join: return JoinMessage.TryRead(ref reader, out message);
            case MessageType.Welcome: return WelcomeMessage.TryRead(ref reader, out message);
            case MessageType.JoinRefused: return JoinRefusedMessage.TryRead(ref reader, out message);
            case MessageType.MemberUpdate: return MemberUpdateMessage.TryRead(ref reader, out message);
            case MessageType.DirectoryUpdate: return DirectoryUpdateMessage.TryRead(ref reader, out message);
            case MessageType.OwnershipAsk: return OwnershipAskMessage.TryRead(ref reader, out message);
            case MessageType.OwnershipReply: return OwnershipReplyMessage.TryRead(ref reader, out message);
            case MessageType.Heartbeat: return HeartbeatMessage.TryRead(ref reader, out message);
            case MessageType.HeartbeatReply: return HeartbeatReplyMessage.TryRead(ref reader, out message);
            case MessageType.Migrate: return MigrateMessage.TryRead(ref reader, out message);
            case MessageType.MigrateReply: return MigrateReplyMessage.TryRead(ref reader, out message);
            case MessageType.StatusAsk: return StatusAskMessage.TryRead(ref reader, out message);
            case MessageType.StatusReply: return StatusReplyMessage.TryRead(ref reader, out message);
            case MessageType.FenceAsk: return FenceAskMessage.TryRead(ref reader, out message);
            case MessageType.FenceConfirm: return FenceConfirmMessage.TryRead(ref reader, out message);
            case MessageType.TakeOver: return TakeOverMessage.TryRead(ref reader, out message);
            case MessageType.HoldInitials: return HoldInitialsMessage.TryRead(ref reader, out message);
            case MessageType.InitialsHeld: return InitialsHeldMessage.TryRead(ref reader, out message);
            case MessageType.KeysUpdate: return KeysUpdateMessage.TryRead(ref reader, out message);
            case MessageType.Drain: return DrainMessage.TryRead(ref reader, out message);
            case MessageType.DrainReply: return DrainReplyMessage.TryRead(ref reader, out message);
            case MessageType.Leave: return LeaveMessage.TryRead(ref reader, out message);
            case MessageType.Successor: return SuccessorMessage.TryRead(ref reader, out message);
            case MessageType.SuccessorNoted: return SuccessorNotedMessage.TryRead(ref reader, out message);
            case MessageType.Checkpoint: return CheckpointMessage.TryRead(ref reader, out message);
            case MessageType.CheckpointReply: return CheckpointReplyMessage.TryRead(ref reader, out message);
            case MessageType.TrustUpdate: return TrustUpdateMessage.TryRead(ref reader, out message);
            case MessageType.IngressUpdate: return IngressUpdateMessage.TryRead(ref reader, out message);
            default:
                isKnown = false;
                message = null;
                return false;
        }
    }
}
