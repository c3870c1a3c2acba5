using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>Why a hand-over was refused or aborted, as it is told to the other side.</summary>
internal enum RefuseCode : byte
{
    /// <summary>This member does not host that component.</summary>
    CannotHost = 1,

    /// <summary>No room: connections, bytes, or another hand-over under way.</summary>
    NoCapacity = 2,

    /// <summary>The snapshot has a required section that this member does not know, or does not decode.</summary>
    CannotDecode = 3,

    /// <summary>It took too long.</summary>
    Timeout = 4,

    /// <summary>The epoch is not the one that the directory shows.</summary>
    WrongEpoch = 5,

    /// <summary>Something else went wrong at the sender of this.</summary>
    Failed = 6,

    /// <summary>Asked for from outside.</summary>
    Cancelled = 7,
}

/// <summary>A message about one attempt to hand a component over.</summary>
/// <param name="Attempt">Random number of the attempt: what comes late from another one is not mistaken for this one's.</param>
internal abstract record HandOverMessage(ulong Attempt) : LinkMessage
{
    protected static bool TryReadRefuseCode(ref ByteReader reader, out RefuseCode code)
    {
        bool complete = reader.TryReadByte(out byte value);
        code = (RefuseCode)value;
        return complete && code is >= RefuseCode.CannotHost and <= RefuseCode.Cancelled;
    }
}

/// <summary>The source asks: can you take this component?</summary>
/// <param name="Attempt">Random number of the attempt.</param>
/// <param name="Component">What is to move.</param>
/// <param name="Epoch">The source's epoch.</param>
/// <param name="Shard">The component's logical shard.</param>
/// <param name="Source">This life of the source.</param>
/// <param name="Destination">The life of the destination that is meant.</param>
/// <param name="SnapshotVersion">Format of the image.</param>
/// <param name="Connections">How many, about.</param>
/// <param name="StateBytes">How large, about.</param>
/// <param name="Timeout">When the source gives up, unless committed.</param>
/// <param name="Share">32 random bytes for the snapshot's key.</param>
internal sealed record PrepareMessage(
    ulong Attempt, string Component, ulong Epoch, uint Shard, Member Source, Member Destination, ushort SnapshotVersion,
    uint Connections, ulong StateBytes, TimeSpan Timeout, ReadOnlyMemory<byte> Share) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.Prepare;

    public SnapshotBinding Binding => new(Component, Epoch, Shard, Source, Destination, Attempt);

    public bool Equals(PrepareMessage? other) => other is not null && Binding == other.Binding && SnapshotVersion == other.SnapshotVersion
        && Connections == other.Connections && StateBytes == other.StateBytes && Timeout == other.Timeout && Share.Span.SequenceEqual(other.Share.Span);

    public override int GetHashCode() => Binding.GetHashCode();

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteString(Component);
        writer.WriteUInt64(Epoch);
        writer.WriteUInt32(Shard);
        Source.Write(writer);
        Destination.Write(writer);
        writer.WriteUInt16(SnapshotVersion);
        writer.WriteUInt32(Connections);
        writer.WriteUInt64(StateBytes);
        writer.WriteDuration(Timeout);
        writer.WriteBytes(Share.Span);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadUInt64(out ulong attempt)
            || !Names.TryRead(ref reader, out string component)
            || !reader.TryReadUInt64(out ulong epoch) || epoch is 0 or ulong.MaxValue
            || !reader.TryReadUInt32(out uint shard) || shard == 0
            || !Member.TryRead(ref reader, out Member source)
            || !Member.TryRead(ref reader, out Member destination) || source == destination
            || !reader.TryReadUInt16(out ushort version)
            || !reader.TryReadUInt32(out uint connections)
            || !reader.TryReadUInt64(out ulong stateBytes)
            || !reader.TryReadDuration(out TimeSpan timeout)
            || !reader.TryReadBytes(SnapshotBinding.ShareLength, out ReadOnlySpan<byte> share))
        {
            return false;
        }

        message = new PrepareMessage(attempt, component, epoch, shard, source, destination, version, connections, stateBytes, timeout, share.ToArray());
        return true;
    }
}

/// <summary>The destination is reserved and warm.</summary>
internal sealed record AcceptMessage(ulong Attempt, ReadOnlyMemory<byte> Share) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.Accept;

    public bool Equals(AcceptMessage? other) => other is not null && Attempt == other.Attempt && Share.Span.SequenceEqual(other.Share.Span);

    public override int GetHashCode() => Attempt.GetHashCode();

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteBytes(Share.Span);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        bool complete = reader.TryReadUInt64(out ulong attempt) & reader.TryReadBytes(SnapshotBinding.ShareLength, out ReadOnlySpan<byte> share);
        message = complete ? new AcceptMessage(attempt, share.ToArray()) : null;
        return complete;
    }
}

