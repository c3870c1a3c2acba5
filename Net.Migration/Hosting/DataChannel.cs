using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Ingress;

namespace Net.Migration.Hosting;

/// <summary>What a node does with its component's datagrams.</summary>
internal enum DataMode
{
    /// <summary>Owns nothing: what comes goes back to the ingress, once.</summary>
    Idle,

    /// <summary>A snapshot is being received, or stands by: what comes early is kept.</summary>
    Standby,

    /// <summary>Owns the component.</summary>
    Serving,

    /// <summary>Owns it, and neither sends nor processes.</summary>
    Frozen,
}

/// <summary>A node's way to its clients: each datagram carries the ingress's header, with epoch and tag. On its shard's thread only.</summary>
/// <remarks>
/// Behind 80 bytes of headroom the packetizer's batch is the datagrams' batch: one GSO send out, one GRO batch in, nothing is copied.
/// Nothing leaves while the node does not own the component, or while its <see cref="SendLease"/> has run out.
/// </remarks>
internal sealed class DataChannel(IDatagramChannel socket, IngressTags tags, uint shard, IComponentRunner runner) : IDatagramChannel
{
    /// <summary>Datagrams kept while frozen or standing by; more are lost, as datagrams are.</summary>
    public const int MaxHeld = 4096;

    /// <summary>Datagrams kept of ingresses that have not introduced themselves; one more, and the oldest is lost, as datagrams are.</summary>
    public const int MaxStrangers = 256;

    /// <summary>Addresses that ingresses have had before; with one more, none of them is known any longer.</summary>
    public const int MaxFormer = 16;

    private const int MaxTries = 20;

    private static readonly TimeSpan s_blockedWait = TimeSpan.FromMilliseconds(1);

    private readonly Dictionary<uint, UdpAddress> _ingresses = [];
    private readonly Dictionary<UdpAddress, uint> _former = [];
    private readonly UnsentDatagrams _unsent = new();
    private readonly List<Held> _held = [];
    private readonly List<Held> _strangers = [];
    private ulong _marker;
    private bool _awaitsIngress;

    /// <summary>The socket remembers how far a transmit has come, which will not go on.</summary>
    private bool _isInterrupted;

    public DataMode Mode { get; private set; }

    public ulong Epoch { get; private set; }

    /// <summary>Until when the directory is known to count this node among the living. Until it was told, nothing leaves.</summary>
    public Instant LeaseEnd
    {
        get;
        set
        {
            field = value;
            SendUnsent();
        }
    } = new(long.MinValue);

    /// <summary>When the latest datagram went to the endpoint.</summary>
    public Instant LastReceived { get; private set; }

    /// <summary>Called once, for the first datagram that goes to the endpoint.</summary>
    public Action<Instant>? OnFirstReceived { get; set; }

    public UdpAddress Local => socket.Local;

    public int Headroom => IngressHeader.Length;

    public int HeldCount => _held.Count;

