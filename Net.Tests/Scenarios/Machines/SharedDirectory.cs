using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Tests.Migration.Directory;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>A directory on other machines, for several ingresses: one truth, of which each of them hears in its own time, and who of them lives and sees whom.</summary>
/// <remarks>What etcd does for <c>EtcdDirectory</c>: a request is decided by what is true, its answer and the news of it take their own ways, in order for each ingress.</remarks>
internal sealed class SharedDirectory(Federation federation)
{
    /// <summary>How long the others believe in an ingress that says nothing: a lease in etcd, longer than one to send.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(6);

    private readonly EmbeddedDirectory _truth = new(new MemoryStorage());
    private readonly List<View> _views = [];

    public IReadOnlyCollection<OwnershipRecord> Records => _truth.Records;

    /// <summary>A new process of an ingress: it reads everything, as it is. What a former life of it has seen is believed for a while.</summary>
    /// <param name="number">It has the same number each time.</param>
    public View Open(uint number)
    {
        View view = new(this, number);
        _views.Add(view);
        Tell(view, isAlive: true);
        return view;
    }

    /// <summary>How far behind the truth what an ingress hears is, beside the usual delay.</summary>
    public void Lag(uint number, TimeSpan lag) => Living(number).Lag = lag;

    private World World => federation.World;

    private View Living(uint number) => _views.Last(view => view.Number == number);

    /// <summary>The process is gone: its lease ends.</summary>
    public void OnCrash(View view) => federation.World.After(Life, () =>
    {
        _views.Remove(view);
        if (!_views.Exists(other => other.Number == view.Number))
        {
            Tell(view, isAlive: false);
        }

        foreach (View other in _views)
        {
            // Who was seen by it alone is seen by nobody now.
            other.Deliver(TimeSpan.Zero, () => { });
        }
    });

    private void Tell(View about, bool isAlive)
    {
        foreach (View other in _views.Where(other => other.Number != about.Number))
        {
            other.Deliver(Delay(), () => other.News.Enqueue((about.Info, isAlive)));
        }
    }

    private TimeSpan Delay() => federation.World.Random.Between(federation.Directory.MinDelay, federation.Directory.MaxDelay);

    private void Ask(View by, OwnershipRequest request, Member requester)
    {
        if (federation.Directory.IsSilent)
        {
            return;
        }

        SimulatedRandom random = federation.World.Random;
        for (int copies = random.OneIn(federation.Directory.LostOneIn) ? 0 : random.OneIn(federation.Directory.DoubledOneIn) ? 2 : 1; copies > 0; copies--)
        {
            federation.World.After(Delay(), () => Decide(by, request, requester));
        }
    }

    private void Decide(View by, OwnershipRequest request, Member requester)
    {
        _truth.Submit(request, requester);
        _truth.Commit();
        while (_truth.TryTakeChange(out OwnershipRecord? record))
        {
            foreach (View view in _views)
            {
                view.Deliver(Delay() + view.Lag, () => view.Learn(record));
            }
        }

        while (_truth.TryTakeAnswer(out OwnershipAnswer? answer))
        {
            if (!federation.World.Random.OneIn(federation.Directory.LostOneIn))
            {
                // It tells what is true as well, and need not wait for older news.
                by.DeliverAnswer(Delay(), answer);
            }
        }
    }

    /// <summary>What one process of an ingress knows.</summary>
    internal sealed class View(SharedDirectory shared, uint number) : IOwnershipDirectory, IIngressRegistry
    {
        private readonly Dictionary<string, OwnershipRecord> _records = shared._truth.Records.ToDictionary(record => record.Component, StringComparer.Ordinal);
        private readonly Queue<OwnershipRecord> _changes = new(shared._truth.Records);
        private readonly Queue<OwnershipAnswer> _answers = new();
        private readonly HashSet<Member> _seen = [];
        private Machine? _machine;
        private Action _changed = () => { };
        private Instant _lastNews;

        public uint Number => number;

        /// <summary>Nobody in a simulation looks for the address.</summary>
        public IngressInfo Info => new(number, SimulatedIngress.AddressOf(number));

        public TimeSpan Lag { get; set; }

        public Queue<(IngressInfo Ingress, bool IsAlive)> News { get; } = new();

        public IReadOnlyCollection<OwnershipRecord> Records => [.. _records.Values];

        public string? Trouble => null;

        public IReadOnlyCollection<IngressInfo> Ingresses => [.. shared._views.Select(view => view.Info).Distinct()];

        /// <param name="changed">There is something to take.</param>
        public void Start(Machine machine, Action changed) => (_machine, _changed) = (machine, changed);

        public void Submit(OwnershipRequest request, Member requester) => shared.Ask(this, request, requester);

        public bool TryTakeAnswer([NotNullWhen(true)] out OwnershipAnswer? answer) => _answers.TryDequeue(out answer);

        public bool TryTakeChange([NotNullWhen(true)] out OwnershipRecord? record) => _changes.TryDequeue(out record);

        public void Report(Member member, bool isAlive) => _ = isAlive ? _seen.Add(member) : _seen.Remove(member);

        public bool IsSeenElsewhere(Member member) => shared._views.Exists(view => view.Number != number && view._seen.Contains(member));

        public bool TryTakeIngress([NotNullWhen(true)] out IngressInfo? ingress, out bool isAlive)
        {
            bool any = News.TryDequeue(out (IngressInfo Ingress, bool IsAlive) news);
            (ingress, isAlive) = any ? news : (null, false);
            return any;
        }

        public void Learn(OwnershipRecord record)
        {
            if (!_records.TryGetValue(record.Component, out OwnershipRecord? known) || record.Epoch > known.Epoch)
            {
                _records[record.Component] = record;
                _changes.Enqueue(record);
            }
        }

        /// <summary>News come in the order in which they were made.</summary>
        public void Deliver(TimeSpan delay, Action news)
        {
            _lastNews = Instant.Max(_lastNews, shared.World.Now + delay);
            shared.World.At(_lastNews, () => _machine?.Run(() =>
            {
                news();
                _changed();
            }));
        }

        public void DeliverAnswer(TimeSpan delay, OwnershipAnswer answer) => shared.World.After(delay, () => _machine?.Run(() =>
        {
            if (answer.Record is OwnershipRecord record)
            {
                Learn(record);
            }

            _answers.Enqueue(answer);
            _changed();
        }));
    }
}
