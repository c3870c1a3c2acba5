namespace Net.Http3.Tethers;

/// <summary>What a tether may make grow at either end, with the bound that holds it.</summary>
/// <remarks>A section that is larger than the window is taken all the same, one at a time: 128 KiB, and a client has none but trailers.</remarks>
internal static class TetherLimits
{
    /// <summary>Bytes of records in one direction that the other end has not consumed: room for any head, and for what a link carries in 10 ms at 200 Mbit/s.</summary>
    public const int Window = 256 * 1024;

    /// <summary>Bytes of records that all tethers of one connection hold at the owner's end, both directions together: it travels with that connection.</summary>
    public const int Budget = 8 * 1024 * 1024;

    /// <summary>What a tether has of that in each direction at least, however many there are: a record of body bytes and its successor.</summary>
    public const int MinWindow = 2 * (MaxData + TetherRecord.MaxHead);

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

    /// <summary>A tether's window in each direction when a connection has so many.</summary>
    public static int Share(int count) => int.Clamp(Budget / 2 / int.Max(1, count), MinWindow, Window);
}
