using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Net.Core.Io;

namespace Net.Migration.Hosting;

/// <summary>How the process that serves a public port passes it to the one that takes over from it: over a Unix socket in a private directory.</summary>
/// <remarks>
/// <code>
/// successor to predecessor     "ctp3" | 'q'      where are you bound?
/// predecessor to successor     port (2)
///
/// anybody to who serves        "ctp3" | 'w'      who are you?
/// who serves to anybody        length (1) | name of its node
///
/// successor to predecessor     "ctp3" | 'p' | length (4) | names, one a line    the port, please: these components I can serve
/// predecessor to successor     'n' | length (1) | why    no: nothing has changed
///                              'y' | length (1) | name of its node | the socket (SCM_RIGHTS)    it reads no more from it
///                              <see cref="KeptDatagrams"/>    what it has read from it, and nobody has got
/// successor to predecessor     'c' | port (2)    I read from it now: members find me there
/// predecessor to successor     'j'               I am a member there
/// successor to predecessor     'm' | milliseconds (4) | length (1) | name    move everything to me
/// predecessor to successor     'd'               all that I had has moved     'k': something stays (at any time): move back what you have
/// successor to predecessor     'a'               I keep it     'b': I cannot: take it back
/// predecessor to successor     'd'               it is yours, I leave         'k': as above
///
/// successor to predecessor     'o'               you were silent for too long, and I have everything without you: its last word, instead of whichever one was due
/// </code>
/// The last question is for a successor that takes several ports over, and keeps all of them or none. One that is gone before everything is its own leaves the port with the predecessor, whose own the socket is all the while; one that has to give
/// up closes the connection when it has let go of everything. A predecessor that is gone without a word leaves it with the successor: that is no 'k'.
/// </remarks>
internal sealed class PortDoor : IDisposable
{
    public const byte Query = (byte)'q', Take = (byte)'p', Give = (byte)'y', Refuse = (byte)'n', Control = (byte)'c', Joined = (byte)'j', Move = (byte)'m',
        Done = (byte)'d', Keep = (byte)'k', Accept = (byte)'a', Return = (byte)'b', GoOn = (byte)'o', Who = (byte)'w';

    /// <summary>Bytes of names that are read.</summary>
    private const int MaxNames = 1 << 20;

    /// <summary>Connections at a time; further ones are closed.</summary>
    private const int MaxCallers = 16;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>For a successor to move back what it has got, and to end.</summary>
    private static readonly TimeSpan s_moveBack = TimeSpan.FromSeconds(15);

    /// <summary>When there are no file descriptors.</summary>
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(100);

    private readonly Socket _door;
    private readonly TaskCompletionSource _passed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _passing = Task.CompletedTask;
    private int _callers;
    private int _isPassing;

    private PortDoor(Socket door) => _door = door;

    public static ReadOnlySpan<byte> Magic => "ctp3"u8;

    /// <exception cref="IOException">It cannot be opened.</exception>
    public static PortDoor Open(string path) => new(LocalSockets.OpenDoor(path));

