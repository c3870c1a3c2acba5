using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Net.Migration.Hosting;

/// <summary>The process at the other end of a Unix socket: one that takes over from this one. From one thread at a time.</summary>
/// <param name="connection">Blocking.</param>
internal sealed class SocketPeer(Socket connection)
{
    private const int SolSocket = 1, PeerCredentials = 17;

    /// <summary>pid, uid, gid.</summary>
    private const int CredentialsLength = 12;

    /// <summary>More than the longest word.</summary>
    private const int MaxSaid = 512;

    /// <summary>Processes that have something of this one for good. There are few: this one is about to end.</summary>
    private static readonly ConcurrentDictionary<int, bool> s_spared = new();

    private bool _isGone;

    /// <summary>It has said that it goes on without this process, which has been silent for too long.</summary>
    public bool HasGoneOn { get; private set; }

    /// <summary>In this process's namespace; 0: it is not there.</summary>
    internal int Id
    {
        get
        {
            Span<byte> credentials = stackalloc byte[CredentialsLength];
            return OperatingSystem.IsLinux() && connection.GetRawSocketOption(SolSocket, PeerCredentials, credentials) == CredentialsLength
                ? MemoryMarshal.Read<int>(credentials) : 0;
        }
    }

    /// <summary>It has something of this process for good, and is not ended whatever becomes of the rest: that would go down with it.</summary>
    public static void Spare(int id) => s_spared[id] = true;

    /// <summary>
    /// Looks at words that it has said. That it goes on is the last one. Of the others one alone may end with that letter: the port of its control, which nothing
    /// stands before or behind.
    /// </summary>
    public void Hear(ReadOnlySpan<byte> said) => HasGoneOn |= said is [.., PortDoor.GoOn] and not [PortDoor.Control, _, _];

    /// <summary>Ends when the other end is closed.</summary>
    public async Task GoneAsync(CancellationToken cancellationToken)
    {
        byte[] said = new byte[MaxSaid];
        try
        {
            while (await connection.ReceiveAsync(said, cancellationToken).ConfigureAwait(false) is > 0 and int count)
            {
                Hear(said.AsSpan(0, count));
            }
        }
        catch (SocketException)
        {
            // So it is.
        }
    }

    /// <summary>Looks at what it has said, without waiting.</summary>
    public void Look()
    {
        try
        {
            byte[] said = new byte[MaxSaid];
            while (!_isGone && connection.Poll(0, SelectMode.SelectRead))
            {
                int count = connection.Receive(said);
                _isGone = count == 0;
                Hear(said.AsSpan(0, count));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            _isGone = true;
        }
    }

    /// <summary>Ends a process that hangs with what this one needs. A stopped one could wake at any time and go on with it, beside this one: there is no other way to be sure.</summary>
    /// <returns>What happened, in words; null when there is nothing to end: it has closed the connection, or is this very process, or is not known here.</returns>
    public string? End()
    {
        Look();
        // It has the connection open, so its number cannot be another one's. One that goes on does not hang.
        int id = _isGone || HasGoneOn ? 0 : Id;
        return id <= 0 || id == Environment.ProcessId ? null : End(id);
    }

    internal static string End(int id)
    {
        if (s_spared.ContainsKey(id))
        {
            return $"process {id} hangs, and has another port of this one for good: it has to be ended by hand";
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
}
