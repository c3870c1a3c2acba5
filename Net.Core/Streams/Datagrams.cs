using System.Diagnostics.CodeAnalysis;
using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Unreliable datagrams, both ways (RFC 9221): sent once under congestion control, never again; what nobody takes in time is dropped.</summary>
/// <remarks>Both queues are bounded and lose their oldest. Flow control does not apply (section 5.3): the bound is what protects us (checklist S62).</remarks>
internal sealed class Datagrams : IPart<Datagrams>
{
    private readonly DatagramQueue _outgoing;
    private readonly DatagramQueue _incoming;
    private bool _isStreamsTurn;
    private bool _hasNews;

    public Datagrams(DatagramOptions options)
        : this(new(options.MaxQueued, options.MaxQueuedBytes), new(options.MaxQueued, options.MaxQueuedBytes))
    {
    }

    private Datagrams(DatagramQueue outgoing, DatagramQueue incoming)
    {
        _outgoing = outgoing;
        _incoming = incoming;
    }

    public static ulong Section => SectionNumber.Datagrams;

    public ulong Changes { get; private set; } = 1;

    public bool HasFrames => _outgoing.Count > 0;

    /// <summary>Datagrams that were put into packets.</summary>
    public ulong Sent { get; private set; }

    /// <summary>Of those, how many the peer's QUIC has acknowledged, or seems to have lost (section 5.2).</summary>
    public ulong Acknowledged { get; private set; }

    public ulong Lost { get; private set; }

    public ulong Received { get; private set; }

    /// <summary>Never sent: displaced by later ones, or too long for the path by the time.</summary>
    public ulong DroppedUnsent => _outgoing.Dropped;

    /// <summary>Received and displaced by later ones, as nobody took them.</summary>
    public ulong DroppedUnread => _incoming.Dropped;

    public int WaitingToBeRead => _incoming.Count;

    public int WaitingToBeSent => _outgoing.Count;

    /// <summary>Bytes of the frame that the next one to be sent needs; 0 when none waits.</summary>
    public int NextLength => _outgoing.TryPeek(out byte[]? data) ? new DatagramFrame(data).Length : 0;

    /// <summary>Whose turn it is when streams have something to say, too: they alternate, so that neither starves the other.</summary>
    public bool IsStreamsTurn => _isStreamsTurn;

    public void Send(ReadOnlySpan<byte> data)
    {
        _outgoing.Add(data);
        Changes++;
    }

    /// <summary>A frame of the peer's.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="size">Its length on the wire, with type and length.</param>
    /// <param name="limit">The largest that we have offered to take; 0 for none (section 3).</param>
    public TransportError On(in DatagramFrame frame, int size, ulong limit)
    {
        if ((ulong)size > limit)
        {
            return TransportError.ProtocolViolation("a DATAGRAM that was not offered, or longer than that", FrameType.DatagramWithLength);
        }

        _incoming.Add(frame.Data);
        _hasNews = true;
        Received++;
        Changes++;
        return TransportError.None;
    }

    /// <summary>Whether something has arrived since it was last asked.</summary>
    public bool TryTakeNews()
    {
        bool hadNews = _hasNews;
        _hasNews = false;
        return hadNews;
    }

    /// <summary>The oldest one that waits, without taking it.</summary>
    public bool TryPeek([NotNullWhen(true)] out byte[]? data) => _incoming.TryPeek(out data);

    /// <summary>The peeked one has found its reader.</summary>
    public void Consume()
    {
        _incoming.Remove();
        Changes++;
    }

    /// <summary>Writes those that fit, in order.</summary>
    /// <param name="builder">The packet.</param>
    /// <param name="max">Bytes of data that a packet of its own could carry: what is longer, as the path has shrunk, will never be sent.</param>
    public void WriteFrames(ref PacketBuilder builder, int max)
    {
        while (_outgoing.TryPeek(out byte[]? data))
        {
            if (data.Length > max)
            {
                _outgoing.Drop();
                Changes++;
                continue;
            }

            if (!builder.TryWrite(new DatagramFrame(data), new(SentFrameKind.Datagram, Length: (uint)data.Length)))
            {
                return;
            }

            _outgoing.Remove();
            _isStreamsTurn = true;
            Sent++;
            Changes++;
        }
    }

    public void OnStreamsTurnTaken()
    {
        _isStreamsTurn = false;
        Changes++;
    }

    public void OnAcked()
    {
        Acknowledged++;
        Changes++;
    }

    public void OnLost()
    {
        Lost++;
        Changes++;
    }

    /// <summary>Gives all memory back: the connection ends here.</summary>
    public void Release()
    {
        _outgoing.Clear();
        _incoming.Clear();
    }

    public void Export(SnapshotWriter writer)
    {
        _outgoing.Export(writer);
        _incoming.Export(writer);
        writer.WriteBool(_isStreamsTurn);
        writer.WriteNumber(Sent);
        writer.WriteNumber(Acknowledged);
        writer.WriteNumber(Lost);
        writer.WriteNumber(Received);
    }

    public static Datagrams Import(SnapshotReader reader)
    {
        Datagrams datagrams = new(DatagramQueue.Import(reader), DatagramQueue.Import(reader))
        {
            _isStreamsTurn = reader.ReadBool(),
            Sent = reader.ReadNumber(),
            Acknowledged = reader.ReadNumber(),
            Lost = reader.ReadNumber(),
            Received = reader.ReadNumber(),
        };
        // A new owner's application is told of what waits, whether the old one's was or not.
        datagrams._hasNews = datagrams._incoming.Count > 0;
        bool sound = datagrams.Acknowledged <= datagrams.Sent
            && datagrams.Lost <= datagrams.Sent - datagrams.Acknowledged
            && (ulong)datagrams._incoming.Count <= datagrams.Received
            && datagrams.DroppedUnread <= datagrams.Received - (ulong)datagrams._incoming.Count;
        return sound ? datagrams : throw new SnapshotException("counts of datagrams contradict each other");
    }
}
