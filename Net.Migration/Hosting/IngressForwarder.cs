using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>What the control side tells the router. From any thread; when a call returns, it holds for every datagram that leaves from then on.</summary>
internal interface IIngressRoutes
{
    void OnMember(NodeInfo node, bool isAlive);

    void OnRecord(OwnershipRecord record);

    void OnSynchronized();

    bool HoldInitials(string component, ulong epoch, bool hold);

    /// <summary>Nothing below this epoch passes any more, nor is on its way to a socket.</summary>
    ulong Fence(uint shard);

    /// <summary>Tags datagrams with the current key from now on, takes those of the whole ring, and reads connection IDs of these generations.</summary>
    void UseKeys(RouterKeys keys);
}

/// <summary>The ingress's two sockets, its two threads (one per direction), and the router between them.</summary>
/// <remarks>
/// The router is asked under one lock, held per batch. What it lets go is sent when the lock is free again, behind its header, short bodies as a copy and others from
/// where they were received, but in the order of the decisions (<see cref="IngressOutbox"/>). The public socket is open until the end: a datagram for nobody is dropped in
/// silence, and no client ever sees an ICMP message.
/// </remarks>
internal sealed class IngressForwarder : IIngressRoutes, IDisposable
{
    /// <summary>Room for so many bursts of 64 KiB at once: what is small comes 32 at a time. Only what is used takes memory.</summary>
    private const int ReceiveCapacity = 32 * ReceiveBatch.ReservationSize;

    /// <summary>What is shorter is copied: the system looks at each piece.</summary>
    private const int MinPiece = 256;

    /// <summary>Batches that nodes have sent before they fell silent: far more than the socket holds.</summary>
    private const int MaxLastBatches = 64;

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly IDatagramChannel _public;
    private readonly IDatagramChannel _nodes;
    private readonly Router _router;
    private readonly IngressTags _writeTags;
    private readonly IngressTags _readTags;
    private readonly Lock _routerLock = new();
    private readonly Lock _publicLock = new();
    private readonly Lock _nodesLock = new();
    private readonly Outboxes _fromClients;
    private readonly Outboxes _fromNodes;
    private readonly Outboxes _fromControl;
    private readonly Thread _publicThread;
    private readonly Thread _nodeThread;
    private readonly TaskCompletionSource _faulted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isPublicStopping;
    private volatile bool _isNodeStopping;

    /// <param name="publicChannel">Clients' side; owned from here on.</param>
    /// <param name="nodeChannel">Nodes' side; owned from here on.</param>
    public IngressForwarder(IDatagramChannel publicChannel, IDatagramChannel nodeChannel, RouterOptions options, RouterKeys keys)
    {
        _public = publicChannel;
        _nodes = nodeChannel;
        _router = new(options, ProtectionSuites.Default, keys.Shards, RandomWord(), RandomWord());
        _writeTags = new(keys.Tags, RandomWord(), RandomWord());
        _readTags = new(keys.Tags, RandomWord(), RandomWord());
        _fromClients = NewOutboxes();
        _fromNodes = NewOutboxes();
        _fromControl = NewOutboxes();
        _publicThread = new(() => Guard(RunPublic)) { IsBackground = true, Name = "ingress public" };
        _nodeThread = new(() => Guard(RunNodes)) { IsBackground = true, Name = "ingress nodes" };
    }

    public UdpAddress PublicAddress => _public.Local;

    public UdpAddress NodeAddress => _nodes.Local;

    /// <summary>Told of a shard of which a node has named an epoch that is not known here; once per epoch, from any thread, under the router's lock.</summary>
    public Action<uint>? Unconfirmed { get; set; }

    /// <summary>Faults when a thread dies, which is a fault of ours; else it never ends.</summary>
    public Task Faulted => _faulted.Task;

    /// <param name="kept">What the ingress that had the public socket before has read from it, and nobody has got: it comes before everything else.</param>
    public void Start(IReadOnlyList<HeldDatagram> kept)
    {
        OnKept(kept, MonotonicClock.Now);
        _publicThread.Start();
        _nodeThread.Start();
    }

    /// <summary>Reads from clients no more: what they send waits in the public socket for whoever reads from it next. Nodes still reach them.</summary>
    public void StopPublic()
    {
        _isPublicStopping = true;
        Stop(_public, _publicThread);
    }

