using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Net.Migration.Hosting;

/// <summary>The process at the other end of a Unix socket.</summary>
internal static class SocketPeer
{
    private const int SolSocket = 1, PeerCredentials = 17;

    /// <summary>pid, uid, gid.</summary>
    private const int CredentialsLength = 12;

    /// <summary>Ends a process that hangs with what this one needs. A stopped one could wake at any time and go on with it, beside this one: there is no other way to be sure.</summary>
    /// <param name="connection">Nothing that it has said is needed any more.</param>
    /// <returns>What happened, in words; null when there is nothing to end: it has closed the connection, or is this very process, or is not known here.</returns>
    public static string? End(Socket connection)
    {
        if (!OperatingSystem.IsLinux() || IsGone(connection))
        {
            return null;
        }

        // It has the connection open, so its number cannot be another one's.
        int id = IdOf(connection);
        if (id <= 0 || id == Environment.ProcessId)
        {
            return null;
        }

        try
        {
            using Process process = Process.GetProcessById(id);
            process.Kill();
            return $"process {id} hangs, and has been ended (SIGKILL)";
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or ArgumentException or NotSupportedException)
        {
            return $"process {id} hangs, and has to be ended by hand: {e.Message}";
        }
    }

    /// <summary>In this process's namespace; 0: it is not there.</summary>
    internal static int IdOf(Socket connection)
    {
        Span<byte> credentials = stackalloc byte[CredentialsLength];
        return connection.GetRawSocketOption(SolSocket, PeerCredentials, credentials) == CredentialsLength ? MemoryMarshal.Read<int>(credentials) : 0;
    }

    private static bool IsGone(Socket connection)
    {
        try
        {
            byte[] said = new byte[64];
            while (connection.Poll(0, SelectMode.SelectRead))
            {
                if (connection.Receive(said) == 0)
                {
                    return true;
                }
            }

            return false;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }
}
