namespace Net.Migration.Directory;

/// <summary>Where the embedded directory keeps its log: a file in the host ring, a byte array in tests.</summary>
internal interface IDirectoryStorage
{
    /// <summary>All that was ever appended; empty when new.</summary>
    ReadOnlyMemory<byte> Load();

    /// <summary>The log ends at <paramref name="length"/>: what follows, a frame that a crash left half written, is cut off, or becomes zeros that are room.</summary>
    /// <exception cref="IOException">The disk failed; of what was to go its beginning may be left, with zeros behind.</exception>
    void Truncate(long length);

    /// <summary>Sees to it that so many bytes can be added, whatever becomes of the disk meanwhile.</summary>
    /// <returns>False: it is full. What was appended is as it was, and so is the room that was made before.</returns>
    /// <exception cref="IOException">The disk failed otherwise; the same is true.</exception>
    bool TryMakeRoom(int bytes);

    /// <summary>From now on the log is another one: durable before it takes the place of the one there was, which it does as a whole or not at all.</summary>
    /// <returns>False: it could not be written; all is as it was.</returns>
    /// <exception cref="IOException">Either of them may be there after a loss of power: the directory that gets this stops answering.</exception>
    bool TryReplace(ReadOnlySpan<byte> log);

    /// <summary>Adds bytes at the end, with one write and one flush. When this returns they survive a loss of power (fsync of file and, for a new one, directory).</summary>
    /// <exception cref="IOException">They may or may not be there: the directory that gets this stops answering.</exception>
    void Append(ReadOnlySpan<byte> bytes);
}
