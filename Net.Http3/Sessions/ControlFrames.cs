using System.Text;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>The rules of the peer's control stream (RFC 9114, sections 6.2.1 and 7.2).</summary>
internal static class ControlFrames
{
    /// <summary>What a frame's head alone permits to judge; called once per frame.</summary>
    /// <param name="state">The connection's state.</param>
    /// <param name="head">Type and length.</param>
    /// <param name="collect">Whether the payload is to be collected; else it is skipped without buffering.</param>
    public static Http3Error OnHead(ConnectionState state, in FrameHead head, out bool collect)
    {
        collect = IsCollected(head.Type);
        if (!state.HasPeerSettings && head.Type != Http3FrameType.Settings)
        {
            return Http3Error.Connection(Http3ErrorCode.MissingSettings, "a control stream does not begin with SETTINGS");
        }

        switch (head.Type)
        {
            case Http3FrameType.Settings when state.HasPeerSettings:
            case Http3FrameType.Data or Http3FrameType.Headers or Http3FrameType.PushPromise:
            case Http3FrameType.MaxPushId or Http3FrameType.PriorityUpdate or Http3FrameType.PriorityUpdatePush when !state.IsServer:
                return Http3Error.Connection(Http3ErrorCode.FrameUnexpected, "a frame that is not permitted on a control stream");

            case Http3FrameType.Settings:
                return head.Remaining <= Http3Limits.MaxSettingsPayload
                    ? Http3Error.None
                    : Http3Error.Connection(Http3ErrorCode.ExcessiveLoad, "SETTINGS is too large");

            case Http3FrameType.PriorityUpdate or Http3FrameType.PriorityUpdatePush:
                return head.Remaining <= Http3Limits.MaxPriorityUpdate
                    ? state.CountIdleFrame()
                    : Http3Error.Connection(Http3ErrorCode.ExcessiveLoad, "PRIORITY_UPDATE is too large");

            // One integer, so never more than 8 bytes.
            case Http3FrameType.GoAway or Http3FrameType.MaxPushId or Http3FrameType.CancelPush:
                return head.Remaining <= sizeof(ulong) ? state.CountIdleFrame() : Malformed();

            default:
                return head.Type.IsForbidden()
                    ? Http3Error.Connection(Http3ErrorCode.FrameUnexpected, "a frame of HTTP/2")
                    : state.CountIdleFrame();
        }
    }

    public static bool IsCollected(Http3FrameType type) => MaxPayload(type) > 0;

    /// <summary>The longest payload that is collected; 0 = frames of this type are skipped.</summary>
    public static int MaxPayload(Http3FrameType type) => type switch
    {
        Http3FrameType.Settings => Http3Limits.MaxSettingsPayload,
        Http3FrameType.GoAway or Http3FrameType.MaxPushId or Http3FrameType.CancelPush => sizeof(ulong),
        Http3FrameType.PriorityUpdate or Http3FrameType.PriorityUpdatePush => Http3Limits.MaxPriorityUpdate,
        _ => 0,
    };

    /// <summary>The last ID that a request can have (RFC 9000, section 2.1).</summary>
    private const ulong LargestRequest = VarInt.MaxValue & ~3UL;

    /// <summary>A whole frame of a type that <see cref="OnHead"/> wanted collected.</summary>
    public static Http3Error OnFrame(ConnectionState state, IStreamTransport transport, Priorities priorities, Http3FrameType type, ReadOnlySpan<byte> payload)
    {
        if (type == Http3FrameType.Settings)
        {
            Http3Error error = Http3Settings.TryRead(payload, out Http3Settings settings);
            (state.PeerSettings, state.HasPeerSettings) = (settings, true);
            return error;
        }

        ByteReader reader = new(payload);
        if (!reader.TryReadVarInt(out ulong value) || (!reader.IsEmpty && type is not (Http3FrameType.PriorityUpdate or Http3FrameType.PriorityUpdatePush)))
        {
            return Malformed();
        }

        switch (type)
        {
            case Http3FrameType.GoAway:
                // To a client it names a request (section 5.2); to a server a push, which we never make. It never grows.
                // Kestrel begins its drain with 2^62-1, which is no request's ID: what it means is clear, and a server that drains
                // is the last one to be hung up on.
                value = !state.IsServer && value == VarInt.MaxValue ? LargestRequest : value;
                StreamId id = new(value);
                bool outOfRange = !state.IsServer && (id.IsUnidirectional || id.IsServerInitiated);
                if (outOfRange || value > (state.GoAwayReceived ?? VarInt.MaxValue))
                {
                    return Http3Error.Connection(Http3ErrorCode.IdError, "GOAWAY names a wrong or a larger ID");
                }

                state.GoAwayReceived = value;
                return Http3Error.None;

            case Http3FrameType.MaxPushId:
                if (value < (state.MaxPushId ?? 0))
                {
                    return Http3Error.Connection(Http3ErrorCode.IdError, "MAX_PUSH_ID shrinks");
                }

                state.MaxPushId = value;
                return Http3Error.None;

            case Http3FrameType.PriorityUpdate:
                StreamId prioritized = new(value);
                if (prioritized.IsUnidirectional || prioritized.IsServerInitiated)
                {
                    return Http3Error.Connection(Http3ErrorCode.IdError, "PRIORITY_UPDATE names what is no request");
                }

                if (!transport.IsPermitted(prioritized))
                {
                    return Http3Error.Connection(Http3ErrorCode.IdError, "PRIORITY_UPDATE names a request beyond the stream limit");
                }

                priorities.Note(value, Priority.Parse(Encoding.Latin1.GetString(reader.Rest), Priority.Default));
                return Http3Error.None;

            case Http3FrameType.PriorityUpdatePush:
                return Http3Error.Connection(Http3ErrorCode.IdError, "PRIORITY_UPDATE for a push that was never promised");

            default:
                return Http3Error.Connection(Http3ErrorCode.IdError, "CANCEL_PUSH for a push that was never promised");
        }
    }

    private static Http3Error Malformed() => Http3Error.Connection(Http3ErrorCode.FrameError, "a frame that is not exactly one integer");
}
