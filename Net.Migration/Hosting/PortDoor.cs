using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Net.Core.Io;

namespace Net.Migration.Hosting;

/// <summary>How the process that serves a public port passes it to the one that takes over from it: over a Unix socket in a private directory.</summary>
/// <remarks>
/// <code>
/// successor to predecessor     "ctp1" | 'q'      where are you bound?
/// predecessor to successor     port (2)
///
/// successor to predecessor     "ctp1" | 'p'      the port, please: the predecessor reads no more from it
/// predecessor to successor     the socket (SCM_RIGHTS)
/// successor to predecessor     'c' | port (2)    I read from it now: members find me there
/// successor to predecessor     'm' | length (1) | name    move everything to me
/// predecessor to successor     'd'               all that I had is yours     'k': something stays
/// </code>
/// A successor that is gone before everything is its own leaves the port with the predecessor, whose own the socket is all the while.
/// </remarks>
internal sealed class PortDoor : IDisposable
{
    private const byte Query = (byte)'q', Take = (byte)'p', Control = (byte)'c', Move = (byte)'m', Done = (byte)'d', Keep = (byte)'k';

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Socket _door;

    private PortDoor(Socket door) => _door = door;

    private static ReadOnlySpan<byte> Magic => "ctp1"u8;

    /// <exception cref="IOException">It cannot be opened.</exception>
    public static PortDoor Open(string path) => new(LocalSockets.OpenDoor(path));

    /// <summary>Asks the process that serves for its port.</summary>
    /// <returns>Null: none is there.</returns>
    public static async Task<ushort?> AskAsync(string path, CancellationToken cancellationToken)
    {
        byte[] port = new byte[sizeof(ushort)];
        using Socket? connection = await ConnectAsync(path, Query, cancellationToken).ConfigureAwait(false);
        return connection is not null && await TryReadAsync(connection, port, cancellationToken).ConfigureAwait(false) ? BinaryPrimitives.ReadUInt16BigEndian(port) : null;
    }

