namespace Net.Migration.Hosting;

/// <summary>A directory that only this user can enter, and nobody else could have put anything into.</summary>
internal static class PrivateDirectory
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Creates it, or makes it private when it exists.</summary>
    /// <exception cref="IOException">It cannot be created, or is another user's, or others can write to it.</exception>
    public static void Open(string path)
    {
        try
        {
            StateFiles.CreateDirectory(path);
            if (OperatingSystem.IsWindows())
            {
                return;
            }

            if ((File.GetUnixFileMode(path) & OthersWrite) != 0)
            {
                throw new IOException($"others can write to {path}: whatever is in it may be theirs. If not, chmod 700 it");
            }

            // Also where it has that mode: only whose directory it is can do this.
            File.SetUnixFileMode(path, Private);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{path} cannot be used: {e.Message}", e);
        }
    }
}
