namespace QuicEndpoint;

/// <summary>The files that a server gives, and nothing beside them.</summary>
internal sealed class WwwFolder(string folder)
{
    private readonly string _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar;

    /// <summary>Opens the file of a request's path; null when there is none, or when it would lead out of the folder.</summary>
    /// <param name="path">As sent: percent-encoded, perhaps with a query.</param>
    public FileStream? TryOpen(string path)
    {
        try
        {
            string name = Uri.UnescapeDataString(path.Split('?', '#')[0]).TrimStart('/');
            string full = Path.GetFullPath(name.Length == 0 ? "index.html" : name, _root);
            return full.StartsWith(_root, StringComparison.Ordinal)
                ? new(full, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: true)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