/// <summary>The destination cannot, and has wiped what it had. It never says so after <see cref="ReadyMessage"/>.</summary>
internal sealed record RefuseMessage(ulong Attempt, RefuseCode Code) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.Refuse;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteByte((byte)Code);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong attempt) && TryReadRefuseCode(ref reader, out RefuseCode code) ? new RefuseMessage(attempt, code) : null;
        return message is not null;
    }
}

/// <summary>The source will never commit this attempt: wipe. Sent only when that is certain.</summary>
internal sealed record AbortMessage(ulong Attempt, RefuseCode Code) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.Abort;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteByte((byte)Code);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong attempt) && TryReadRefuseCode(ref reader, out RefuseCode code) ? new AbortMessage(attempt, code) : null;
        return message is not null;
    }
}

/// <summary>A sealed part of the copy made ahead, or of the final delta.</summary>
/// <param name="Attempt">Random number of the attempt.</param>
/// <param name="IsFinal">Made while frozen.</param>
/// <param name="IsLast">The last part of all.</param>
/// <param name="Bytes">As the sealer made it.</param>
internal sealed record PartMessage(ulong Attempt, bool IsFinal, bool IsLast, ReadOnlyMemory<byte> Bytes) : HandOverMessage(Attempt)
{
    public override MessageType Type => IsFinal ? MessageType.FinalPart : MessageType.AheadPart;

    public bool Equals(PartMessage? other) => other is not null && Attempt == other.Attempt && IsFinal == other.IsFinal
        && IsLast == other.IsLast && Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override int GetHashCode() => HashCode.Combine(Attempt, Bytes.Length);

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteBool(IsLast);
        writer.WriteVarBytes(Bytes.Span);
    }

    public static bool TryRead(bool isFinal, ref ByteReader reader, out LinkMessage? message)
    {
        message = null;
        if (!reader.TryReadUInt64(out ulong attempt) || !reader.TryReadBool(out bool isLast) || (isLast && !isFinal)
            || !reader.TryReadBytes(SealedPart.MaxLength, out byte[] bytes) || bytes.Length < SealedPart.TagLength)
        {
            return false;
        }

        message = new PartMessage(attempt, isFinal, isLast, bytes);
        return true;
    }
}

/// <summary>All of the copy has been sent.</summary>
internal sealed record AheadEndMessage(ulong Attempt) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.AheadEnd;

    public override void WriteBody(FieldWriter writer) => writer.WriteUInt64(Attempt);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong attempt) ? new AheadEndMessage(attempt) : null;
        return message is not null;
    }
}

/// <summary>The destination has decoded all of the copy.</summary>
internal sealed record AheadDecodedMessage(ulong Attempt) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.AheadDecoded;

    public override void WriteBody(FieldWriter writer) => writer.WriteUInt64(Attempt);

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong attempt) ? new AheadDecodedMessage(attempt) : null;
        return message is not null;
    }
}

/// <summary>All has been sent, and this is its hash.</summary>
internal sealed record FinalEndMessage(ulong Attempt, SnapshotHash Hash) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.FinalEnd;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteBytes(Hash.Span);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        bool complete = reader.TryReadUInt64(out ulong attempt) & reader.TryReadBytes(SnapshotHash.Length, out ReadOnlySpan<byte> hash);
        message = complete ? new FinalEndMessage(attempt, new(hash)) : null;
        return complete;
    }
}

/// <summary>The destination has decoded everything and stands by: from here on it keeps it until the directory has spoken.</summary>
internal sealed record ReadyMessage(ulong Attempt, SnapshotHash Hash) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.Ready;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteBytes(Hash.Span);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        bool complete = reader.TryReadUInt64(out ulong attempt) & reader.TryReadBytes(SnapshotHash.Length, out ReadOnlySpan<byte> hash);
        message = complete ? new ReadyMessage(attempt, new(hash)) : null;
        return complete;
    }
}

/// <summary>The directory has answered the source that the move is done: serve at this epoch.</summary>
internal sealed record CommittedMessage(ulong Attempt, ulong Epoch) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.Committed;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteUInt64(Epoch);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        bool complete = reader.TryReadUInt64(out ulong attempt) & reader.TryReadUInt64(out ulong epoch);
        message = complete ? new CommittedMessage(attempt, epoch) : null;
        return complete;
    }
}

/// <summary>The destination serves. For the report alone, so it may be skipped.</summary>
/// <param name="Attempt">Random number of the attempt.</param>
/// <param name="SinceReady">From sending <see cref="ReadyMessage"/> to the first processed datagram, on the destination's clock.</param>
internal sealed record ResumedMessage(ulong Attempt, TimeSpan SinceReady) : HandOverMessage(Attempt)
{
    public override MessageType Type => MessageType.Resumed;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteDuration(SinceReady);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt64(out ulong attempt) && reader.TryReadDuration(out TimeSpan sinceReady) ? new ResumedMessage(attempt, sinceReady) : null;
        return message is not null;
    }
}
