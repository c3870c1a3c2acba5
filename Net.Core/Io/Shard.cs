using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>One endpoint with all its connections, driven one step at a time by whoever has the thread and the clock.</summary>
/// <remarks>
/// A step: posted work; what arrived; timers; handshake requests; the owners' events; what is urgent and was posted meanwhile; then sending, until there is nothing to send or the
/// network's queue is full. Everything here, and everything of its connections, belongs to the thread that steps; other threads call
/// <see cref="Post"/> and <see cref="PostAtOnce"/> alone. A shard has no clock and no thread, so a simulator steps the very code that serves
/// (see <see cref="ShardThread"/>). A lent thread runs no code that is not ours: its step ends in front of work that may (<see cref="IShardWork.MayBeLent"/>),
/// and asks nobody to sign.
/// </remarks>
internal sealed class Shard
{
    private static readonly TimeSpan s_blockedWait = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan s_wallClockInterval = TimeSpan.FromMilliseconds(250);

    private const int MaxFlushTries = 20;

    /// <summary>Faults of ours that the host is told of, a second. Who knows how to cause one may not fill its log as well.</summary>
    public const int MaxFaultsTold = 10;

    /// <summary>Urgent work in one step: what was posted while owners were told, and what that has posted. An answer to all that they were told is in the second.</summary>
    private const int MaxRounds = 2;

    private readonly ICryptoHost _crypto;
    private readonly Func<Connection, IConnectionOwner> _accept;
    private readonly ShardOptions _options;
    private readonly WorkQueue _work = new();
    private readonly ReceiveBatch _batch = new();
    private readonly Dictionary<Connection, IConnectionOwner> _owners = new(ReferenceEqualityComparer.Instance);
    private readonly Queue<Connection> _marked = new();
    private readonly AnswerBudget _faultsTold = new(MaxFaultsTold);
    private byte[] _sendBuffer;
    private Transmit _blocked;
    private bool _isBlocked;
    private Instant _steppedAt;
    private Instant? _tellsTimeAt;
    private IReadOnlyList<IShardWork> _running = [];
    private int _ran;
    private long _faults;

    /// <param name="endpoint">Whose datagrams and connections they are.</param>
    /// <param name="channel">Where the datagrams come from and go to; it stays the caller's.</param>
    /// <param name="crypto">Answers handshakes, unless the connection's owner does.</param>
    /// <param name="accept">Gives a new connection of a client its owner.</param>
    /// <param name="options">Null for the defaults.</param>
    public Shard(Endpoint endpoint, IDatagramChannel channel, ICryptoHost crypto, Func<Connection, IConnectionOwner> accept, ShardOptions? options = null)
    {
        Endpoint = endpoint;
        Channel = channel;
        _crypto = crypto;
        _accept = accept;
        _options = options ?? ShardOptions.Default;
        _sendBuffer = PinnedBuffers.Rent(_options.SendBuffer);
    }

    public Endpoint Endpoint { get; }

    public IDatagramChannel Channel { get; }

    /// <summary>Connections that have an owner.</summary>
    public int Connections => _owners.Count;

    /// <summary>Connections that a fault of ours has ended (<see cref="EndpointOptions.ContainsFaults"/>). From any thread.</summary>
    public long Faults => Volatile.Read(ref _faults);

    /// <summary>When to step at the latest, if nothing arrives and nothing is posted before.</summary>
    /// <remarks>While the network's queue is full, connections are ready but cannot send: then the channel's wait ends when there is room.</remarks>
    public Instant Deadline => _isBlocked ? _steppedAt + s_blockedWait : Endpoint.Deadline;

    /// <summary>Has work done in the next step. Thread-safe.</summary>
    /// <returns>False when the shard has stopped: the work will not run.</returns>
    public bool Post(IShardWork work)
    {
        if (!_work.TryAdd(work))
        {
            return false;
        }

        Channel.Wake();
        return true;
    }

    /// <summary>The present step is made by a thread that is lent. In a step only.</summary>
    public bool IsLent { get; private set; }

    /// <summary>Steps on the caller's thread, when nobody is in a step; null while the shard has no thread of its own.</summary>
    public Func<bool>? StepAtOnce { get; set; }

    /// <summary>As <see cref="Post"/>, and the step is made at once, on the caller's thread, if the shard's own waits. Thread-safe.</summary>
    /// <remarks>For what must not wait for another thread, and is short. The caller may be in a step of this or of another shard, and must hold no lock.</remarks>
    public bool PostAtOnce(IShardWork work)
    {
        if (!_work.TryAdd(work, isUrgent: true))
        {
            return false;
        }

        if (StepAtOnce?.Invoke() != true)
        {
            Channel.Wake();
        }

        return true;
    }

    /// <summary>Who gets the connection's events from now on. In the shard's thread only.</summary>
    public void SetOwner(Connection connection, IConnectionOwner owner)
    {
        SetOwnerQuietly(connection, owner);
        MarkActive(connection);
    }