    /// <summary>Answers, and lets successors in, one at a time, until one has taken over.</summary>
    /// <param name="owner">Whose port it is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task ServeAsync(IPortOwner owner, CancellationToken cancellationToken)
    {
        try
        {
            while (!_passed.Task.IsCompleted)
            {
                Socket caller = await _door.AcceptPatientlyAsync(s_retry, cancellationToken).ConfigureAwait(false);
                if (Interlocked.Increment(ref _callers) <= MaxCallers)
                {
                    _ = AnswerAsync(caller, owner, cancellationToken);
                }
                else
                {
                    End(caller);
                }
            }
        }
        catch (ObjectDisposedException) when (!cancellationToken.IsCancellationRequested)
        {
            // Everything has been passed on.
        }
        finally
        {
            await Volatile.Read(ref _passing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await _passed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _door.Dispose();

    private void End(Socket caller)
    {
        _ = Interlocked.Decrement(ref _callers);
        caller.Dispose();
    }

    private async Task AnswerAsync(Socket caller, IPortOwner owner, CancellationToken cancellationToken)
    {
        try
        {
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(s_patience);
            byte[] ask = new byte[Magic.Length + 1];
            if (!await LocalSockets.TryReadAsync(caller, ask, patience.Token).ConfigureAwait(false) || !ask.AsSpan().StartsWith(Magic))
            {
                return;
            }

            if (ask[^1] == Query)
            {
                byte[] port = new byte[sizeof(ushort)];
                BinaryPrimitives.WriteUInt16BigEndian(port, (ushort)owner.PublicPort);
                _ = await caller.SendAsync(port, patience.Token).ConfigureAwait(false);
            }
            else if (ask[^1] == Who)
            {
                _ = await caller.SendAsync(new ReadOnlyMemory<byte>([(byte)owner.Name.Length, .. Encoding.ASCII.GetBytes(owner.Name)]), patience.Token).ConfigureAwait(false);
            }
            else if (ask[^1] == Take && await ReadNamesAsync(caller, patience.Token).ConfigureAwait(false) is { } names)
            {
                await LetInAsync(caller, owner, names, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // It is gone: perhaps another one comes.
        }
        finally
        {
            End(caller);
        }
    }

    private static async Task<HashSet<string>?> ReadNamesAsync(Socket caller, CancellationToken cancellationToken)
    {
        byte[] length = new byte[sizeof(int)];
        if (!await LocalSockets.TryReadAsync(caller, length, cancellationToken).ConfigureAwait(false) || BinaryPrimitives.ReadInt32BigEndian(length) is < 0 or > MaxNames)
        {
            return null;
        }

        byte[] names = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        return await LocalSockets.TryReadAsync(caller, names, cancellationToken).ConfigureAwait(false) ? [.. Encoding.ASCII.GetString(names).Split('\n')] : null;
    }

    private async Task LetInAsync(Socket successor, IPortOwner owner, HashSet<string> names, CancellationToken cancellationToken)
    {
        bool isFirst = Interlocked.CompareExchange(ref _isPassing, 1, 0) == 0;
        if ((isFirst ? owner.WhyNot(names) : "it is being replaced by another one") is { } reason)
        {
            if (isFirst)
            {
                Volatile.Write(ref _isPassing, 0);
            }

            await SayAsync(successor, Refuse, reason[..int.Min(reason.Length, byte.MaxValue)], cancellationToken).ConfigureAwait(false);
            return;
        }

        Task passing = PassAsync(successor, owner, cancellationToken);
        Volatile.Write(ref _passing, passing);
        await passing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (passing.IsFaulted)
        {
            // The port has nobody who reads from it, and that is not a successor's affair.
            _passed.TrySetException(passing.Exception!.InnerExceptions);
            _door.Dispose();
        }
    }

    private async Task PassAsync(Socket successor, IPortOwner owner, CancellationToken cancellationToken)
    {
        Step reached = new(successor);
        bool isDone = false;
        try
        {
            isDone = await TryPassAsync(successor, owner, reached, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // It is gone, or hangs.
        }

        if (!isDone && reached.IsReleased)
        {
            cancellationToken.ThrowIfCancellationRequested();
            reached.Peer.Look();
            isDone = reached.Peer.HasGoneOn || !await TryTakeBackAsync(successor, owner, reached, cancellationToken).ConfigureAwait(false);
        }

        if (isDone)
        {
            SocketPeer.Spare(reached.Peer.Id);
            // Nobody else is let in here: the door is the successor's to open as soon as it has heard.
            _door.Dispose();
            _ = await TryTellAsync(successor, Done).ConfigureAwait(false);
            _passed.TrySetResult();
            return;
        }

        Volatile.Write(ref _isPassing, 0);
    }

    /// <returns>False: another process serves by now.</returns>
    private static async Task<bool> TryTakeBackAsync(Socket successor, IPortOwner owner, Step reached, CancellationToken cancellationToken)
    {
        await owner.StayAsync().ConfigureAwait(false);
        // Who hangs moves nothing back.
        if (await TryTellAsync(successor, Keep).ConfigureAwait(false) && reached is { IsMoving: true, IsSilent: false })
        {
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(s_moveBack);
            await reached.Peer.GoneAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return !reached.Peer.HasGoneOn && await owner.TryTakeBackAsync(reached.Peer).ConfigureAwait(false);
    }

    /// <returns>Whether the successor has everything, and keeps it.</returns>
    private static async Task<bool> TryPassAsync(Socket successor, IPortOwner owner, Step reached, CancellationToken cancellationToken)
    {
        await SayAsync(successor, Give, owner.Name, cancellationToken).ConfigureAwait(false);
        if (successor.Poll(0, SelectMode.SelectRead))
        {
            // It has nothing to say before it has the socket: it is gone.
            return false;
        }

        reached.IsReleased = true;
        byte[] kept = await owner.ReleaseAsync().ConfigureAwait(false);
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(owner.Patience);
        SocketLoan.Send(successor, owner.PublicSocket);
        await SendAllAsync(successor, kept, patience.Token).ConfigureAwait(false);
        byte[] word = new byte[1 + sizeof(ushort)];
        if (!await LocalSockets.TryReadAsync(successor, word, patience.Token).ConfigureAwait(false) || word[0] != Control)
        {
            return false;
        }

        // Somebody reads from the port again: now it may take its time, as long as it reads.
        using CancellationTokenSource read = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task watching = EndAtSilenceAsync(owner, reached, read);
        try
        {
            return await TryMoveAsync(successor, owner, BinaryPrimitives.ReadUInt16BigEndian(word.AsSpan(1)), reached, read.Token).ConfigureAwait(false);
        }
        finally
        {
            await read.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task EndAtSilenceAsync(IPortOwner owner, Step reached, CancellationTokenSource read)
    {
        await owner.SilenceAsync(read.Token).ConfigureAwait(false);
        reached.IsSilent = true;
        await read.CancelAsync().ConfigureAwait(false);
    }

    private static async Task<bool> TryMoveAsync(Socket successor, IPortOwner owner, int members, Step reached, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(owner.TakeOverTimeout);
        if (!await WhileThereAsync(reached.Peer, token => JoinAsync(owner, members, token), patience.Token).ConfigureAwait(false))
        {
            return false;
        }

        byte[] word = new byte[1 + sizeof(uint) + 1];
        _ = await successor.SendAsync(new[] { Joined }, patience.Token).ConfigureAwait(false);
        if (!await LocalSockets.TryReadAsync(successor, word, patience.Token).ConfigureAwait(false) || word[0] != Move)
        {
            return false;
        }

        byte[] name = new byte[word[^1]];
        if (!await LocalSockets.TryReadAsync(successor, name, patience.Token).ConfigureAwait(false))
        {
            return false;
        }

        reached.IsMoving = true;
        TimeSpan time = TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32BigEndian(word.AsSpan(1)));
        string to = Encoding.ASCII.GetString(name);
        return await WhileThereAsync(reached.Peer, token => owner.MoveAsync(to, time, token), cancellationToken).ConfigureAwait(false)
            && await IsKeptAsync(successor, reached.Peer, owner.TakeOverTimeout + s_moveBack, cancellationToken).ConfigureAwait(false);
    }

    /// <param name="time">For whatever else it takes over: it has that much for it, and a little more to say so.</param>
    private static async Task<bool> IsKeptAsync(Socket successor, SocketPeer peer, TimeSpan time, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(time);
        byte[] word = new byte[1];
        if (!await TryTellAsync(successor, Done).ConfigureAwait(false) || !await LocalSockets.TryReadAsync(successor, word, patience.Token).ConfigureAwait(false))
        {
            return false;
        }

        peer.Hear(word);
        return word[0] == Accept;
    }

    private static async Task<bool> JoinAsync(IPortOwner owner, int members, CancellationToken cancellationToken)
    {
        await owner.FollowAsync(members).WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Works as long as the successor lives, who has nothing to say meanwhile.</summary>
    /// <returns>False: the work says so, or the successor is gone; of one that died behind the last move nothing is left but the port.</returns>
    private static async Task<bool> WhileThereAsync(SocketPeer successor, Func<CancellationToken, Task<bool>> work, CancellationToken cancellationToken)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task gone = successor.GoneAsync(over.Token);
        Task<bool> working = work(over.Token);
        await Task.WhenAny(working, gone).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        await gone.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await working.ConfigureAwait(false) && !gone.IsCompletedSuccessfully;
    }

    private static async Task SayAsync(Socket socket, byte word, string text, CancellationToken cancellationToken) =>
        _ = await socket.SendAsync(new ReadOnlyMemory<byte>([word, (byte)text.Length, .. Encoding.ASCII.GetBytes(text)]), cancellationToken).ConfigureAwait(false);

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, cancellationToken).ConfigureAwait(false)..];
        }
    }

    /// <returns>False: nobody is there to hear it, or the socket is full of what was said before.</returns>
    private static async Task<bool> TryTellAsync(Socket successor, byte word)
    {
        using CancellationTokenSource patience = new(s_patience);
        try
        {
            return await successor.SendAsync(new[] { word }, patience.Token).ConfigureAwait(false) == 1;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>How far a successor has come.</summary>
    private sealed class Step(Socket successor)
    {
        public SocketPeer Peer { get; } = new(successor);

        public bool IsReleased { get; set; }

        public bool IsMoving { get; set; }

        /// <summary>It has stopped reading from the port.</summary>
        public bool IsSilent { get; set; }
    }
}
