using System.Buffers.Binary;
using System.Net.Sockets;

namespace Net.Migration.Hosting;

/// <summary>How two processes of one node, the one that runs and the one that takes over from it, find and trust each other: a Unix socket in a private directory.</summary>
/// <remarks>
/// <code>
/// successor to predecessor     "ctn1" | incarnation of the successor (8)
/// predecessor to successor     1: join now, I have announced you     0: not now
/// predecessor to successor     2: all that I had is yours, I leave   0: something stays with me
/// </code>
/// Whoever can open the socket is the same user, who could stop the process anyway. Everything else is the ordinary hand-over, over the
/// ordinary links.
/// </remarks>
internal sealed class SuccessionDoor : IDisposable
{
    private const int AskLength = 12;
    private const byte No = 0, Join = 1, Done = 2;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(50);

    private readonly Socket _door;

    private SuccessionDoor(Socket door) => _door = door;

    private static ReadOnlySpan<byte> Magic => "ctn1"u8;

    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SuccessionDoor Open(string path) => new(LocalSockets.OpenDoor(path));

    /// <summary>For the successors of a node.</summary>
    /// <returns>Null: it has none, or came by a take-over and can have none: what the process before had is here, with its connections, which would end with this one.</returns>
    /// <exception cref="IOException">It cannot be opened, and nothing is lost by that.</exception>
    public static SuccessionDoor? TryOpen(NodeOptions node)
    {
        try
        {
            return node.Door is string path ? Open(path) : null;
        }
        catch (IOException e) when (node.TakeOver)
        {
            node.Log?.Invoke($"no process can take over from this one: {e.Message}");
            return null;
        }
    }

    /// <summary>Lets successors in, one after the other, until one has taken over.</summary>
    /// <param name="announce">Announces a life; false: it may not join.</param>
    /// <param name="handOver">Moves everything to it; false: something stays.</param>
    /// <returns>True when everything has been handed over.</returns>
    public async Task<bool> ServeAsync(Func<ulong, Task<bool>> announce, Func<Task<bool>> handOver, CancellationToken cancellationToken)
    {
        while (true)
        {
            using Socket successor = await _door.AcceptPatientlyAsync(s_retry, cancellationToken).ConfigureAwait(false);
            try
            {
                byte[] ask = new byte[AskLength];
                using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                patience.CancelAfter(s_patience);
                if (!await LocalSockets.TryReadAsync(successor, ask, patience.Token).ConfigureAwait(false) || !ask.AsSpan().StartsWith(Magic))
                {
                    continue;
                }

                bool mayJoin = await announce(BinaryPrimitives.ReadUInt64BigEndian(ask.AsSpan(Magic.Length))).WaitAsync(patience.Token).ConfigureAwait(false);
                await SayAsync(successor, mayJoin ? Join : No, cancellationToken).ConfigureAwait(false);
                if (!mayJoin)
                {
                    continue;
                }

                if (!await handOver().ConfigureAwait(false))
                {
                    await SayAsync(successor, No, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                // Nobody else is let in here: the door is the successor's to open as soon as it has heard.
                _door.Dispose();
                await TrySayDoneAsync(successor, cancellationToken).ConfigureAwait(false);
                return true;
            }
            catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // It is gone: perhaps another one comes.
            }
        }
    }

    /// <summary>Asks the process of the same node that runs here.</summary>
    /// <returns>The connection on which its word comes.</returns>
    /// <exception cref="NodeJoinException">None does, or it does not answer.</exception>
    public static async Task<Socket> AskAsync(NodeOptions node, ulong incarnation, CancellationToken cancellationToken)
    {
        string door = node.Door ?? throw new InvalidOperationException("to take over, a node needs the door of the process before it");
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(node.JoinTimeout);
        try
        {
            return await TryAskAsync(door, incarnation, patience.Token).ConfigureAwait(false)
                ?? throw new NodeJoinException($"no node {node.Name} runs here that could hand over: start it without --takeover");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NodeJoinException($"the node {node.Name} that runs here does not answer: look at its log, or stop it");
        }
    }

    /// <summary>Asks the process that runs to hand over, until it may: it may have no link to its ingress at the moment, say.</summary>
    /// <returns>The connection on which its word comes; null: nobody is there.</returns>
    public static async Task<Socket?> TryAskAsync(string path, ulong incarnation, CancellationToken cancellationToken)
    {
        while (true)
        {
            (Socket? connection, bool isThere) = await AskOnceAsync(path, incarnation, cancellationToken).ConfigureAwait(false);
            if (connection is not null || !isThere)
            {
                return connection;
            }

            await Task.Delay(s_retry, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<(Socket? Connection, bool IsThere)> AskOnceAsync(string path, ulong incarnation, CancellationToken cancellationToken)
    {
        bool isThere = false;
        Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            isThere = true;
            byte[] ask = new byte[AskLength];
            Magic.CopyTo(ask);
            BinaryPrimitives.WriteUInt64BigEndian(ask.AsSpan(Magic.Length), incarnation);
            _ = await connection.SendAsync(ask, cancellationToken).ConfigureAwait(false);
            byte[] word = new byte[1];
            if (await LocalSockets.TryReadAsync(connection, word, cancellationToken).ConfigureAwait(false) && word[0] == Join)
            {
                return (connection, true);
            }
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // Nobody is there, or not any more.
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        connection.Dispose();
        return (null, isThere);
    }

    /// <param name="connection">On which its word comes.</param>
    /// <param name="time">A process that has said nothing by then hangs.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Whether all that it had has been handed over.</returns>
    public static async Task<bool> IsDoneAsync(Socket connection, TimeSpan time, CancellationToken cancellationToken)
    {
        byte[] word = new byte[1];
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(time);
        try
        {
            return await LocalSockets.TryReadAsync(connection, word, patience.Token).ConfigureAwait(false) && word[0] == Done;
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    public void Dispose() => _door.Dispose();

    /// <summary>Everything is the successor's, whether it is still there to hear it or not.</summary>
    private static async ValueTask TrySayDoneAsync(Socket successor, CancellationToken cancellationToken)
    {
        try
        {
            await SayAsync(successor, Done, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // It has died: there is nothing left here that could go on.
        }
    }

    private static async ValueTask SayAsync(Socket socket, byte word, CancellationToken cancellationToken) =>
        _ = await socket.SendAsync(new[] { word }, cancellationToken).ConfigureAwait(false);
}
