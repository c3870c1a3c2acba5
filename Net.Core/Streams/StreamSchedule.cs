namespace Net.Core.Streams;

/// <summary>Which streams have something to send, in the order in which they come: idle streams cost nothing, however many.</summary>
/// <remarks>
/// <para>
/// What needs no credit (sent again, FIN alone) stands apart from what does, so a connection without credit looks at no stream in vain. Each has two
/// queues per urgency (RFC 9218, section 10): streams that are of use only as a whole come one after the other, in the order of their IDs, which is
/// that of the requests; incremental ones take turns behind them, a packet each.
/// </para>
/// <para>
/// Of one urgency unidirectional streams come first: in HTTP/3 they carry what requests wait for, and end soon or never.
/// </para>
/// </remarks>
internal sealed class StreamSchedule
{
    public const int Urgencies = 8;

    private const int Kinds = 2;

    private const uint AllFree = 0xFFFF, AllFresh = ~AllFree;

    // 2 * urgency, + 1 for incremental ones; those that need credit are behind all that do not.
    // Made when they are needed: an idle connection needs none.
    private LinkedList<StreamEntry>?[] _queues = [];
    private readonly LinkedList<StreamEntry> _control = new();
    private uint _filled;

    /// <summary>Counts changes of the order.</summary>
    public ulong Moves { get; private set; }

    public bool HasControl => _control.Count != 0;

    public bool HasFree => (_filled & AllFree) != 0;

    public bool HasFresh => (_filled & AllFresh) != 0;

    public StreamEntry? FirstControl => _control.First?.Value;

    /// <summary>The stream whose turn it is.</summary>
    public StreamEntry? Next(bool withFresh)
    {
        uint candidates = withFresh ? _filled : _filled & AllFree;
        return candidates == 0 ? null : _queues[System.Numerics.BitOperations.TrailingZeroCount(candidates)]!.First!.Value;
    }

    /// <summary>Puts a stream where it belongs now; to be called after each change of it.</summary>
    public void Update(StreamEntry entry)
    {
        int place = (Kinds * entry.Urgency) + (entry.IsIncremental ? 1 : 0);
        Move(entry, entry.Send?.Need switch
        {
            SendNeed.Free => place,
            SendNeed.Fresh => (Kinds * Urgencies) + place,
            _ => StreamEntry.NoQueue,
        });
        bool waits = entry.WaitsForControl;
        if (entry.HasControl && !waits)
        {
            _control.AddLast(entry.ControlNode);
        }
        else if (!entry.HasControl && waits)
        {
            _control.Remove(entry.ControlNode);
        }
    }

    /// <summary>The stream had its turn.</summary>
    public void Rotate(StreamEntry entry)
    {
        if (entry.IsIncremental && entry.SendNode.List is LinkedList<StreamEntry> queue)
        {
            queue.Remove(entry.SendNode);
            queue.AddLast(entry.SendNode);
            Moves++;
        }
    }

    public void Remove(StreamEntry entry)
    {
        Move(entry, StreamEntry.NoQueue);
        if (entry.WaitsForControl)
        {
            _control.Remove(entry.ControlNode);
        }
    }

    /// <summary>All that wait, in their order: added in the same order elsewhere they stand in the same queues.</summary>
    public IEnumerable<StreamEntry> InOrder() => _filled == 0 ? [] : _queues.SelectMany(queue => queue ?? []);

    private void Move(StreamEntry entry, int target)
    {
        int source = entry.Queue;
        if (source == target)
        {
            return;
        }

        Moves++;
        entry.Queue = target;
        if (source != StreamEntry.NoQueue)
        {
            _queues[source]!.Remove(entry.SendNode);
            _filled = _queues[source]!.Count != 0 ? _filled : _filled & ~(1u << source);
        }

        if (target == StreamEntry.NoQueue)
        {
            return;
        }

        _filled |= 1u << target;
        _queues = _queues.Length > 0 ? _queues : new LinkedList<StreamEntry>?[2 * Kinds * Urgencies];
        LinkedList<StreamEntry> queue = _queues[target] ??= new();
        if (entry.IsIncremental)
        {
            queue.AddLast(entry.SendNode);
        }
        else
        {
            Insert(queue, entry);
        }
    }

    /// <summary>From both ends at once: a new stream belongs at the tail, one that had its turn at the head.</summary>
    private static void Insert(LinkedList<StreamEntry> queue, StreamEntry entry)
    {
        LinkedListNode<StreamEntry>? first = queue.First, last = queue.Last;
        while (first is not null && last is not null)
        {
            if (Precedes(entry, first.Value))
            {
                queue.AddBefore(first, entry.SendNode);
                return;
            }

            if (Precedes(last.Value, entry))
            {
                queue.AddAfter(last, entry.SendNode);
                return;
            }

            (first, last) = (first.Next, last.Previous);
        }

        queue.AddLast(entry.SendNode);
    }

    private static bool Precedes(StreamEntry one, StreamEntry other) => one.Id.IsUnidirectional != other.Id.IsUnidirectional
        ? one.Id.IsUnidirectional
        : one.Id < other.Id;
}
