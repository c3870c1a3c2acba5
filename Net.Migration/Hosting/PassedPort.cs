using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Net.Core.Io;
using Net.Migration.Ingress;

namespace Net.Migration.Hosting;

/// <summary>What the process that had the port says to the one that has it now.</summary>
internal enum PortWord
{
    /// <summary>Nothing any more: it has ended, and gives and takes nothing. Whoever has the port serves it.</summary>
    Gone,

    /// <summary>Its node is a member of the new ingress.</summary>
    Joined,

    /// <summary>All that it had has been moved; to one that keeps it: that is for good.</summary>
    Done,

    /// <summary>It goes on, and wants the port back.</summary>
    Keep,
}

/// <summary>A port that has come from the process before, at its <see cref="PortDoor"/>: the successor's side.</summary>
internal sealed class PassedPort : IDisposable
{
    /// <summary>For an answer of a process that lives.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>For its ingress to end.</summary>
    private static readonly TimeSpan s_release = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_who = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(20);

    private readonly Socket _connection;

    private PassedPort(Socket connection, string predecessor, SafeSocketHandle handle, IReadOnlyList<HeldDatagram> kept) =>
        (_connection, Predecessor, Handle, Kept) = (connection, predecessor, handle, kept);

    /// <summary>The public socket; whoever uses it owns it.</summary>
    public SafeSocketHandle Handle { get; }

    /// <summary>What the process before has read from it, and nobody has got.</summary>
    public IReadOnlyList<HeldDatagram> Kept { get; }

    /// <summary>The name of the node that had everything.</summary>
    public string Predecessor { get; }

    /// <summary>It has ended, or let go of the connection.</summary>
    public bool IsGone => _connection.Poll(0, SelectMode.SelectRead) && _connection.Available == 0;

    /// <summary>Asks the process that serves for its port.</summary>
    /// <returns>Null: none is there.</returns>
    /// <exception cref="IOException">One is there, and does not answer.</exception>
    public static async Task<ushort?> AskAsync(string path, CancellationToken cancellationToken)
    {
        byte[] port = new byte[sizeof(ushort)];
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            while (true)
            {
                using Socket? connection = await ConnectAsync(path, [PortDoor.Query], patience.Token).ConfigureAwait(false);
                if (connection is null)
                {
                    return null;
                }

                if (await TryReadAsync(connection, port, patience.Token).ConfigureAwait(false))
                {
                    return BinaryPrimitives.ReadUInt16BigEndian(port);
                }

                // It has just ended, or passed everything on: the next one may be there already.
                await Task.Delay(s_retry, patience.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw NoAnswer(path, e);
        }
    }

    /// <summary>Asks who serves.</summary>
    /// <returns>The name of its node; null: nobody does, or it does not say so within 2 s.</returns>
    public static async Task<string?> WhoAsync(string path, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_who);
        try
        {
            using Socket? connection = await ConnectAsync(path, [PortDoor.Who], patience.Token).ConfigureAwait(false);
            byte[] length = new byte[1];
            if (connection is null || !await TryReadAsync(connection, length, patience.Token).ConfigureAwait(false))
            {
                return null;
            }

            byte[] name = new byte[length[0]];
            return await TryReadAsync(connection, name, patience.Token).ConfigureAwait(false) ? Encoding.ASCII.GetString(name) : null;
        }
        catch (Exception e) when (e is IOException or SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // Also where this process has no descriptor left to ask with.
            return null;
        }
    }

    /// <summary>Takes the port over from the process that serves.</summary>
    /// <param name="path">Of its door.</param>
    /// <param name="components">What this process can serve.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="patience">For its answer; 10 s unless said otherwise. Then its ingress may take 30 s to end.</param>
    /// <returns>Null: none is there.</returns>
    /// <exception cref="IOException">One is there, and gives nothing away; why. Or it does not answer, or has ended before the socket came.</exception>
    public static async Task<PassedPort?> TakeAsync(string path, IEnumerable<string> components, CancellationToken cancellationToken, TimeSpan? patience = null)
    {
        byte[] names = Encoding.ASCII.GetBytes(string.Join('\n', components));
        byte[] ask = [PortDoor.Take, 0, 0, 0, 0, .. names];
        BinaryPrimitives.WriteInt32BigEndian(ask.AsSpan(1), names.Length);
        using CancellationTokenSource answering = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        answering.CancelAfter(patience ?? s_patience);
        Socket? connection = null;
        try
        {
            connection = await ConnectAsync(path, ask, answering.Token).ConfigureAwait(false);
            if (connection is null)
            {
                return null;
            }

            byte[] answer = new byte[2];
            if (!await TryReadAsync(connection, answer, answering.Token).ConfigureAwait(false))
            {
                throw new IOException("the process that serves gives nothing away: it is being replaced by another one, say");
            }

            byte[] text = new byte[answer[1]];
            _ = await TryReadAsync(connection, text, answering.Token).ConfigureAwait(false);
            if (answer[0] != PortDoor.Give)
            {
                throw new IOException($"the process that serves gives nothing away: {Encoding.ASCII.GetString(text)}");
            }

            SafeSocketHandle handle = await ReceiveAsync(connection, cancellationToken).ConfigureAwait(false);
            try
            {
                return new(connection, Encoding.ASCII.GetString(text), handle, await ReadKeptAsync(connection, cancellationToken).ConfigureAwait(false));
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }
        catch (Exception e)
        {
            connection?.Dispose();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw NoAnswer(path, e);
            }

            throw;
        }
    }

