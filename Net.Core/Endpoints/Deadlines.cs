using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;

namespace Net.Core.Endpoints;

/// <summary>Which connection wants to be called next: a heap in which each stands at most once.</summary>
/// <remarks>Deadlines mostly move later: such a move costs nothing until the old time has come. Nothing is allocated in steady state.</remarks>
internal sealed class Deadlines
{
    private readonly List<ConnectionEntry> _heap = [];

    /// <summary>Never later than the true one; perhaps earlier, then nothing is due when it comes.</summary>
    public Instant Next => _heap.Count > 0 ? _heap[0].Scheduled : Instant.Never;

    public int Count => _heap.Count;

    public void Set(ConnectionEntry entry, Instant deadline)
    {
        if (deadline >= entry.Scheduled)
        {
            return;
        }

        entry.Scheduled = deadline;
        if (entry.DeadlineIndex < 0)
        {
            entry.DeadlineIndex = _heap.Count;
            _heap.Add(entry);
        }

        Rise(entry.DeadlineIndex);
    }

    public bool TryTakeDue(Instant now, [NotNullWhen(true)] out ConnectionEntry? entry)
    {
        entry = Next <= now && _heap.Count > 0 ? _heap[0] : null;
        if (entry is not null)
        {
            Remove(entry);
        }

        return entry is not null;
    }

    public void Remove(ConnectionEntry entry)
    {
        int index = entry.DeadlineIndex;
        if (index < 0)
        {
            return;
        }

        ConnectionEntry last = _heap[^1];
        _heap.RemoveAt(_heap.Count - 1);
        entry.DeadlineIndex = -1;
        entry.Scheduled = Instant.Never;
        if (last != entry)
        {
            Put(index, last);
            Rise(index);
            Sink(last.DeadlineIndex);
        }
    }

    private void Rise(int index)
    {
        ConnectionEntry entry = _heap[index];
        while (index > 0 && _heap[(index - 1) / 2].Scheduled > entry.Scheduled)
        {
            Put(index, _heap[(index - 1) / 2]);
            index = (index - 1) / 2;
        }

        Put(index, entry);
    }

    private void Sink(int index)
    {
        ConnectionEntry entry = _heap[index];
        while ((2 * index) + 1 < _heap.Count)
        {
            int child = (2 * index) + 1;
            child += child + 1 < _heap.Count && _heap[child + 1].Scheduled < _heap[child].Scheduled ? 1 : 0;
            if (_heap[child].Scheduled >= entry.Scheduled)
            {
                break;
            }

            Put(index, _heap[child]);
            index = child;
        }

        Put(index, entry);
    }

    private void Put(int index, ConnectionEntry entry)
    {
        _heap[index] = entry;
        entry.DeadlineIndex = index;
    }
}