    /// <summary>As <see cref="SetOwner"/>, but the owner is not called before something happens.</summary>
    public void SetOwnerQuietly(Connection connection, IConnectionOwner owner) => _owners[connection] = owner;

    /// <summary>That many owners are about to be set.</summary>
    public void ExpectOwners(int count) => _owners.EnsureCapacity(_owners.Count + count);

    /// <summary>Forgets the owner, as of a connection that has moved away.</summary>
    public void RemoveOwner(Connection connection) => _owners.Remove(connection);

    /// <summary>Has the owner look at the connection in this step, although nothing arrived for it.</summary>
    public void MarkActive(Connection connection) => _marked.Enqueue(connection);

    /// <param name="now">The time.</param>
    /// <param name="isLent">By a thread that is not the shard's own.</param>
    /// <returns>Whether there is more to do at once: step again without waiting.</returns>
    public bool Step(Instant now, bool isLent = false)
    {
        IsLent = isLent;
        if (_options.WallClock is Func<long> wallClock && (_tellsTimeAt is not Instant due || now >= due))
        {
            // Coarse is enough: it counts seconds.
            _tellsTimeAt = now + s_wallClockInterval;
            Endpoint.WallClock = wallClock();
        }

        _steppedAt = now;
        Endpoint.Now = now;
        RunWork(now);
        bool mayHaveMore = Receive(now);
        Endpoint.Tick(now);
        Serve(now);
        for (int rounds = 0; _work.IsUrgent && rounds < MaxRounds; rounds++)
        {
            // An owner's answer, most of the time: it goes out together with the acknowledgement of what the owner was told.
            RunWork(now);
            Serve(now);
        }

        return Send(now) | mayHaveMore | _marked.Count > 0 | _work.IsUrgent | _ran < _running.Count;
    }

    /// <summary>Sends what there is to say at once, in the middle of a step: the last words of connections that are about to go.</summary>
    public void SendNow(Instant now) => _ = Send(now);

    /// <summary>Before a freeze: nothing that is sealed may stay behind. What the network does not take soon is lost, as datagrams are.</summary>
    public void Flush()
    {
        for (int tries = 0; _isBlocked && tries < MaxFlushTries; tries++)
        {
            Channel.Wait(s_blockedWait);
            _isBlocked = !Channel.TrySend(_sendBuffer, _blocked);
        }

        if (_isBlocked)
        {
            _isBlocked = false;
            Channel.Forget();
        }
    }

    /// <summary>Ends the shard: runs what was posted before, refuses the rest, sends, and tells the owners. The last call, in the shard's thread.</summary>
    public void Stop(Instant now)
    {
        IsLent = false;
        _work.Close();
        RunWork(now);
        Serve(now);
        _ = Send(now);
        TellFaults(now);
        TellOwners(null);
    }

    /// <summary>Ends the shard after a fault of ours: nothing in it is trusted any more, but its owners are told.</summary>
    public void Abandon(Exception fault)
    {
        _work.Close();
        TellOwners(fault);
        // The rest of the list at hand, behind the work that failed if one did, and what came since.
        AbandonWork(fault);
        _running = _work.Take();
        _ran = 0;
        AbandonWork(fault);
    }

    /// <summary>Gives the buffers to shards to come. After <see cref="Stop"/> or <see cref="Abandon"/>, when its channel is closed and nobody steps it any more.</summary>
    public void Release()
    {
        _batch.Release();
        (byte[] buffer, _sendBuffer) = (_sendBuffer, []);
        if (buffer.Length > 0)
        {
            PinnedBuffers.Return(buffer);
        }
    }

    private void TellOwners(Exception? fault)
    {
        foreach (IConnectionOwner owner in _owners.Values)
        {
            owner.OnShardStopped(fault);
        }

        foreach (Connection connection in Endpoint.Connections)
        {
            // Nobody comes back to end their traces.
            connection.Parts.Observer?.OnReleased();
        }

        _owners.Clear();
    }

    private void RunWork(Instant now)
    {
        TellFaults(now);
        // First what a lent step has left.
        if (TryRun(now))
        {
            _running = _work.Take();
            _ran = 0;
            _ = TryRun(now);
        }
    }

    /// <returns>Whether the list at hand is done.</returns>
    private bool TryRun(Instant now)
    {
        while (_ran < _running.Count)
        {
            if (IsLent && !_running[_ran].MayBeLent)
            {
                return false;
            }

            IShardWork work = _running[_ran++];
            try
            {
                work.Run(now);
            }
            catch (Exception fault) when (work.Connection is not null && Endpoint.Contains(fault))
            {
                Endpoint.Abandon(work.Connection, fault);
                TellFaults(now);
                // Copies, as what a closure holds is made anew for each piece of work, struck or not.
                (IShardWork struck, Exception why) = (work, fault);
                Contain(() => struck.Abandon(why));
            }
        }

        return true;
    }

    private void AbandonWork(Exception fault)
    {
        while (_ran < _running.Count)
        {
            _running[_ran++].Abandon(fault);
        }
    }