    /// <summary>Bytes of clients' datagrams that went to the endpoint. From any thread.</summary>
    public ulong BytesIn { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Bytes of datagrams that have left for clients. From any thread.</summary>
    public ulong BytesOut { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>The federation's keys have rotated.</summary>
    public void UseTags(Link.KeyRing keys) => tags.Use(keys);

    /// <summary>An ingress has introduced itself.</summary>
    /// <param name="receive">Takes what it has sent before; null: nothing can have come yet.</param>
    /// <remarks>
    /// An ingress that has been started again passes on what it holds as soon as it knows the node, and its welcome goes by another way. A connection that
    /// began with a datagram of nobody would answer to nobody.
    /// </remarks>
    public void SetIngress(uint number, UdpAddress address, ReceiveHandler? receive = null)
    {
        if (_ingresses.TryGetValue(number, out UdpAddress former) && former != address)
        {
            // What it has sent from there is in the socket's queue, perhaps, and is as good as before.
            if (_former.Count == MaxFormer)
            {
                _former.Clear();
            }

            _former[former] = number;
        }

        _ingresses[number] = address;
        _awaitsIngress = false;
        SendUnsent();
        if (receive is not null && Mode == DataMode.Serving)
        {
            ReplayStrangers(receive);
        }
    }

    /// <summary>The ingress is about to end, and another one comes in its place: what is sent from here on waits for that one.</summary>
    public void AwaitIngress() => _awaitsIngress = true;

    /// <summary>Changes what is done from the next datagram on.</summary>
    public void Enter(DataMode mode, ulong epoch)
    {
        if (epoch != Epoch || mode is DataMode.Idle or DataMode.Standby)
        {
            // Nothing of this epoch passes any more.
            _unsent.Clear();
        }

        Mode = mode;
        Epoch = epoch;
    }

    /// <summary>Tells every ingress to buffer from here on (or to stop it): the last word before a freeze, behind all datagrams.</summary>
    public void SendMarker(bool resume, ulong epoch)
    {
        byte[] marker = tags.WriteMarker(resume ? IngressDatagram.ResumeMarker : IngressDatagram.Marker, shard, epoch, ++_marker);
        foreach (UdpAddress ingress in _ingresses.Values)
        {
            // A lost one costs little: what the ingress still passes on is kept here, and a failed move lets it go on over the control link too.
            SendPatiently(marker, new(new(ingress, Local, 0), marker.Length, 1, marker.Length, Ecn.NotEct));
        }
    }

    private void SendPatiently(Span<byte> buffer, in Transmit transmit)
    {
        EndInterrupted();
        for (int tries = 0; tries < MaxTries; tries++)
        {
            if (socket.TrySend(buffer, transmit))
            {
                return;
            }

            socket.Wait(s_blockedWait);
        }

        _isInterrupted = true;
        EndInterrupted();
    }

    /// <summary>An empty transmit ends the interrupted one: what the socket remembers of it must not count for the next.</summary>
    private void EndInterrupted()
    {
        if (_isInterrupted)
        {
            _isInterrupted = false;
            _ = socket.TrySend([], new(new(Local, Local, 0), 0, 1, 0, Ecn.NotEct));
        }
    }

    /// <summary>What has waited for an ingress, as soon as there is one and the lease allows it.</summary>
    private void SendUnsent()
    {
        while (!_unsent.IsEmpty && !_awaitsIngress && Mode == DataMode.Serving && runner.Now < LeaseEnd
            && _unsent.TryTake(out byte[] bytes, out Transmit transmit))
        {
            SendPatiently(bytes, To(_ingresses[transmit.Path.Ingress], transmit));
        }
    }

    public bool TryReceive(ReceiveBatch batch) => socket.TryReceive(batch);

    public bool TryUnwrap(ref Span<byte> datagram, ref NetworkPath path, ref Ecn ecn)
    {
        if (!tags.TryOpen(datagram, out IngressHeader header) || header.IsMarker || header.Shard != shard)
        {
            return false;
        }

        if (Mode == DataMode.Serving)
        {
            uint number = NumberOf(path.Remote);
            if (number == 0)
            {
                KeepStranger(new(datagram.ToArray(), header, path));
                return false;
            }

            Accept(ref datagram, header, number, ref path, ref ecn);
            return true;
        }

        // While frozen as well: it came to the ingress before the marker, so it has to wait there in front of what comes behind the marker.
        // What was handed back before is kept here.
        if (Mode == DataMode.Idle || (Mode == DataMode.Frozen && header.Type == IngressDatagram.Data))
        {
            HandBack(datagram, header, path.Remote);
        }
        else if (_held.Count < MaxHeld)
        {
            _held.Add(new(datagram.ToArray(), header, path));
        }

        return false;
    }

    /// <summary>Gives what was kept to the endpoint, in the order of its arrival.</summary>
    public void Replay(ReceiveHandler receive)
    {
        ReplayStrangers(receive);
        foreach (Held held in _held)
        {
            Replay(held, receive);
        }

        _held.Clear();
    }

    private void ReplayStrangers(ReceiveHandler receive)
    {
        Held[] strangers = [.. _strangers];
        _strangers.Clear();
        foreach (Held held in strangers)
        {
            Replay(held, receive);
        }
    }

    private void Replay(Held held, ReceiveHandler receive)
    {
        uint number = NumberOf(held.Path.Remote);
        if (number == 0)
        {
            KeepStranger(held);
            return;
        }

        Span<byte> datagram = held.Bytes;
        NetworkPath path = held.Path;
        Ecn ecn = default;
        Accept(ref datagram, held.Header, number, ref path, ref ecn);
        receive(datagram, path, ecn);
    }

    private void KeepStranger(Held held)
    {
        if (_strangers.Count == MaxStrangers)
        {
            // Perhaps of one that is gone, and never will.
            _strangers.RemoveAt(0);
        }

        _strangers.Add(held);
    }

    /// <summary>Another node owns the component: what was kept is its.</summary>
    public void HandBackHeld()
    {
        foreach (Held held in _strangers.Concat(_held))
        {
            HandBack(held.Bytes, held.Header, held.Path.Remote);
        }

        _strangers.Clear();
        _held.Clear();
    }

    public bool TrySend(Span<byte> buffer, in Transmit transmit)
    {
        bool mayLeave = Mode == DataMode.Serving
            && runner.Now < LeaseEnd
            && _ingresses.ContainsKey(transmit.Path.Ingress);
        if (!mayLeave)
        {
            EndInterrupted();
            return true;
        }

        int stride = transmit.SegmentSize + Headroom;
        IngressHeader header = new()
        {
            Type = IngressDatagram.Data,
            Epoch = Epoch,
            Shard = shard,
            Client = transmit.Path.Remote,
            Public = transmit.Path.Local,
            Ecn = transmit.Ecn,
        };
        tags.Write(buffer, header);
        for (int at = stride; at < transmit.Length; at += stride)
        {
            buffer[..Headroom].CopyTo(buffer[at..]);
        }

        SendUnsent();
        if (_awaitsIngress || !_unsent.IsEmpty)
        {
            // Whole, as what has left of it went to the ingress before: a client may get it twice, which costs nothing.
            EndInterrupted();
            _unsent.Keep(buffer, transmit);
        }
        else
        {
            _isInterrupted = !socket.TrySend(buffer, To(_ingresses[transmit.Path.Ingress], transmit));
            if (_isInterrupted)
            {
                return false;
            }
        }

        BytesOut += (ulong)(transmit.Length - (transmit.Segments * Headroom));
        return true;
    }

    public void Forget() => EndInterrupted();

    public void Wait(TimeSpan timeout) => socket.Wait(timeout);

    public void Wake() => socket.Wake();

    public void Dispose() => socket.Dispose();

    /// <param name="number">Of the ingress that it came from.</param>
    private void Accept(ref Span<byte> datagram, in IngressHeader header, uint number, ref NetworkPath path, ref Ecn ecn)
    {
        path = new(header.Client, header.Public, number);
        ecn = header.Ecn;
        datagram = datagram[IngressHeader.Length..];
        BytesIn += (ulong)datagram.Length;
        LastReceived = runner.Now;
        if (OnFirstReceived is { } first)
        {
            OnFirstReceived = null;
            first(LastReceived);
        }
    }

    /// <summary>As the socket has to cut it.</summary>
    private Transmit To(UdpAddress ingress, in Transmit transmit) =>
        transmit with { Path = new(ingress, Local, 0), SegmentSize = transmit.SegmentSize + Headroom };

    private uint NumberOf(UdpAddress ingress)
    {
        foreach ((uint number, UdpAddress address) in _ingresses)
        {
            if (address == ingress)
            {
                return number;
            }
        }

        return _former.GetValueOrDefault(ingress);
    }

    /// <summary>To the ingress that it came from, where that is now: whoever routed it knows its client, and has held what came behind it.</summary>
    private void HandBack(ReadOnlySpan<byte> datagram, in IngressHeader header, UdpAddress ingress)
    {
        // What was handed back once is not handed back again: two nodes that both think the other owns it would play ping-pong.
        if (header.Type != IngressDatagram.Data)
        {
            return;
        }

        byte[] back = datagram.ToArray();
        tags.Write(back, header with { Type = IngressDatagram.HandBack });
        EndInterrupted();
        UdpAddress to = _former.TryGetValue(ingress, out uint number) ? _ingresses[number] : ingress;
        _ = socket.TrySend(back, new(new(to, Local, 0), back.Length, 1, back.Length, Ecn.NotEct));
    }

    private readonly record struct Held(byte[] Bytes, IngressHeader Header, NetworkPath Path);
}

/// <summary>Takes a datagram; it may be overwritten.</summary>
internal delegate void ReceiveHandler(Span<byte> datagram, in NetworkPath path, Ecn ecn);
