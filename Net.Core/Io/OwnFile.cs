namespace Net.Core.Io;

/// <summary>Files that hold what concerns nobody but their owner: mode 0600 from the moment that they are there.</summary>
internal static class OwnFile
{
    /// <exception cref="IOException">It is there already, or cannot be made.</exception>
    public static FileStream CreateNew(string path) => Open(path, FileMode.CreateNew);

    /// <exception cref="IOException">It cannot be opened.</exception>
    public static FileStream Append(string path) => Open(path, FileMode.Append);

    private static FileStream Open(string path, FileMode mode)
    {
        FileStreamOptions options = new() { Mode = mode, Access = FileAccess.Write, Share = FileShare.ReadWrite, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new(path, options);
    }
}