    /// <summary>Behind <see cref="StopPublic"/>, when nodes have fallen silent: what they have sent goes on its way.</summary>
    /// <returns>Clients' datagrams that wait here: they are for whoever reads from the public socket next.</returns>
    public IReadOnlyList<HeldDatagram> StopNodes()
    {
        _isNodeStopping = true;
        Stop(_nodes, _nodeThread);
        ReceiveBatch batch = new(ReceiveCapacity);
        for (int i = 0; i < MaxLastBatches && _nodes.TryReceive(batch); i++)
        {
            OnNodes(batch, MonotonicClock.Now);
        }

        lock (_routerLock)
        {
            return _router.TakeHeld();
        }
    }

    public void OnMember(NodeInfo node, bool isAlive) => Change(_ => _router.OnMember(node, isAlive));

    public void OnRecord(OwnershipRecord record) => Change(now => _router.OnRecord(record, now));

    public void OnSynchronized() => Change(_router.OnSynchronized);

    public bool HoldInitials(string component, ulong epoch, bool hold)
    {
        FaultPoints.At("directory:quiescing", component);
        bool isDone = false;
        Change(_ => isDone = _router.HoldInitials(component, epoch, hold));
        return isDone;
    }

    public ulong Fence(uint shard)
    {
        ulong fence = 0;
        Change(_ => fence = _router.Fence(shard));
        return fence;
    }

    public void UseKeys(RouterKeys keys) => Change(_ =>
    {
        _router.UseKeys(keys.Shards);
        _writeTags.Use(keys.Tags);
        _readTags.Use(keys.Tags);
    });

    /// <summary>What was dropped and held so far.</summary>
    public RouterCounters Counters()
    {
        lock (_routerLock)
        {
            return _router.Counters with { };
        }
    }

    /// <summary>Datagrams that full sockets did not take so far. From any thread.</summary>
    public long Unsent() => _fromClients.Lost + _fromNodes.Lost + _fromControl.Lost;

    public void Dispose()
    {
        (_isPublicStopping, _isNodeStopping) = (true, true);
        Stop(_public, _publicThread);
        Stop(_nodes, _nodeThread);
        // Both are closed after both threads: each sends by either.
        _nodes.Dispose();
        _public.Dispose();
    }

    private static void Stop(IDatagramChannel channel, Thread thread)
    {
        channel.Wake();
        if (!thread.ThreadState.HasFlag(ThreadState.Unstarted))
        {
            thread.Join();
        }
    }

    private static ulong RandomWord() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private static ulong Microseconds(Instant now) => (ulong)(now.Ticks / TimeSpan.TicksPerMicrosecond);

    private Outboxes NewOutboxes() => new(new(_nodes, _nodesLock), new(_public, _publicLock));

    /// <summary>A change of the routes; whatever was decided before it has left when this returns.</summary>
    private void Change(Action<Instant> change)
    {
        lock (_fromControl)
        {
            _routerLock.Enter();
            try
            {
                change(MonotonicClock.Now);
                TakeOutputs(_fromControl);
                _fromControl.Seal(evenWhenEmpty: true);
            }
            finally
            {
                _routerLock.Exit();
            }

            _fromControl.SendSealed();
        }
    }

    private void RunPublic()
    {
        ReceiveBatch batch = new(ReceiveCapacity);
        Instant nextTick = MonotonicClock.Now + s_tick;
        while (!_isPublicStopping)
        {
            bool any = _public.Receive(batch, s_tick);
            Instant now = MonotonicClock.Now;
            if (any)
            {
                OnClients(batch, now);
            }

            if (now >= nextTick)
            {
                nextTick = now + s_tick;
                Change(_router.Tick);
            }
        }
    }

    private void OnClients(ReceiveBatch batch, Instant now)
    {
        ulong time = Microseconds(now);
        _routerLock.Enter();
        try
        {
            foreach (ReceiveBatch.Datagram datagram in batch)
            {
                OnClient(datagram.Path, datagram.Ecn, time, datagram.Bytes, datagram.Piece, now);
            }

            _fromClients.Seal();
        }
        finally
        {
            _routerLock.Exit();
        }

        _fromClients.SendSealed();
    }

    private void OnKept(IReadOnlyList<HeldDatagram> kept, Instant now)
    {
        _routerLock.Enter();
        try
        {
            foreach (HeldDatagram datagram in kept)
            {
                OnClient(new(datagram.Client, datagram.Public, 0), datagram.Ecn, datagram.ReceiveMicroseconds, datagram.Bytes, default, now);
            }

            _fromClients.Seal();
        }
        finally
        {
            _routerLock.Exit();
        }

        _fromClients.SendSealed();
    }

