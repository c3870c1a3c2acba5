using Net.Core.Time;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>Questions to the directory, and what is done with their answers. Numbers are this object's own: those of two nodes may be the same.</summary>
internal sealed class ControlRequests(IOwnershipDirectory directory)
{
    /// <summary>Without an answer after this, none is waited for any more; the write may have happened all the same.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Questions without an answer; one more, and the oldest is given up.</summary>
    public const int MaxWaiting = 4096;

    private readonly SortedDictionary<ulong, Waiting> _waiting = [];
    private ulong _lastId;

    public Instant Deadline => _waiting.Count > 0 ? _waiting.First().Value.Expires : Instant.Never;

    /// <param name="request">Its number comes back in the answer.</param>
    /// <param name="requester">Who asks, as authenticated.</param>
    /// <param name="answered">Called in <see cref="Settle"/>; with null when no answer came in time.</param>
    /// <param name="now">The time.</param>
    public void Ask(OwnershipRequest request, Member requester, Action<OwnershipAnswer?, Instant> answered, Instant now)
    {
        if (_waiting.Count >= MaxWaiting)
        {
            Waiting oldest = _waiting.First().Value;
            _ = _waiting.Remove(_waiting.First().Key);
            oldest.Answered(null, now);
        }

        ulong id = ++_lastId;
        _waiting[id] = new(request, answered, now + Patience);
        FaultPoints.AtWrite(request, isDone: false);
        directory.Submit(request with { Id = id }, requester);
    }

    /// <summary>Hands out the answers that have come, and gives up what has waited too long.</summary>
    public void Settle(Instant now)
    {
        while (directory.TryTakeAnswer(out OwnershipAnswer? answer))
        {
            if (_waiting.Remove(answer.Id, out Waiting? waiting))
            {
                FaultPoints.AtWrite(waiting.Request, isDone: true);
                waiting.Answered(answer with { Id = waiting.Request.Id }, now);
            }
        }

        while (now >= Deadline)
        {
            (ulong id, Waiting late) = _waiting.First();
            _ = _waiting.Remove(id);
            late.Answered(null, now);
        }
    }

    private sealed record Waiting(OwnershipRequest Request, Action<OwnershipAnswer?, Instant> Answered, Instant Expires);
}
