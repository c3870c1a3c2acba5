using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>A row of the stream table: a stream's parts, its priority, and its places in the table's lists.</summary>
/// <remarks>The list nodes are made once with the row: joining and leaving a list allocates nothing.</remarks>
internal sealed class StreamEntry
{
    /// <summary>Urgency of a stream that nobody gave another (RFC 9218, section 4.1).</summary>
    public const byte DefaultUrgency = 3;

    /// <summary>Of a stream that has nothing to send.</summary>
    public const int NoQueue = -1;

    // Places in lists: most streams of most connections wait in none.
    private LinkedListNode<StreamEntry>? _send, _control, _event;

    public StreamEntry(StreamId id, SendStream? send, ReceiveStream? receive)
    {
        Id = id;
        Send = send;
        Receive = receive;
    }

    public StreamId Id { get; }

    /// <summary>Null where only the peer sends.</summary>
    public SendStream? Send { get; }

    /// <summary>Null where only we send.</summary>
    public ReceiveStream? Receive { get; }

    public byte Urgency { get; set; } = DefaultUrgency;

    public bool IsIncremental { get; set; }

    /// <summary>Bit n: the event of kind n waits to be taken.</summary>
    public byte Events { get; set; }

    /// <summary>Codes that go with waiting events; kept here as the parts of a closed stream are gone.</summary>
    public ulong ResetCode { get; set; }

    public ulong StopCode { get; set; }

    public LinkedListNode<StreamEntry> SendNode => _send ??= new(this);

    /// <summary>Has data to send, and waits for its turn.</summary>
    public bool WaitsToSend => _send?.List is not null;

    /// <summary>Which of the schedule's queues it waits in.</summary>
    public int Queue { get; set; } = NoQueue;

    public LinkedListNode<StreamEntry> ControlNode => _control ??= new(this);

    /// <summary>Has frames to send that carry no data, and waits for its turn.</summary>
    public bool WaitsForControl => _control?.List is not null;

    public LinkedListNode<StreamEntry> EventNode => _event ??= new(this);

    /// <summary>Has something to tell, and waits to be asked.</summary>
    public bool WaitsToTell => _event?.List is not null;

    /// <summary>Something of ours still works for the stream: it is not given back to the peer, even when both directions are done.</summary>
    public bool IsHeld { get; set; }

    public bool IsDone => !IsHeld && Send is null or { IsDone: true } && Receive is null or { IsDone: true };

    public bool HasControl =>
        Receive is { TellsLimit: true } or { TellsStop: true } || Send is { TellsReset: true } or { TellsBlocked: true };
}