    /// <summary>Under the router's lock.</summary>
    private void OnClient(in NetworkPath path, Ecn ecn, ulong time, ReadOnlySpan<byte> bytes, SendPiece piece, Instant now)
    {
        Route route = _router.OnClient(path.Remote, path.Local, ecn, time, bytes, now);
        if (route.Verdict is RouteVerdict.Forward)
        {
            ToNode(_fromClients, route.Node, route.HeaderFor(path, ecn, time), bytes, piece);
        }

        TakeOutputs(_fromClients);
    }

    private void RunNodes()
    {
        ReceiveBatch batch = new(ReceiveCapacity);
        while (!_isNodeStopping)
        {
            if (_nodes.Receive(batch, s_tick))
            {
                OnNodes(batch, MonotonicClock.Now);
            }
        }
    }

    private void OnNodes(ReceiveBatch batch, Instant now)
    {
        _routerLock.Enter();
        try
        {
            IngressHeader header = default;
            ReadOnlySpan<byte> alike = default;
            foreach (ReceiveBatch.Datagram datagram in batch)
            {
                Span<byte> bytes = datagram.Bytes;
                // With the same header as the datagram before, which went to its client, it is told the same.
                if (alike.IsEmpty || !IngressTags.IsAlike(bytes, alike))
                {
                    alike = default;
                    if (!_readTags.TryOpen(bytes, out header))
                    {
                        continue;
                    }

                    if (_router.OnNode(header, bytes[IngressHeader.Length..], now) is RouteVerdict.Forward)
                    {
                        alike = bytes;
                    }

                    TakeOutputs(_fromNodes);
                }

                if (!alike.IsEmpty)
                {
                    ToClient(_fromNodes, header, bytes[IngressHeader.Length..], datagram.Piece);
                }
            }

            _fromNodes.Seal();
        }
        finally
        {
            _routerLock.Exit();
        }

        _fromNodes.SendSealed();
    }

    /// <summary>Under the router's lock: what was held goes before what comes.</summary>
    private void TakeOutputs(Outboxes outboxes)
    {
        while (_router.TryTakeOutput(out RouterOutput output))
        {
            switch (output.Kind)
            {
                case RouterOutputKind.ToNode:
                    ToNode(outboxes, output.Node, output.Header, output.Bytes.Span);
                    break;
                case RouterOutputKind.ToClient:
                    ToClient(outboxes, output.Header, output.Bytes.Span);
                    break;
                default:
                    // A directory in this process has its every record here before anybody hears of it; another one may be ahead.
                    Unconfirmed?.Invoke(output.Header.Shard);
                    break;
            }
        }
    }

    /// <param name="piece">The body, where it stays until it is sent; none: it is copied.</param>
    private void ToNode(Outboxes outboxes, UdpAddress node, in IngressHeader header, ReadOnlySpan<byte> body, SendPiece piece = default)
    {
        if (IngressHeader.Length + body.Length > IngressOutbox.MaxBurst)
        {
            return;
        }

        if (body.Length < MinPiece)
        {
            piece = default;
        }

        Span<byte> room = outboxes.ToNodes.Add(new(node, default, 0), Ecn.NotEct, IngressHeader.Length + body.Length - piece.Length, piece);
        body[..(body.Length - piece.Length)].CopyTo(room[IngressHeader.Length..]);
        _writeTags.Write(room, header);
    }

    /// <inheritdoc cref="ToNode"/>
    private static void ToClient(Outboxes outboxes, in IngressHeader header, ReadOnlySpan<byte> body, SendPiece piece = default)
    {
        if (body.Length is 0 or > IngressOutbox.MaxBurst)
        {
            return;
        }

        NetworkPath path = new(header.Client, header.Public, 0);
        if (body.Length < MinPiece || piece.Length == 0)
        {
            body.CopyTo(outboxes.ToClients.Add(path, header.Ecn, body.Length));
        }
        else
        {
            _ = outboxes.ToClients.Add(path, header.Ecn, 0, piece.Skip(IngressHeader.Length));
        }
    }

    private void Guard(Action run)
    {
        try
        {
            run();
        }
#pragma warning disable CA1031 // Half an ingress is none: whoever waits for Faulted ends it, with the reason.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _ = _faulted.TrySetException(fault);
        }
    }

    /// <summary>One thread's outboxes. Their sockets are always locked in the same order.</summary>
    private sealed record Outboxes(IngressOutbox ToNodes, IngressOutbox ToClients)
    {
        public long Lost => ToNodes.Lost + ToClients.Lost;

        public void Seal(bool evenWhenEmpty = false)
        {
            ToNodes.Seal(evenWhenEmpty);
            ToClients.Seal(evenWhenEmpty);
        }

        public void SendSealed()
        {
            ToClients.SendSealed();
            ToNodes.SendSealed();
        }
    }
}