    /// <summary>Takes the port over from the process that serves.</summary>
    /// <returns>Null: none is there.</returns>
    /// <exception cref="IOException">One is there, and gives nothing away: it is being replaced by another one, say.</exception>
    public static async Task<PassedPort?> TakeAsync(string path, CancellationToken cancellationToken)
    {
        Socket? connection = await ConnectAsync(path, Take, cancellationToken).ConfigureAwait(false);
        if (connection is null)
        {
            return null;
        }

        try
        {
            return new(connection, await Task.Run(() => SocketLoan.Receive(connection), cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Lets successors in, one after the other, until one has taken over.</summary>
    /// <param name="owner">Whose port it is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task ServeAsync(IPortOwner owner, CancellationToken cancellationToken)
    {
        byte[] ask = new byte[Magic.Length + 1];
        byte[] port = new byte[sizeof(ushort)];
        while (true)
        {
            using Socket successor = await _door.AcceptAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                patience.CancelAfter(s_patience);
                if (!await LocalSockets.TryReadAsync(successor, ask, patience.Token).ConfigureAwait(false) || !ask.AsSpan().StartsWith(Magic))
                {
                    continue;
                }

                if (ask[^1] == Query)
                {
                    BinaryPrimitives.WriteUInt16BigEndian(port, (ushort)owner.PublicPort);
                    _ = await successor.SendAsync(port, cancellationToken).ConfigureAwait(false);
                }
                else if (ask[^1] == Take && await PassAsync(successor, owner, cancellationToken).ConfigureAwait(false))
                {
                    return;
                }
            }
            catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // It is gone: perhaps another one comes.
            }
        }
    }

    public void Dispose() => _door.Dispose();

    /// <returns>Whether the successor has everything.</returns>
    private async Task<bool> PassAsync(Socket successor, IPortOwner owner, CancellationToken cancellationToken)
    {
        bool isDone = false;
        await owner.ReleaseAsync().ConfigureAwait(false);
        try
        {
            // Nobody reads from the port meanwhile: a successor that hangs has it for no longer than one that works would need.
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(owner.Patience);
            SocketLoan.Send(successor, owner.PublicSocket);
            byte[] word = new byte[1 + sizeof(ushort)];
            if (await LocalSockets.TryReadAsync(successor, word, patience.Token).ConfigureAwait(false) && word[0] == Control)
            {
                owner.Follow(BinaryPrimitives.ReadUInt16BigEndian(word.AsSpan(1)));
                if (await LocalSockets.TryReadAsync(successor, word.AsMemory(0, 2), patience.Token).ConfigureAwait(false) && word[0] == Move)
                {
                    byte[] name = new byte[word[1]];
                    isDone = await LocalSockets.TryReadAsync(successor, name, patience.Token).ConfigureAwait(false)
                        && await owner.MoveAsync(Encoding.ASCII.GetString(name)).ConfigureAwait(false);
                    if (isDone)
                    {
                        // Closing it removes the file, which is the successor's to make as soon as it has heard.
                        _door.Dispose();
                    }

                    _ = await successor.SendAsync(new[] { isDone ? Done : Keep }, CancellationToken.None).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            if (!isDone && !cancellationToken.IsCancellationRequested)
            {
                await owner.TakeBackAsync().ConfigureAwait(false);
            }
        }

        return isDone;
    }

    private static async Task<Socket?> ConnectAsync(string path, byte ask, CancellationToken cancellationToken)
    {
        Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            _ = await connection.SendAsync(new ReadOnlyMemory<byte>([.. Magic, ask]), cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            connection.Dispose();
            return null;
        }
    }

    private static async Task<bool> TryReadAsync(Socket connection, byte[] buffer, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            return await LocalSockets.TryReadAsync(connection, buffer, patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    /// <summary>A port that has come from the process before.</summary>
    /// <param name="connection">On which it is told how far this one is.</param>
    /// <param name="handle">Whoever uses it owns it.</param>
    internal sealed class PassedPort(Socket connection, SafeSocketHandle handle) : IDisposable
    {
        public SafeSocketHandle Handle => handle;

        /// <summary>This process reads from the port, and members find it there.</summary>
        public async Task FollowAsync(int controlPort, CancellationToken cancellationToken)
        {
            byte[] word = [Control, 0, 0];
            BinaryPrimitives.WriteUInt16BigEndian(word.AsSpan(1), (ushort)controlPort);
            _ = await connection.SendAsync(word, cancellationToken).ConfigureAwait(false);
        }

        /// <summary>This process can take everything.</summary>
        /// <param name="name">Of its node.</param>
        /// <returns>Whether it has.</returns>
        public async Task<bool> MoveAsync(string name, CancellationToken cancellationToken)
        {
            byte[] word = [Move, (byte)name.Length, .. Encoding.ASCII.GetBytes(name)];
            try
            {
                _ = await connection.SendAsync(word, cancellationToken).ConfigureAwait(false);
                return await LocalSockets.TryReadAsync(connection, word.AsMemory(0, 1), cancellationToken).ConfigureAwait(false) && word[0] == Done;
            }
            catch (SocketException)
            {
                return false;
            }
        }

        public void Dispose() => connection.Dispose();
    }
}

/// <summary>Who serves a public port and may pass it on.</summary>
internal interface IPortOwner
{
    int PublicPort { get; }

    /// <summary>How long a successor may take to say that it can take everything.</summary>
    TimeSpan Patience { get; }

    SafeSocketHandle PublicSocket { get; }

    /// <summary>Stops reading from the port, which stays open.</summary>
    Task ReleaseAsync();

    /// <summary>Another process reads from it, and takes members at this port.</summary>
    void Follow(int controlPort);

    /// <summary>Moves all components to that process.</summary>
    /// <returns>False: something stays.</returns>
    Task<bool> MoveAsync(string name);

    /// <summary>That process is gone, or does not get everything: reads again.</summary>
    Task TakeBackAsync();
}
