namespace Net.Migration.Directory;

/// <summary>Where the embedded directory keeps its log: a file in the host ring, a byte array in tests.</summary>
internal interface IDirectoryStorage
{
    /// <summary>All that was ever appended; empty when new.</summary>
    ReadOnlyMemory<byte> Load();

    /// <summary>Cuts what follows <paramref name="length"/>: a record that a crash left half written.</summary>
    void Truncate(long length);

    /// <summary>Sees to it that so many bytes can be added, whatever becomes of the disk meanwhile.</summary>
    /// <returns>False: it is full. What was appended is as it was.</returns>
    bool TryMakeRoom(int bytes);

    /// <summary>Adds bytes at the end. When this returns they survive a loss of power (fsync of file and, for a new one, directory).</summary>
    /// <exception cref="IOException">They may or may not be there: the directory that gets this stops answering.</exception>
    void Append(ReadOnlySpan<byte> bytes);
}
