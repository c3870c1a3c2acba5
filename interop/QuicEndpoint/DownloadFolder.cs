namespace QuicEndpoint;

/// <summary>Where a client stores what it fetched: under the last part of the URL's path, and only once it is complete.</summary>
internal sealed class DownloadFolder(string folder)
{
    /// <exception cref="ContractException">The URL names no file.</exception>
    public async Task StoreAsync(Uri url, Func<Stream, Task> write)
    {
        string name = Path.GetFileName(Uri.UnescapeDataString(url.AbsolutePath));
        if (name.Length == 0 || name is "." or "..")
        {
            throw new ContractException($"{url} names no file");
        }

        // The longest name that the runner makes leaves no room for more in the same folder.
        string unfinished = Path.Combine(folder, $".{Guid.NewGuid():N}");
        try
        {
            await using (FileStream stream = new(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None, 64 * 1024, useAsync: true))
            {
                await write(stream);
            }

            File.Move(unfinished, Path.Combine(folder, name), overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }
}
