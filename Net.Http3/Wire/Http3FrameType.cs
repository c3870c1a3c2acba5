namespace Net.Http3.Wire;

/// <summary>Frame types of RFC 9114, section 7.2, and those of HTTP/2 that must not appear (section 7.2.8).</summary>
internal enum Http3FrameType : ulong
{
    Data = 0x00,
    Headers = 0x01,
    Http2Priority = 0x02,
    CancelPush = 0x03,
    Settings = 0x04,
    PushPromise = 0x05,
    Http2Ping = 0x06,
    GoAway = 0x07,
    Http2WindowUpdate = 0x08,
    Http2Continuation = 0x09,
    MaxPushId = 0x0D,
    /// <summary>For a request stream (RFC 9218, section 7.1).</summary>
    PriorityUpdate = 0xF0700,
    /// <summary>For a push.</summary>
    PriorityUpdatePush = 0xF0701,
}

internal static class Http3FrameTypes
{
    /// <summary>Types that HTTP/2 used and HTTP/3 has no frame for: receiving one is H3_FRAME_UNEXPECTED.</summary>
    public static bool IsForbidden(this Http3FrameType type) => type
        is Http3FrameType.Http2Priority
        or Http3FrameType.Http2Ping
        or Http3FrameType.Http2WindowUpdate
        or Http3FrameType.Http2Continuation;
}