    /// <summary>This process reads from the port, and members find it there.</summary>
    /// <returns><see cref="PortWord.Joined"/>, unless the other one has changed its mind, or is gone.</returns>
    public async Task<PortWord> FollowAsync(int controlPort, CancellationToken cancellationToken)
    {
        byte[] word = [PortDoor.Control, 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(word.AsSpan(1), (ushort)controlPort);
        return await SayAsync(word, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>This process can take everything.</summary>
    /// <param name="name">Of its node.</param>
    /// <param name="time">What has not moved by then stays.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns><see cref="PortWord.Done"/>, unless something stays, or the other one is gone.</returns>
    public async Task<PortWord> MoveAsync(string name, TimeSpan time, CancellationToken cancellationToken)
    {
        byte[] word = [PortDoor.Move, 0, 0, 0, 0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name)];
        BinaryPrimitives.WriteUInt32BigEndian(word.AsSpan(1), (uint)double.Clamp(time.TotalMilliseconds, 0, uint.MaxValue));
        return await SayAsync(word, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>This process keeps what has been moved.</summary>
    /// <returns><see cref="PortWord.Done"/>, unless the other one has lost its patience, or is gone.</returns>
    public Task<PortWord> KeepAsync(CancellationToken cancellationToken) => SayAsync([PortDoor.Accept], cancellationToken);

    /// <summary>This process gives back what has been moved.</summary>
    /// <returns><see cref="PortWord.Keep"/> when it may come, unless the other one is gone.</returns>
    public Task<PortWord> ReturnAsync(CancellationToken cancellationToken) => SayAsync([PortDoor.Return], cancellationToken);

    /// <summary>What the other one says unasked.</summary>
    /// <returns><see cref="PortWord.Keep"/>, or that it is gone.</returns>
    public async Task<PortWord> HearAsync(CancellationToken cancellationToken)
    {
        byte[] word = new byte[1];
        return await TryReadAsync(_connection, word, cancellationToken).ConfigureAwait(false) ? Word(word[0]) : PortWord.Gone;
    }

    /// <summary>This process has waited for the other one for long enough, and goes on without it. The last word.</summary>
    public void GoOn()
    {
        try
        {
            _connection.Blocking = false;
            _ = _connection.Send([PortDoor.GoOn]);
        }
        catch (SocketException)
        {
            // It has ended.
        }
    }

    public void Dispose() => _connection.Dispose();

    private static IOException NoAnswer(string path, Exception e) => new($"the process that serves does not answer at {path}: look at its log, or stop it", e);

    /// <summary>The socket, once the other's ingress has ended.</summary>
    private static async Task<SafeSocketHandle> ReceiveAsync(Socket connection, CancellationToken cancellationToken)
    {
        Task<SafeSocketHandle> receiving = Task.Run(() => SocketLoan.Receive(connection, s_release), CancellationToken.None);
        try
        {
            return await receiving.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = receiving.ContinueWith(
                static late => late.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    private static async Task<IReadOnlyList<HeldDatagram>> ReadKeptAsync(Socket connection, CancellationToken cancellationToken)
    {
        // The answer before may have taken its whole time, as an ingress has ended meanwhile.
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        byte[] prefix = new byte[KeptDatagrams.PrefixLength];
        if (await TryReadAsync(connection, prefix, patience.Token).ConfigureAwait(false) && KeptDatagrams.ReadPrefix(prefix) is int length and >= 0)
        {
            byte[] rest = new byte[length];
            if (await TryReadAsync(connection, rest, patience.Token).ConfigureAwait(false) && KeptDatagrams.TryRead(rest, out IReadOnlyList<HeldDatagram> kept))
            {
                return kept;
            }
        }

        throw new IOException("the process that serves has ended while it passed its port");
    }

    private async Task<PortWord> SayAsync(byte[] word, CancellationToken cancellationToken)
    {
        byte[] answer = new byte[1];
        try
        {
            _ = await _connection.SendAsync(word, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // Its last word may have come before.
        }

        return !await TryReadAsync(_connection, answer, cancellationToken).ConfigureAwait(false) ? PortWord.Gone : Word(answer[0]);
    }

    private static PortWord Word(byte said) => said switch
    {
        PortDoor.Joined => PortWord.Joined,
        PortDoor.Done => PortWord.Done,
        _ => PortWord.Keep,
    };

    /// <returns>Null: nobody is there.</returns>
    private static async Task<Socket?> ConnectAsync(string path, byte[] ask, CancellationToken cancellationToken)
    {
        Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            await AskAsync(connection, ask, cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch (SocketException e)
        {
            connection.Dispose();
            // Anything else says only that this one cannot speak to it now.
            return e.SocketErrorCode == SocketError.ConnectionRefused || !File.Exists(path) ? null
                : throw new IOException($"the process that serves cannot be reached at {path}: {e.Message}", e);
        }
        catch (ArgumentException e)
        {
            connection.Dispose();
            throw new IOException($"{path} cannot be the path of a Unix socket: {e.Message}", e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static async Task AskAsync(Socket connection, byte[] ask, CancellationToken cancellationToken)
    {
        try
        {
            _ = await connection.SendAsync(new ReadOnlyMemory<byte>([.. PortDoor.Magic, .. ask]), cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // It was there, and has just ended: whoever reads its answer sees that.
        }
    }

    private static async ValueTask<bool> TryReadAsync(Socket connection, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await LocalSockets.TryReadAsync(connection, buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
