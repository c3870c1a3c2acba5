namespace Net.Http3.Wire;

/// <summary>Everything in HTTP/3 that a peer could make grow, with the bound that holds it.</summary>
internal static class Http3Limits
{
    /// <summary>A field section, counted as RFC 9114, section 4.2.2 does: name + value + 32 per field, in bytes. Announced in SETTINGS.</summary>
    public const int MaxFieldSectionSize = 64 * 1024;

    /// <summary>The encoded form of a field section: a HEADERS frame with more is skipped, never buffered.</summary>
    public const int MaxHeadersPayload = 64 * 1024;

    /// <summary>SETTINGS payload in bytes: enough for more settings than any registry holds.</summary>
    public const int MaxSettingsPayload = 1024;

    /// <summary>Unknown or empty frames on one request stream between two that carry something.</summary>
    public const int MaxIdleFrames = 1024;

    /// <summary>Interim responses (1xx) before the final one.</summary>
    public const int MaxInterimResponses = 64;

    /// <summary>Frames on a control stream that change nothing; each request that was opened allows 16 more.</summary>
    public const int MaxIdleControlFrames = 1024;

    /// <summary>Bytes of our control stream that wait for a peer's credit: with more, changes of priority are not told any more.</summary>
    public const int MaxControlBacklog = 1024;

    /// <summary>PRIORITY_UPDATE payload in bytes: an ID, and more parameters than RFC 9218 has.</summary>
    public const int MaxPriorityUpdate = 256;

    /// <summary>Priorities that wait for the head of their request; more are forgotten.</summary>
    public const int MaxWaitingPriorities = 128;

    /// <summary>Unidirectional streams of unknown type over the life of a connection; each request allows one more.</summary>
    public const int MaxUnknownStreams = 256;

    /// <summary>Handlers running for one connection, those of streams that were reset included (checklist S53, S54).</summary>
    public const int MaxRunningExchanges = 256;

    /// <summary>The largest dynamic table that options may let our encoder use, however much a peer permits (RFC 9204, section 3.2.3).</summary>
    public const int MaxEncoderTable = 64 * 1024;

    /// <summary>Sections that a peer has not acknowledged, over all streams: beyond, no section refers to the dynamic table.</summary>
    public const int MaxOutstandingSections = 512;

    /// <summary>Bytes of dynamic table at either end, unless options say otherwise.</summary>
    public const int DefaultTableCapacity = 4096;

    /// <summary>Streams that may wait for our dynamic table, unless options say otherwise.</summary>
    public const int DefaultBlockedStreams = 16;

    /// <summary>The largest dynamic table that options may permit a peer, in bytes.</summary>
    public const int MaxDecoderTable = 1024 * 1024;

    /// <summary>The most streams that options may permit a peer to block.</summary>
    public const int MaxBlockedStreams = 1024;

    /// <summary>Bytes of acknowledgements that wait for a peer which gives our decoder stream no credit.</summary>
    public const int MaxDecoderBacklog = 4096;

    /// <summary>Bytes of state that a resumable handler may save.</summary>
    public const int MaxSavedState = 1024 * 1024;
}
