using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Claims ADDR:PORT for this process before its socket is bound.</summary>
/// <remarks>
/// Sockets of several threads share a port (SO_REUSEPORT), and then the system would let a second process of the same user share it
/// silently, and take half of the datagrams. The lock is an exclusively opened file in the temporary directory (flock on Unix): it
/// ends with the process, however that ends. The file stays behind: deleting it would let two processes lock two files of one name.
/// Network namespaces of one machine may share that directory, and each has all ports: the name says in which one the port is.
/// </remarks>
internal sealed class PortLock : IDisposable
{
    private readonly FileStream? _file;
    private int _holders = 1;

    private PortLock(FileStream? file) => _file = file;

    /// <exception cref="AddressInUseException">Somebody holds it.</exception>
    public static PortLock Take(UdpAddress address) => Take(address, Path.GetTempPath());

    internal static PortLock Take(UdpAddress address, string directory)
    {
        string path = Path.Combine(directory, FileName(address, Network()));
        try
        {
            return new(Open(path));
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException))
        {
            throw new AddressInUseException(address, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No usable temporary directory (a read-only image, a bare board): the kernel's own check at bind is what remains.
            return new(null);
        }
    }

    /// <summary>One socket more has the port: the lock ends with the last of them, each of which disposes it once.</summary>
    public PortLock Share()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            _file?.Dispose();
        }
    }

    /// <summary>The number of this process's network namespace; null where there are none, or they cannot be seen.</summary>
    private static string? Network()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        try
        {
            // "net:[4026531840]"
            string? link = new FileInfo("/proc/self/ns/net").LinkTarget;
            return link is null ? null : $"{string.Concat(link.Where(char.IsAsciiDigit))}-";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
        }
        catch (UnauthorizedAccessException) when (File.Exists(path))
        {
            // Another user's file: a lock needs no more than the right to read it.
            return new(path, FileMode.Open, FileAccess.Read, FileShare.None, bufferSize: 1);
        }
    }

    internal static string FileName(UdpAddress address, string? network) =>
        $"continuum-udp-{network}{address.ToEndPoint().ToString().Replace(':', '_').Replace("[", "", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal).Replace('%', '_')}.lock";
}
