using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>One name of the federation, and its latest life.</summary>
internal sealed class ControlMember(NodeInfo node, long order)
{
    public NodeInfo Node { get; set; } = node;

    public Member Member => Node.Member;

    /// <summary>Grows with each life that joins: hosts take over in the order in which they came.</summary>
    public long Order { get; } = order;

    /// <summary>Null while the link is lost, which is not death.</summary>
    public IControlPeer? Peer { get; set; }

    public bool IsAlive { get; set; } = true;

    /// <summary>Another life that may have the name beside this one: this one has announced it.</summary>
    public Member Successor { get; set; } = Member.None;

    public Instant Died { get; set; }

    /// <summary>Gets nothing any more by a drain or a take-over, if there is another host.</summary>
    public bool IsDraining { get; set; }

    /// <summary>It has asked itself: it ends as soon as it is empty, so nothing goes there however few are left.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Another life has its name, and gets what it has: as for one that is leaving, for as long as that life lives.</summary>
    public bool IsReplaced { get; set; }

    public Dictionary<string, ComponentLoad> Loads { get; } = new(StringComparer.Ordinal);

    public bool CanHost(string component) => Node.CanHost(component);

    /// <summary>What it has said of its components last.</summary>
    public void Report(IReadOnlyList<ComponentLoad> loads)
    {
        Loads.Clear();
        foreach (ComponentLoad load in loads)
        {
            Loads[load.Component] = load;
        }
    }
}

/// <summary>Who is in the federation: every living member, and the dead that `status` still shows.</summary>
internal sealed class ControlMembers(int limit)
{
    private readonly Dictionary<string, ControlMember> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<IControlPeer, ControlMember> _byPeer = [];
    private readonly Dictionary<Member, ControlMember> _replaced = [];
    private long _joined;

    /// <summary>Every life; of one name the present one last.</summary>
    public IEnumerable<ControlMember> All => _replaced.Values.Concat(_byName.Values);

    /// <summary>The present life of every name.</summary>
    public IEnumerable<ControlMember> Present => _byName.Values;

    public IEnumerable<IControlPeer> Peers => _byPeer.Keys;

    public bool TryGet(string name, [NotNullWhen(true)] out ControlMember? member) => _byName.TryGetValue(name, out member);

    public bool TryGet(IControlPeer peer, [NotNullWhen(true)] out ControlMember? member) => _byPeer.TryGetValue(peer, out member);

    /// <summary>The living member of exactly this life.</summary>
    public bool TryGetAlive(Member life, [NotNullWhen(true)] out ControlMember? member) =>
        (_byName.TryGetValue(life.Name, out member) && member.IsAlive && member.Member == life) || _replaced.TryGetValue(life, out member);

    /// <summary>Makes room for a new name, at the cost of the one that died first.</summary>
    public bool TryMakeRoom(string name)
    {
        if (_byName.ContainsKey(name) || _byName.Count < limit)
        {
            return true;
        }

        ControlMember? oldest = _byName.Values.Where(member => !member.IsAlive).MinBy(member => member.Died);
        return oldest is not null && _byName.Remove(oldest.Member.Name);
    }

    /// <summary>Whether a living life of that name has announced this one.</summary>
    public bool IsAnnounced(Member life) => All.Any(member => member.IsAlive && member.Member.Name == life.Name && member.Successor == life);

    /// <summary>A life comes, or comes back over another link.</summary>
    /// <param name="successor">The life that this one has handed over to, or is about to: when it has the name already it keeps that.</param>
    public ControlMember Set(NodeInfo node, IControlPeer peer, ulong? successor = null)
    {
        if (!TryGetAlive(node.Member, out ControlMember? member))
        {
            member = Place(node, isFormer: successor is not null);
        }

        member.Successor = successor is ulong life ? new(node.Member.Name, life) : member.Successor;
        if (member.Peer is not null)
        {
            _ = _byPeer.Remove(member.Peer);
        }

        (member.Node, member.Peer, member.IsAlive) = (node, peer, true);
        _byPeer[peer] = member;
        return member;
    }

    /// <summary>A life has ended.</summary>
    /// <returns>The life of its name that has it again: the latest of those that were to be replaced, and live. Null: there is none, or another one has it.</returns>
    public ControlMember? Bury(ControlMember member, Instant now)
    {
        (member.IsAlive, member.Died) = (false, now);
        if (_replaced.Remove(member.Member)
            || _replaced.Values.Where(other => other.Member.Name == member.Member.Name).MaxBy(other => other.Order) is not { } former)
        {
            return null;
        }

        // It goes on, and is a host like any other, unless it has said itself that it ends.
        _ = _replaced.Remove(former.Member);
        _byName[former.Member.Name] = former;
        (former.IsReplaced, former.IsDraining, former.Successor) = (false, former.IsLeaving, Member.None);
        return former;
    }

    public void Lose(IControlPeer peer)
    {
        if (_byPeer.Remove(peer, out ControlMember? member))
        {
            member.Peer = null;
        }
    }

    /// <summary>The next in line for a component: with a link first, else whoever joined first.</summary>
    public ControlMember? NextHost(string component, Member notThis) => All
        .Where(member => member.IsAlive && member.Member != notThis && member.CanHost(component))
        .OrderBy(member => member.Peer is null)
        .ThenBy(member => member.IsDraining || member.IsReplaced)
        .ThenBy(member => member.Order)
        .FirstOrDefault();

    private ControlMember Place(NodeInfo node, bool isFormer)
    {
        Member life = node.Member;
        _ = _byName.TryGetValue(life.Name, out ControlMember? present);
        if (present?.Member == life)
        {
            // It was taken for dead, and is not.
            return present;
        }

        ControlMember member = new(node, ++_joined);
        if (present is { IsAlive: true })
        {
            // It serves on until it has nothing left, and then leaves.
            ControlMember former = isFormer ? member : present;
            former.IsReplaced = true;
            _replaced[former.Member] = former;
            if (isFormer)
            {
                return member;
            }
        }

        return _byName[life.Name] = member;
    }
}
