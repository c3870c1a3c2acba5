using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Net.Node.Web;

/// <summary>The files below one directory, and none outside of it, whatever a path or a symbolic link says.</summary>
internal sealed class FileTree
{
    /// <summary>Symbolic links followed for one path, as the kernel does: circles end.</summary>
    private const int MaxLinks = 40;

    private readonly string _root;

    /// <param name="directory">An existing directory.</param>
    public FileTree(string directory) =>
        _root = RealPath(Path.GetFullPath(directory)) ?? throw new IOException($"{directory} leads nowhere");

    /// <summary>Opens a file.</summary>
    /// <param name="encoded">Path below the directory, percent-encoded, with `/`.</param>
    /// <returns><c>null</c> when there is no such regular file inside, or it may not be read.</returns>
    public FileContent? Open(string encoded)
    {
        if (!TryDecode(encoded, out string relative))
        {
            return null;
        }

        try
        {
            string? real = RealPath(Path.Join(_root, relative));
            return real is not null && IsInside(real) && File.Exists(real) ? OpenFound(real) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Segments that are neither empty, nor dots, nor hold what a file system might take for a separator.</summary>
    public static bool TryDecode(string encoded, out string relative)
    {
        relative = "";
        List<byte> bytes = [];
        for (int i = 0; i < encoded.Length; i++)
        {
            char c = encoded[i];
            if (c == '%')
            {
                if (i + 2 >= encoded.Length || !char.IsAsciiHexDigit(encoded[i + 1]) || !char.IsAsciiHexDigit(encoded[i + 2]))
                {
                    return false;
                }

                byte value = Convert.FromHexString(encoded.AsSpan(i + 1, 2))[0];
                if (value is (byte)'/' or (byte)'\\' or 0)
                {
                    return false;
                }

                bytes.Add(value);
                i += 2;
            }
            else if (c is '\\' or '\0' or > '\xFF')
            {
                return false;
            }
            else
            {
                bytes.Add((byte)c);
            }
        }

        try
        {
            relative = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString([.. bytes]);
        }
        catch (DecoderFallbackException)
        {
            return false;
        }

        return relative.Split('/').All(segment => segment is not ("" or "." or ".."));
    }

    private bool IsInside(string real) =>
        real.StartsWith(_root.EndsWith(Path.DirectorySeparatorChar) ? _root : _root + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private FileContent? OpenFound(string real)
    {
        FileInfo info = new(real);
        if (info.Length == 0)
        {
            // Not opened: a pipe or a device has this length too, and opening one may never end.
            return new(null, real, 0, info.LastWriteTimeUtc.Ticks);
        }

        SafeFileHandle handle = File.OpenHandle(real, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        // Between the look and the opening a directory on the way may have become a link: the kernel knows what was opened.
        string? opened = OperatingSystem.IsLinux() ? new FileInfo($"/proc/self/fd/{handle.DangerousGetHandle()}").LinkTarget : real;
        if (opened is not null && opened != real)
        {
            handle.Dispose();
            return null;
        }

        return new(handle, real, RandomAccess.GetLength(handle), File.GetLastWriteTimeUtc(handle).Ticks);
    }

    /// <summary>The path without symbolic links in it; <c>null</c> when something of it does not exist.</summary>
    private static string? RealPath(string path)
    {
        string root = Path.GetPathRoot(path)!, done = root;
        Stack<string> ahead = new(Segments(path[root.Length..]).Reverse());
        for (int links = 0; ahead.TryPop(out string? segment);)
        {
            if (segment == "..")
            {
                done = Path.GetDirectoryName(done) ?? root;
                continue;
            }

            string next = Path.Join(done, segment);
            FileSystemInfo info = System.IO.Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            if (info.LinkTarget is not string target)
            {
                if (!info.Exists)
                {
                    return null;
                }

                done = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                return null;
            }

            if (Path.IsPathRooted(target))
            {
                done = root;
                target = target[Path.GetPathRoot(target)!.Length..];
            }

            foreach (string part in Segments(target).Reverse())
            {
                ahead.Push(part);
            }
        }

        return done;
    }

    private static string[] Segments(string path) =>
        [.. path.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Where(segment => segment != ".")];
}
