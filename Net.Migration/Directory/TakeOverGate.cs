using Net.Core.Time;

namespace Net.Migration.Directory;

/// <summary>Holds a new owner back after a forced take-over: until every ingress has confirmed the new epoch, or the old owner's lease has run out.</summary>
/// <param name="ingresses">Numbers of the ingresses that were known when the order came.</param>
/// <param name="oldOwnerLease">How long the old owner may still send at most, counted from <paramref name="now"/>.</param>
/// <param name="now">When the order came.</param>
internal sealed class TakeOverGate(IEnumerable<uint> ingresses, TimeSpan oldOwnerLease, Instant now)
{
    private readonly HashSet<uint> _unconfirmed = [.. ingresses];
    private readonly Instant _leaseEnd = now + oldOwnerLease;

    /// <summary>When everything may be sent at the latest.</summary>
    public Instant Deadline => _unconfirmed.Count > 0 ? _leaseEnd : Instant.Never;

    public void OnConfirmed(uint ingress) => _unconfirmed.Remove(ingress);

    /// <summary>Every ingress keeps the old owner out, or the old owner keeps itself out.</summary>
    public bool MaySend(Instant now) => _unconfirmed.Count == 0 || now >= _leaseEnd;
}
