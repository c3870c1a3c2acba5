using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;

namespace Net.Migration.Directory;

/// <summary>Declares members dead that have not been heard of. Each is declared once, and has to join again to count as alive.</summary>
/// <remarks>
/// It can be wrong: a slow member is not dead. So nothing unsafe follows from its word alone: the take-over is a write, the old owner is
/// fenced at the ingress, and its <see cref="SendLease"/> has run out before <see cref="Timeout"/> has.
/// </remarks>
/// <param name="timeout">Silence after which a member is dead; <see cref="Timeout"/> but in tests.</param>
internal sealed class FailureDetector(TimeSpan timeout)
{
    /// <summary>Silence after which a member is dead.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    /// <summary>How often a member says that it lives.</summary>
    public static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<Member, Instant> _lastHeard = [];
    private readonly Queue<Member> _dead = new();

    public FailureDetector() : this(Timeout) { }

    public IReadOnlyCollection<Member> Alive => _lastHeard.Keys;

    public Instant Deadline
    {
        get
        {
            Instant earliest = Instant.Never;
            foreach (Instant heard in _lastHeard.Values)
            {
                earliest = Instant.Min(earliest, heard + timeout);
            }

            return earliest;
        }
    }

    public bool IsAlive(Member member) => _lastHeard.ContainsKey(member);

    /// <summary>When a member that is alive was heard last; null for others. Its <see cref="SendLease"/> is counted from here at the latest.</summary>
    public Instant? LastHeard(Member member) => _lastHeard.TryGetValue(member, out Instant heard) ? heard : null;

    /// <summary>It was we who were away (suspended, starved): what the members have said meanwhile is still in our queues. All are given a full time again.</summary>
    public void Forgive(Instant now)
    {
        foreach (Member member in _lastHeard.Keys)
        {
            _lastHeard[member] = now;
        }
    }

    /// <summary>It was we who did not listen for a while: nobody has been silent in it.</summary>
    public void Excuse(TimeSpan deaf, Instant now)
    {
        foreach ((Member member, Instant heard) in _lastHeard)
        {
            _lastHeard[member] = Instant.Min(now, heard + deaf);
        }
    }

    /// <param name="isAnnounced">A living life of the same name lets it join: its predecessor.</param>
    /// <returns>False when another life of that name is alive: its name is in use.</returns>
    public bool TryJoin(Member member, Instant now, bool isAnnounced = false)
    {
        foreach (Member other in _lastHeard.Keys)
        {
            if (other.Name == member.Name && other != member && !isAnnounced)
            {
                return false;
            }
        }

        _lastHeard[member] = now;
        return true;
    }

    /// <returns>False when it is not a member (any more): it has to join again.</returns>
    public bool OnHeartbeat(Member member, Instant now)
    {
        if (!_lastHeard.ContainsKey(member))
        {
            return false;
        }

        _lastHeard[member] = now;
        return true;
    }

    /// <summary>A member that said goodbye: no need to wait.</summary>
    public void Leave(Member member)
    {
        if (_lastHeard.Remove(member))
        {
            _dead.Enqueue(member);
        }
    }

    public void Tick(Instant now)
    {
        foreach ((Member member, Instant heard) in _lastHeard)
        {
            if (now - heard >= timeout)
            {
                _ = _lastHeard.Remove(member);
                _dead.Enqueue(member);
            }
        }
    }

    public bool TryTakeDead([NotNullWhen(true)] out Member? member)
    {
        bool any = _dead.TryDequeue(out Member dead);
        member = any ? dead : null;
        return any;
    }
}
