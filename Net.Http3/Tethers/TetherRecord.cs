using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Tethers;

/// <summary>What the bytes of a tether say: the message that is read at one end and written at the other.</summary>
internal enum TetherRecordKind
{
    /// <summary>Body bytes.</summary>
    Data = 0,

    /// <summary>A response's head, interim or final: status and fields.</summary>
    Head = 1,

    /// <summary>The message is complete. With trailers, if it has a body.</summary>
    End = 2,

    /// <summary>The handler has failed in the middle of its response.</summary>
    Fail = 3,
}

/// <summary>The head of a record; its body follows.</summary>
/// <remarks>
/// <code>
/// record   kind (varint) | length of the body (varint) | body
/// </code>
/// </remarks>
/// <param name="Kind">What it is.</param>
/// <param name="Left">Bytes of the body that were not consumed.</param>
internal readonly record struct TetherRecord(TetherRecordKind Kind, int Left)
{
    /// <summary>Bytes of a record's head: one for the kind, the rest for the length.</summary>
    public const int MaxHead = 5;

    public static void WriteData(TetherChannel channel, ReadOnlySpan<byte> body) => Write(channel, TetherRecordKind.Data, body);

    public static void WriteHead(TetherChannel channel, ResponseHead head)
    {
        SnapshotWriter writer = new(default);
        writer.WriteNumber((ulong)head.Status);
        head.Headers.Export(writer);
        Write(channel, TetherRecordKind.Head, writer.Written.Span);
    }

    public static void WriteEnd(TetherChannel channel, FieldSection? trailers)
    {
        SnapshotWriter writer = new(default);
        trailers?.Export(writer);
        Write(channel, TetherRecordKind.End, writer.Written.Span);
    }

    public static void WriteFail(TetherChannel channel) => Write(channel, TetherRecordKind.Fail, []);

    /// <summary>Takes the head of the next record off the channel, once all of it has come, and all of its body unless that is data.</summary>
    /// <returns><c>false</c> when it has not; <paramref name="isSound"/> says whether it ever can.</returns>
    public static bool TryRead(TetherChannel channel, out TetherRecord record, out bool isSound)
    {
        record = default;
        isSound = true;
        ByteReader reader = new(channel.Received);
        if (!reader.TryReadVarInt(out ulong kind) || !reader.TryReadVarInt(out ulong length))
        {
            return false;
        }

        bool isData = kind == (ulong)TetherRecordKind.Data;
        isSound = kind <= (ulong)TetherRecordKind.Fail && length <= (ulong)(isData ? TetherLimits.MaxData : TetherLimits.MaxSection);
        if (!isSound || (!isData && (ulong)reader.Remaining < length))
        {
            channel.Want(isSound ? reader.Position + (int)length : 0);
            return false;
        }

        record = new((TetherRecordKind)kind, (int)length);
        channel.Consume(reader.Position);
        return true;
    }

    /// <summary>The status and the fields of <see cref="TetherRecordKind.Head"/>.</summary>
    public bool TryTakeHead(TetherChannel channel, out ResponseHead? head)
    {
        head = null;
        try
        {
            SnapshotReader reader = new(channel.Received[..Left].ToArray(), default);
            head = new((int)reader.ReadNumber(999), FieldSection.Import(reader));
            reader.End();
            channel.Consume(Left);
            return true;
        }
        catch (SnapshotException)
        {
            return false;
        }
    }

    /// <summary>The trailers of <see cref="TetherRecordKind.End"/>, <c>null</c> when there are none.</summary>
    public bool TryTakeTrailers(TetherChannel channel, out FieldSection? trailers)
    {
        trailers = null;
        if (Left == 0)
        {
            return true;
        }

        try
        {
            SnapshotReader reader = new(channel.Received[..Left].ToArray(), default);
            trailers = FieldSection.Import(reader);
            reader.End();
            channel.Consume(Left);
            return !FieldRules.CheckTrailers(trailers).IsError && trailers.Size <= Http3Limits.MaxFieldSectionSize;
        }
        catch (SnapshotException)
        {
            return false;
        }
    }

    private static void Write(TetherChannel channel, TetherRecordKind kind, ReadOnlySpan<byte> body)
    {
        ByteWriter head = new(stackalloc byte[MaxHead]);
        head.WriteVarInt((ulong)kind);
        head.WriteVarInt((ulong)body.Length);
        channel.Queue(head.Written);
        channel.Queue(body);
    }
}
