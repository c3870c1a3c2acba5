using System.Net;
using System.Net.Sockets;
using Net.Core.Io;
using Net.Core.Wire;

namespace Net.Migration.Hosting;

/// <summary>Keeps a public UDP socket open while the process that uses it dies and starts again: a crash is a stall, and no client sees an ICMP message.</summary>
/// <remarks>
/// It does nothing else, so there is nothing in it that could crash. It lends the socket over a Unix socket to one borrower at a time; the
/// borrower's connection is its life line. It ends when a borrower says that it ends for good, or when nobody has borrowed for the linger time.
/// </remarks>
public sealed class SocketHolder : IDisposable
{
    /// <summary>What a borrower says that ends for good.</summary>
    private const byte Goodbye = (byte)'e';

    private const byte Busy = (byte)'b';

    /// <summary>How long a holder waits for the next ingress, unless it is told otherwise: 30 s.</summary>
    public static TimeSpan Linger => TimeSpan.FromSeconds(30);

    private readonly Socket _public;
    private readonly Socket _door;
    private readonly string _path;
    private readonly TimeSpan _linger;

    private SocketHolder(Socket lent, Socket door, string path, TimeSpan linger) => (_public, _door, _path, _linger) = (lent, door, path, linger);

    /// <summary>Where it is bound.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)_public.LocalEndPoint!;

    /// <summary>Whether sockets can be lent on this system.</summary>
    public static bool IsSupported => SocketLoan.IsSupported;

    /// <summary>Binds the public socket, and opens the door at which it is lent.</summary>
    /// <param name="listen">The public address.</param>
    /// <param name="path">Of the Unix socket: in a directory that nobody else can enter. At most 100 bytes.</param>
    /// <param name="linger">How long it waits for the next borrower.</param>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="IOException">The door cannot be opened.</exception>
    public static SocketHolder Open(IPEndPoint listen, string path, TimeSpan linger)
    {
        ArgumentNullException.ThrowIfNull(listen);
        Socket lent = LocalSockets.BindPublic(listen);
        try
        {
            // Whoever left one behind is gone: the port is ours.
            return new(lent, LocalSockets.OpenDoor(path), path, linger);
        }
        catch
        {
            lent.Dispose();
            throw;
        }
    }

    /// <summary>Lends until it is told to end, or nobody borrows.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Socket borrower;
            using (CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
            {
                patience.CancelAfter(_linger);
                try
                {
                    borrower = await _door.AcceptAsync(patience.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }

            using (borrower)
            {
                if (await LendAsync(borrower, cancellationToken).ConfigureAwait(false))
                {
                    return;
                }
            }
        }
    }

    /// <summary>Borrows from a holder that is there.</summary>
    /// <returns>Null: none is there.</returns>
    /// <exception cref="AddressInUseException">Another process has borrowed it.</exception>
    public static async Task<BorrowedSocket?> TryBorrowAsync(string path, IPEndPoint listen, CancellationToken cancellationToken)
    {
        Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            SafeSocketHandle handle = await Task.Run(() => SocketLoan.Receive(connection), cancellationToken).ConfigureAwait(false);
            return new(connection, handle);
        }
        catch (SocketException)
        {
            connection.Dispose();
            return null;
        }
        catch (IOException e)
        {
            connection.Dispose();
            throw new AddressInUseException(UdpAddress.FromEndPoint(listen), e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Closes the port, unless it is lent at the time: then its borrower has it.</summary>
    public void Dispose()
    {
        _door.Dispose();
        // While the port is still this one's: another holder could have a door of this name as soon as it is not.
        File.Delete(_path);
        _public.Dispose();
    }

    /// <returns>True: it shall end.</returns>
    private async Task<bool> LendAsync(Socket borrower, CancellationToken cancellationToken)
    {
        using CancellationTokenSource returned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task refusing = RefuseOthersAsync(returned.Token);
        try
        {
            SocketLoan.Send(borrower, _public.SafeHandle);
            byte[] word = new byte[1];
            return await borrower.ReceiveAsync(word, returned.Token).ConfigureAwait(false) == 1 && word[0] == Goodbye;
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return cancellationToken.IsCancellationRequested;
        }
        finally
        {
            await returned.CancelAsync().ConfigureAwait(false);
            await refusing.ConfigureAwait(false);
        }
    }

    private async Task RefuseOthersAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                using Socket other = await _door.AcceptAsync(cancellationToken).ConfigureAwait(false);
                _ = await other.SendAsync(new[] { Busy }, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The socket came back.
        }
    }
}

/// <summary>A socket on loan: after its last use either give it back, or dispose of this to end the holder as well.</summary>
public sealed class BorrowedSocket : IDisposable
{
    private readonly Socket _connection;
    private bool _isReturned;

    internal BorrowedSocket(Socket connection, SafeSocketHandle handle) => (_connection, Handle) = (connection, handle);

    /// <summary>The public socket; whoever uses it owns it.</summary>
    public SafeSocketHandle Handle { get; }

    /// <summary>Gives the socket back, for the next ingress to borrow: as when the process dies, nothing is said.</summary>
    public void GiveBack()
    {
        _isReturned = true;
        _connection.Dispose();
    }

    /// <summary>The planned end: the holder ends as well. A process that dies says nothing, and the holder waits for the next.</summary>
    public void Dispose()
    {
        if (_isReturned)
        {
            return;
        }

        try
        {
            _ = _connection.Send("e"u8);
        }
        catch (SocketException)
        {
            // The holder has been killed: then the port is this process's alone.
        }

        _connection.Dispose();
    }
}
