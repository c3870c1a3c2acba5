using System.Text;
using Net.Core.Connections;

namespace Net.Core.Io;

/// <summary>Appends the secrets of connections to a file in the format of SSLKEYLOGFILE (RFC 9850), readable by its owner alone.</summary>
/// <remarks>Whoever reads it can read, and forge, all that these connections carry. Thread-safe; other processes may append as well.</remarks>
internal sealed class KeyLogFile : IKeyLog
{
    private readonly Lock _lock = new();
    private readonly FileStream _file;

    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be opened.</exception>
    public KeyLogFile(string path) => _file = OwnFile.Append(path);

    public void Log(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret)
    {
        byte[] line = Encoding.ASCII.GetBytes($"{label} {Convert.ToHexStringLower(clientRandom)} {Convert.ToHexStringLower(secret)}\n");
        lock (_lock)
        {
            try
            {
                // One write per line: lines of several processes do not mix.
                _file.Write(line);
            }
            catch (IOException)
            {
                // A debugging aid that has no room must not end a connection.
            }
        }
    }
}
