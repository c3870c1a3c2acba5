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

    /// <summary>Unidirectional streams of unknown type over the life of a connection; each request allows one more.</summary>
    public const int MaxUnknownStreams = 256;

    /// <summary>Handlers running for one connection, those of streams that were reset included (checklist S53, S54).</summary>
    public const int MaxRunningExchanges = 256;

    /// <summary>Bytes of state that a resumable handler may save.</summary>
    public const int MaxSavedState = 1024 * 1024;
}
