using System.Runtime.InteropServices;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Migration.Hosting;

/// <summary>Datagrams for one socket, gathered into as few sends as their order allows: a GRO batch in becomes a GSO batch out.</summary>
/// <remarks>
/// Filled and sent by one thread. Several outboxes share a socket, whose lock they take to send. Whoever gathers under the router's lock takes
/// the socket's lock (<see cref="Seal"/>) before it leaves that of the router: so datagrams leave in the order in which they were decided.
/// </remarks>
internal sealed class IngressOutbox(IDatagramChannel channel, Lock socket)
{
    /// <summary>Bytes of one burst: an IP packet's 65,535 without the headers of IPv4 and UDP.</summary>
    public const int MaxBurst = 65_507;

    /// <summary>How often a socket that stays full is tried again, a millisecond each; then what does not fit is lost, as datagrams are.</summary>
    public const int MaxRetries = 5;

    /// <summary>How often in all for one <see cref="Send"/>, which may have two megabytes and takes so many milliseconds at most: others wait for the socket.</summary>
    public const int MaxRetriesOfSend = 50;

    /// <summary>
    /// Headers, and bodies that are copied behind them. Of a received batch (2 MiB, and 128 KiB of small datagrams) long bodies stay where they are; if the rest is more than this,
    /// it is sent in several goes.
    /// </summary>
    private const int Capacity = 1024 * 1024;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Capacity, pinned: true);
    private readonly List<Transmit> _transmits = [];
    private readonly List<SendPiece> _pieces = [];
    private int _used;

    /// <summary>Pieces before those of the last send.</summary>
    private int _begun;

    private bool _isSealed;

    /// <summary>Datagrams that a full socket did not take in time. From any thread.</summary>
    public long Lost { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Sends that are gathered.</summary>
    public int Bursts => _transmits.Count;

    /// <summary>Room for the next datagram, to be filled at once.</summary>
    /// <param name="path">Remote: where to. Local: from which of our addresses; none leaves it to the system.</param>
    /// <param name="length">At most <see cref="MaxBurst"/>, with that of the rest.</param>
    /// <param name="rest">What follows it in the datagram, and is sent from where it is: it must stay there until <see cref="SendSealed"/>.</param>
    public Span<byte> Add(in NetworkPath path, Ecn ecn, int length, SendPiece rest = default)
    {
        Begin(path, ecn, length + rest.Length);
        Span<byte> room = _buffer.AsSpan(_used, length);
        if (length > 0)
        {
            Append(new(_buffer, _used, length));
            _used += length;
        }

        if (rest.Length > 0)
        {
            Append(rest);
        }

        return room;
    }

    /// <summary>Counts a datagram to the last send, or begins another one.</summary>
    private void Begin(in NetworkPath path, Ecn ecn, int length)
    {
        if (_buffer.Length - _used < length)
        {
            // Everything before is decided, so it may go; the order of locks stays router, then socket.
            using (socket.EnterScope())
            {
                Send();
            }
        }

        Span<Transmit> transmits = CollectionsMarshal.AsSpan(_transmits);
        if (!transmits.IsEmpty && Takes(transmits[^1], path, ecn, length))
        {
            ref Transmit last = ref transmits[^1];
            last = last with { Segments = last.Segments + 1, Length = last.Length + length };
        }
        else
        {
            _transmits.Add(new(path, length, 1, length, ecn));
            _begun = _pieces.Count;
        }
    }

    /// <summary>What lies behind the last piece is part of it, if one send has both.</summary>
    private void Append(in SendPiece piece)
    {
        Span<SendPiece> pieces = CollectionsMarshal.AsSpan(_pieces);
        if (pieces.Length > _begun && pieces[^1].Memory == piece.Memory && pieces[^1].Start + pieces[^1].Length == piece.Start)
        {
            pieces[^1] = pieces[^1] with { Length = pieces[^1].Length + piece.Length };
        }
        else
        {
            _pieces.Add(piece);
        }
    }

    /// <summary>Takes the socket's lock, to be left by <see cref="SendSealed"/>. Call it while the router's lock is held.</summary>
    /// <param name="evenWhenEmpty">Waits until all that others have decided before has left.</param>
    public void Seal(bool evenWhenEmpty = false)
    {
        if (evenWhenEmpty || _transmits.Count > 0)
        {
            socket.Enter();
            _isSealed = true;
        }
    }

    /// <summary>Sends what is there, if anything was sealed.</summary>
    public void SendSealed()
    {
        if (!_isSealed)
        {
            return;
        }

        _isSealed = false;
        try
        {
            Send();
        }
        finally
        {
            socket.Exit();
        }
    }

    private void Send()
    {
        int retries = MaxRetries, retriesOfSend = MaxRetriesOfSend;
        ReadOnlySpan<Transmit> transmits = CollectionsMarshal.AsSpan(_transmits);
        ReadOnlySpan<SendPiece> pieces = CollectionsMarshal.AsSpan(_pieces);
        while (true)
        {
            int went = channel.TrySendMany(pieces, transmits);
            if (!Skip(went, ref pieces, ref transmits))
            {
                break;
            }

            // A socket that takes some is not stuck.
            retries = went > 0 ? MaxRetries : retries;
            if (retries-- > 0 && retriesOfSend-- > 0)
            {
                Thread.Sleep(1);
                continue;
            }

            Lost += transmits[0].Segments;
            // An empty transmit ends the interrupted one: what the channel remembers of it must not count for the next.
            _ = channel.TrySend([], new(transmits[0].Path, 0, 1, 0, Ecn.NotEct));
            _ = Skip(1, ref pieces, ref transmits);
        }

        _transmits.Clear();
        _pieces.Clear();
        (_used, _begun) = (0, 0);
    }

    /// <returns>Whether there are more.</returns>
    private static bool Skip(int count, ref ReadOnlySpan<SendPiece> pieces, ref ReadOnlySpan<Transmit> transmits)
    {
        foreach (ref readonly Transmit gone in transmits[..count])
        {
            pieces = pieces[SendPiece.Count(pieces, gone.Length)..];
        }

        transmits = transmits[count..];
        return !transmits.IsEmpty;
    }

    /// <summary>One send: equally long datagrams for one address, the last perhaps shorter.</summary>
    private static bool Takes(in Transmit burst, in NetworkPath path, Ecn ecn, int length) =>
        length <= burst.SegmentSize && burst.Length == burst.Segments * burst.SegmentSize && burst.Segments < Transmit.MaxSegments
        && burst.Length + length <= MaxBurst && ecn == burst.Ecn && path == burst.Path;
}
