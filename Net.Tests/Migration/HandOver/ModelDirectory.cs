using Net.Migration.Directory;

namespace Net.Tests.Migration.HandOver;

/// <summary>The record, what is asked of it and what it says, all under way for as long as it likes. It decides as the real one does.</summary>
internal sealed class ModelDirectory
{
    private readonly List<OwnershipRecord> _history;
    private readonly bool _comparesOwnerAlone;
    private readonly int[] _unheard;

    public ModelDirectory(OwnershipRecord record, int listeners, bool comparesOwnerAlone)
    {
        (_history, _unheard, _comparesOwnerAlone) = ([record], new int[listeners], comparesOwnerAlone);
    }

    private ModelDirectory(ModelDirectory from)
    {
        (_history, _comparesOwnerAlone, _unheard) = ([.. from._history], from._comparesOwnerAlone, [.. from._unheard]);
        Writes = [.. from.Writes];
        Answers = [.. from.Answers];
    }

    public OwnershipRecord Record => _history[^1];

    public bool WasCommitted => _history.Exists(static r => !r.SnapshotHash.IsNone);

    public List<(OwnershipRequest Request, int From)> Writes { get; } = [];

    public List<(OwnershipAnswer Answer, int To)> Answers { get; } = [];

    public ModelDirectory Clone() => new(this);

    /// <summary>A bit for each record, in the order in which they were written, that a listener has not heard yet.</summary>
    public int Unheard(int listener) => _unheard[listener];

    public OwnershipRecord TakeNews(int listener, int at)
    {
        _unheard[listener] &= ~(1 << at);
        return _history[at];
    }

    public Member OwnerBefore(OwnershipRecord record) => _history[_history.LastIndexOf(record) - 1].Owner;

    public void Write(int at, bool keep, Func<int, Member> members)
    {
        (OwnershipRequest request, int from) = Writes[at];
        if (!keep)
        {
            Writes.RemoveAt(at);
        }

        Answers.Add((Decide(request, members(from), out OwnershipRecord? changed), from));
        Install(changed);
    }

    public void Force(Member host)
    {
        OwnershipAnswer answer = Ownership.Decide(
            new ForceOwnership(1, "web", Record.Owner, Record.Epoch, host), Ownership.FailureDetector, Record, default, out OwnershipRecord? changed);
        Assert.AreEqual(OwnershipOutcome.Done, answer.Outcome);
        Install(changed);
    }

    /// <summary>Answers to whom nothing matters any more, and such a one's requests when they change nothing: epochs only grow, so they never will.</summary>
    public void LetGo(Predicate<int> hasEnded, Func<int, Member> members)
    {
        _ = Answers.RemoveAll(a => hasEnded(a.To));
        _ = Writes.RemoveAll(w => hasEnded(w.From) && IsVain(w.Request, members(w.From)));
    }

    /// <summary>News that a listener ignores.</summary>
    public void LetGo(int listener, Predicate<ulong> ignores)
    {
        for (int i = 0; i < _history.Count; i++)
        {
            if (ignores(_history[i].Epoch))
            {
                _unheard[listener] &= ~(1 << i);
            }
        }
    }

    /// <summary>What is stored is told again to everybody.</summary>
    public void Restart()
    {
        Writes.Clear();
        Answers.Clear();
        for (int i = 0; i < _unheard.Length; i++)
        {
            Tell(i);
        }
    }

    /// <summary>One that has just come hears of the present record alone.</summary>
    public void Tell(int listener) => _unheard[listener] = 1 << (_history.Count - 1);

    public void Forget(int listener) => _unheard[listener] = 0;

    public void Write(ModelKey key)
    {
        foreach (OwnershipRecord record in _history)
        {
            key.Add(((int)record.Epoch << 4) | (MemberKey(record.Owner) << 1) | (record.SnapshotHash.IsNone ? 0 : 1));
        }

        key.AddSet([.. Writes.Select(static w => w.Request switch
        {
            MoveOwnership m => 0x100 | (int)m.Epoch,
            AbortOwnership a => 0x200 | (int)a.Epoch,
            _ => 0x300 | w.From,
        })]);
        key.AddSet([.. Answers.Select(static a =>
            (a.To << 12) | ((int)a.Answer.Outcome << 10) | (MemberKey(a.Answer.Record?.Owner ?? default) << 6) | (int)(a.Answer.Record?.Epoch ?? 0))]);
    }

    private bool IsVain(OwnershipRequest request, Member requester)
    {
        _ = Decide(request, requester, out OwnershipRecord? changed);
        return changed is null;
    }

    private OwnershipAnswer Decide(OwnershipRequest request, Member requester, out OwnershipRecord? changed)
    {
        OwnershipRecord before = Record;
        if (_comparesOwnerAlone && request is MoveOwnership move && move.Source == before.Owner)
        {
            before = before with { Epoch = move.Epoch };
        }

        return Ownership.Decide(request, requester, before, default, out changed);
    }

    private static int MemberKey(Member member) => (int)(member.Incarnation / 11);

    private void Install(OwnershipRecord? changed)
    {
        if (changed is null)
        {
            return;
        }

        _history.Add(changed);
        for (int i = 0; i < _unheard.Length; i++)
        {
            _unheard[i] |= 1 << (_history.Count - 1);
        }
    }
}
