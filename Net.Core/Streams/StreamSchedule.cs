namespace Net.Core.Streams;

/// <summary>Which streams have something to send, in the order in which they come: idle streams cost nothing, however many.</summary>
/// <remarks>
/// Per urgency two queues: what needs no credit (sent again, FIN alone) and what does. So a connection without credit looks at no stream in vain.
/// The head of a queue stays until it has nothing left, unless it is incremental: then it goes to the tail after each packet (RFC 9218, section 10).
/// </remarks>
internal sealed class StreamSchedule
{
    public const int Urgencies = 8;

    // [urgency]: free, [Urgencies + urgency]: fresh.
    private readonly LinkedList<StreamEntry>[] _queues = [.. Enumerable.Range(0, 2 * Urgencies).Select(_ => new LinkedList<StreamEntry>())];
    private readonly LinkedList<StreamEntry> _control = new();
    private uint _filled;

    /// <summary>Counts changes of the order.</summary>
    public ulong Moves { get; private set; }

    public bool HasControl => _control.Count != 0;

    public bool HasFree => (_filled & 0xFF) != 0;

    public bool HasFresh => (_filled & 0xFF00) != 0;

    public StreamEntry? FirstControl => _control.First?.Value;

    /// <summary>The stream whose turn it is.</summary>
    public StreamEntry? Next(bool withFresh)
    {
        uint candidates = withFresh ? _filled : _filled & 0xFF;
        return candidates == 0 ? null : _queues[System.Numerics.BitOperations.TrailingZeroCount(candidates)].First!.Value;
    }

    /// <summary>Puts a stream where it belongs now; to be called after each change of it.</summary>
    public void Update(StreamEntry entry)
    {
        int index = entry.Send?.Need switch
        {
            SendNeed.Free => entry.Urgency,
            SendNeed.Fresh => Urgencies + entry.Urgency,
            _ => -1,
        };
        Move(entry, index < 0 ? null : _queues[index]);
        bool waits = entry.ControlNode.List is not null;
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
        Move(entry, null);
        if (entry.ControlNode.List is not null)
        {
            _control.Remove(entry.ControlNode);
        }
    }

    /// <summary>All that wait, in their order: added in the same order elsewhere they stand in the same queues.</summary>
    public IEnumerable<StreamEntry> InOrder() => _queues.SelectMany(queue => queue);

    private void Move(StreamEntry entry, LinkedList<StreamEntry>? target)
    {
        LinkedList<StreamEntry>? source = entry.SendNode.List;
        if (source == target)
        {
            return;
        }

        Moves++;

        if (source is not null)
        {
            source.Remove(entry.SendNode);
            SetFilled(source);
        }

        if (target is not null)
        {
            target.AddLast(entry.SendNode);
            SetFilled(target);
        }
    }

    private void SetFilled(LinkedList<StreamEntry> queue)
    {
        int index = Array.IndexOf(_queues, queue);
        _filled = queue.Count != 0 ? _filled | (1u << index) : _filled & ~(1u << index);
    }
}
