using Net.Core.Time;

namespace Net.Core.Endpoints;

/// <summary>How many answers strangers may cause: a bucket that holds what one second fills.</summary>
/// <param name="perSecond">0 for none at all.</param>
internal sealed class AnswerBudget(int perSecond)
{
    private long _left = perSecond * TimeSpan.TicksPerSecond;
    private Instant _filledAt = Instant.Never;

    public bool TryTake(Instant now)
    {
        long capacity = perSecond * TimeSpan.TicksPerSecond;
        long passed = _filledAt.IsNever ? 0 : long.Clamp((now - _filledAt).Ticks, 0, TimeSpan.TicksPerSecond);
        _left = long.Min(capacity, _left + (passed * perSecond));
        // Never back: of several threads one may come with a time that another one has passed.
        _filledAt = _filledAt.IsNever || now > _filledAt ? now : _filledAt;
        bool isLeft = _left >= TimeSpan.TicksPerSecond;
        _left -= isLeft ? TimeSpan.TicksPerSecond : 0;
        return isLeft;
    }
}
