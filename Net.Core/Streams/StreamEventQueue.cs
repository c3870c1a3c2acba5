using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Events that the application has not taken: each kind at most once per stream, streams in the order of their oldest event.</summary>
internal sealed class StreamEventQueue
{
    private readonly LinkedList<StreamEntry> _waiting = new();

    public bool IsEmpty => _waiting.Count == 0;

    /// <returns>It did not wait already.</returns>
    public bool Raise(StreamEntry entry, StreamEventKind kind)
    {
        byte bit = (byte)(1 << (int)kind);
        if ((entry.Events & bit) != 0)
        {
            return false;
        }

        entry.Events |= bit;
        if (!entry.WaitsToTell)
        {
            _waiting.AddLast(entry.EventNode);
        }

        return true;
    }

    /// <summary>Takes back an event that has come true in another way, or means nothing any more.</summary>
    public void Withdraw(StreamEntry entry, StreamEventKind kind)
    {
        entry.Events &= (byte)~(1 << (int)kind);
        if (entry.Events == 0 && entry.WaitsToTell)
        {
            _waiting.Remove(entry.EventNode);
        }
    }

    public bool TryTake(out StreamEntry? entry, out StreamEventKind kind)
    {
        entry = _waiting.First?.Value;
        if (entry is null)
        {
            kind = default;
            return false;
        }

        kind = (StreamEventKind)System.Numerics.BitOperations.TrailingZeroCount(entry.Events);
        Withdraw(entry, kind);
        return true;
    }

    public IEnumerable<StreamEntry> InOrder() => _waiting;

    public int Count => _waiting.Count;
}
