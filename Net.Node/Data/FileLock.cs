namespace Net.Node.Data;

/// <summary>One process at a time; it ends with the process that holds it.</summary>
internal sealed class FileLock : IDisposable
{
    private const int Tries = 200;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <exception cref="IOException">Somebody has held it for 10 s, or the place cannot be written.</exception>
    public static FileLock Take(string path)
    {
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        for (int left = Tries; ; left--)
        {
            try
            {
                return new(new FileStream(path, options));
            }
            catch (IOException e) when (left > 0 && e is not (DirectoryNotFoundException or PathTooLongException))
            {
                Thread.Sleep(s_pause);
            }
        }
    }

    public void Dispose() => _file.Dispose();
}
