using Net.Node.Cli;

namespace Net.Node.Commands;

/// <summary>Where a body goes. A file gets its name when it is whole: until then it is <c>.NAME.part-…</c>, and is deleted if it never becomes so.</summary>
internal sealed class BodyTarget : IAsyncDisposable
{
    private readonly string? _path;
    private readonly string? _temporary;
    private bool _isKept;

    private BodyTarget(Stream stream, string name, string? path, string? temporary) => (Stream, Name, _path, _temporary) = (stream, name, path, temporary);

    public Stream Stream { get; }

    /// <summary>For the progress bar; empty: nothing is to be shown.</summary>
    public string Name { get; }

    /// <exception cref="CommandFailure">The file cannot be written.</exception>
    public static BodyTarget Open(GetOptions options, CommandOutput output)
    {
        if (options.Output is not string typed)
        {
            return options.Json ? new(Stream.Null, "", null, null) : new(output.OpenOutput(), "", null, null);
        }

        try
        {
            // Behind a symbolic link its target is replaced, not the link.
            string path = IsDevice(typed) || new FileInfo(typed).LinkTarget is null
                ? Path.GetFullPath(typed) : File.ResolveLinkTarget(typed, returnFinalTarget: true)!.FullName;
            if (System.IO.Directory.Exists(path))
            {
                throw new CommandFailure($"-o {typed} is a directory", "give a file that can be written");
            }

            // A device or a pipe is not replaced by a file of its name.
            if (File.Exists(path))
            {
                FileStream existing = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
                if (IsDevice(path) || !existing.CanSeek)
                {
                    return new(existing, typed, null, null);
                }

                existing.Dispose();
            }

            string temporary = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.part-{Guid.NewGuid():N}");
            FileStreamOptions creation = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
            if (File.Exists(path) && !OperatingSystem.IsWindows())
            {
                creation.UnixCreateMode = File.GetUnixFileMode(path);
            }

            return new(new FileStream(temporary, creation), typed, path, temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = e is DirectoryNotFoundException ? "is in a directory that does not exist" : $"cannot be written ({e.Message.TrimEnd('.')})";
            throw new CommandFailure($"-o {typed} {why}", "give a file that can be written");
        }
    }

    /// <summary>The body is whole: disposing gives it its name.</summary>
    public void Keep() => _isKept = true;

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync().ConfigureAwait(false);
        if (_temporary is null)
        {
            return;
        }

        if (_isKept)
        {
            File.Move(_temporary, _path!, overwrite: true);
        }
        else
        {
            File.Delete(_temporary);
        }
    }

    private static bool IsDevice(string path) => path.StartsWith("/dev/", StringComparison.Ordinal);
}