    /// <returns>Whether the bound was reached, so that more may be waiting.</returns>
    private bool Receive(Instant now)
    {
        int batches = 0;
        while (batches < _options.MaxBatches && Channel.TryReceive(_batch))
        {
            batches++;
            foreach (ReceiveBatch.Datagram datagram in _batch)
            {
                Span<byte> bytes = datagram.Bytes;
                NetworkPath path = datagram.Path;
                Ecn ecn = datagram.Ecn;
                if (Channel.TryUnwrap(ref bytes, ref path, ref ecn))
                {
                    _ = Endpoint.OnDatagram(bytes, path, ecn, now);
                }
            }
        }

        if (_options.Strays is StrayQueue queue)
        {
            // It bounds itself. They have been unwrapped where they arrived.
            foreach (ref readonly StrayQueue.Stray stray in queue.Take(out Span<byte> bytes))
            {
                _ = Endpoint.OnDatagram(bytes.Slice(stray.Start, stray.Length), stray.Path, stray.Ecn, now);
            }
        }

        // Behind what has arrived: where somebody answers, that is what counts.
        while (Channel.TryTakeRefusal(out UdpAddress remote))
        {
            Endpoint.OnRefused(remote, now);
        }

        return batches == _options.MaxBatches;
    }

    private void Serve(Instant now)
    {
        while (Endpoint.TryTakeAccepted(out Connection? accepted))
        {
            _owners[accepted] = _accept(accepted);
            MarkActive(accepted);
        }

        for (int marked = _marked.Count; marked > 0; marked--)
        {
            ServeContained(_marked.Dequeue(), now);
        }

        // A connection that its owner has called is active again, and is asked again: until there is nothing new.
        while (Endpoint.TryTakeActive(out Connection? active))
        {
            ServeContained(active, now);
        }

        TellFaults(now);
    }

    /// <summary>Before anything else is asked of a connection that has been struck: what is left of it is not to be touched.</summary>
    private void TellFaults(Instant now)
    {
        while (Endpoint.TryTakeFault(out ConnectionFault fault))
        {
            OnFault(fault, now);
        }
    }

    /// <summary>What an owner makes of its connection's events is its connection's as well: a fault in it ends that one alone.</summary>
    private void ServeContained(Connection connection, Instant now)
    {
        try
        {
            Serve(connection, now);
        }
        catch (Exception fault) when (Endpoint.Contains(fault))
        {
            Endpoint.Abandon(connection, fault);
        }
    }

    /// <summary>A fault of ours has ended a connection: its owner is told as of one that is lost, and the host, within limits.</summary>
    private void OnFault(in ConnectionFault fault, Instant now)
    {
        Volatile.Write(ref _faults, _faults + 1);
        _ = _owners.Remove(fault.Connection, out IConnectionOwner? owner);
        Exception exception = fault.Exception;
        Connection connection = fault.Connection;
        Contain(() => owner?.OnFault(connection, exception));
        if (_faultsTold.TryTake(now))
        {
            Contain(() => _options.OnFault?.Invoke(Io.Faults.Contained(exception)));
        }
    }

    /// <summary>What becomes of the news of a fault is no reason to end all others.</summary>
    private void Contain(Action tell)
    {
        try
        {
            tell();
        }
        catch (Exception again) when (Endpoint.Contains(again))
        {
            // That of which it told is known already.
        }
    }

    private void Serve(Connection connection, Instant now)
    {
        if (connection.IsFrozen || connection.Registration is null)
        {
            // It stands still, or is not this shard's any more.
            return;
        }

        _ = _owners.TryGetValue(connection, out IConnectionOwner? owner);

        ICryptoHost host = owner?.Crypto ?? _crypto;
        while (connection.TryTakeRequest(out CryptoRequest? request))
        {
            if (owner?.TryTake(request) == true)
            {
                continue;
            }

            // Keys may be far away, and a lent thread does not wait for them.
            if (_options.OffloadCrypto || IsLent)
            {
                _ = ThreadPool.UnsafeQueueUserWorkItem(new CryptoJob(this, connection, request, host), preferLocal: false);
            }
            else
            {
                connection.OnAnswer(CryptoWorker.Answer(request, host), now);
            }
        }

        owner?.OnEvents(connection, now);
        if (connection.IsClosed)
        {
            _ = _owners.Remove(connection);
            Endpoint.RemoveIfClosed(connection);
        }
    }

    /// <returns>Whether the bound was reached, so that there may be more to send.</returns>
    private bool Send(Instant now)
    {
        if (_isBlocked)
        {
            _isBlocked = !Channel.TrySend(_sendBuffer, _blocked);
        }

        for (int sends = 0; !_isBlocked; sends++)
        {
            if (sends == _options.MaxSends)
            {
                return true;
            }

            // The endpoint gives each connection that has something to say one turn, round and round.
            if (!Endpoint.TryTransmit(_sendBuffer, Channel.Headroom, now, out Transmit transmit))
            {
                return false;
            }

            if (!Channel.TrySend(_sendBuffer, transmit))
            {
                _blocked = transmit;
                _isBlocked = true;
            }
        }

        // The channel's wait ends when there is room.
        return false;
    }
}
