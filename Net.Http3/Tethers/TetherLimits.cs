namespace Net.Http3.Tethers;

/// <summary>What a tether may make grow at either end, with the bound that holds it.</summary>
internal static class TetherLimits
{
    /// <summary>Bytes of records in one direction that the other end has not consumed: room for any head, and for what a link carries in 10 ms at 200 Mbit/s.</summary>
    public const int Window = 256 * 1024;

    /// <summary>Bytes of one message: others of the link come in between.</summary>
    public const int MaxChunk = 32 * 1024;

    /// <summary>Body bytes of one record.</summary>
    public const int MaxData = 16 * 1024;

    /// <summary>Bytes of a record that is not body: a head or trailers, and what stands around each field.</summary>
    public const int MaxSection = 2 * Wire.Http3Limits.MaxFieldSectionSize;

    /// <summary>
    /// Bytes that wait to be acknowledged. Body bytes wait until there is room in the window; a section, and the end with its trailers, are taken
    /// whole.
    /// </summary>
    public const int MaxUnacknowledged = Window + (2 * MaxSection);

    /// <summary>Characters of the name of the node that runs the handler.</summary>
    public const int MaxName = 63;
}
