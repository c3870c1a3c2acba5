using System.Collections.Concurrent;
using Net.Core.Crypto;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Ingress;

namespace Net.Tests.Migration.HandOver;

/// <summary>A packet between node and client.</summary>
/// <param name="Ingress">By which it goes.</param>
/// <param name="Epoch">Its sender's.</param>
/// <param name="Acknowledges">Bytes of the client that it acknowledges.</param>
/// <param name="IsLate">It was sent after a later owner had sent: nobody may get it.</param>
internal readonly record struct ModelPacket(int Ingress, ulong Epoch, int Acknowledges, bool IsLate)
{
    public int Packed => (Ingress << 12) | ((int)Epoch << 8) | (Acknowledges << 4) | (IsLate ? 1 : 0);
}

/// <summary>What every ingress knows, and the packets on their way to it or held there. What it decides is asked of a real <see cref="Router"/>.</summary>
internal sealed class ModelIngresses(int count, bool hasFence)
{
    private readonly List<ModelPacket> _held = [];
    private readonly ulong[] _fences = [.. Enumerable.Repeat(1UL, count)];
    private readonly ulong[] _passed = new ulong[count];

    private ModelIngresses(ModelIngresses from, int count, bool hasFence) : this(count, hasFence)
    {
        _held.AddRange(from._held);
        UnderWay.AddRange(from.UnderWay);
        from._fences.CopyTo(_fences, 0);
        from._passed.CopyTo(_passed, 0);
        (Seen, Broken) = (from.Seen, from.Broken);
    }

    public List<ModelPacket> UnderWay { get; } = [];

    /// <summary>The most bytes that the client has seen acknowledged.</summary>
    public int Seen { get; private set; }

    /// <summary>What went wrong.</summary>
    public string[] Broken { get; private set; } = [];

    public ModelIngresses Clone() => new(this, count, hasFence);

    /// <summary>0: it knows nothing.</summary>
    public ulong Fence(int ingress) => _fences[ingress];

    public bool Passes(int ingress, ulong epoch) => Fences.Judge(_fences[ingress], epoch) is RouteVerdict.Forward;

    public void Arrive(int at, bool keep)
    {
        ModelPacket packet = UnderWay[at];
        if (!keep)
        {
            UnderWay.RemoveAt(at);
        }

        switch (Fences.Judge(_fences[packet.Ingress], packet.Epoch))
        {
            case RouteVerdict.Drop when hasFence: break;
            case RouteVerdict.Held: _held.Add(packet); break;
            default: ToClient(packet); break;
        }
    }

    public void Hear(int ingress, ulong epoch)
    {
        ulong before = _fences[ingress];
        _fences[ingress] = Fences.Raise(before, epoch);
        foreach (ModelPacket packet in _held.Where(p => p.Ingress == ingress).ToArray())
        {
            RouteVerdict verdict = Fences.Release(before, packet.Epoch, epoch);
            if (verdict is not RouteVerdict.Held)
            {
                _ = _held.Remove(packet);
            }

            if (verdict is RouteVerdict.Forward || (verdict is RouteVerdict.Drop && !hasFence))
            {
                ToClient(packet);
            }
        }
    }

    /// <summary>Whether a record would change nothing.</summary>
    public bool Ignores(int ingress, ulong epoch) => Fences.Raise(_fences[ingress], epoch) == _fences[ingress];

    public void Restart(int ingress)
    {
        _fences[ingress] = 0;
        _ = UnderWay.RemoveAll(p => p.Ingress == ingress);
        _ = _held.RemoveAll(p => p.Ingress == ingress);
    }

    /// <param name="key">What to write to.</param>
    /// <param name="unheard">For each ingress, what it has not heard yet: ingresses that are alike are not told apart.</param>
    /// <param name="confirmed">For each, by whom it is still asked to confirm.</param>
    public void Write(ModelKey key, Func<int, int> unheard, Func<int, int> confirmed)
    {
        key.Add(Seen);
        List<string> all = [];
        for (int i = 0; i < count; i++)
        {
            int at = i;
            ModelKey one = new();
            one.Add((int)_fences[i], (int)_passed[i], unheard(i), confirmed(i));
            one.AddSet([.. UnderWay.Where(p => p.Ingress == at).Select(p => (p with { Ingress = 0 }).Packed)]);
            one.AddSet([.. _held.Where(p => p.Ingress == at).Select(p => (p with { Ingress = 0 }).Packed)]);
            all.Add(one.ToString());
        }

        all.Sort(StringComparer.Ordinal);
        foreach (string one in all)
        {
            key.Add(ModelKey.NumberOf(one));
        }
    }

    private void ToClient(ModelPacket packet)
    {
        Break(packet.IsLate, Violations.TwoReachTheClient);
        Break(packet.Epoch < _passed[packet.Ingress], Violations.OldOwnerPasses);

        _passed[packet.Ingress] = ulong.Max(_passed[packet.Ingress], packet.Epoch);
        Seen = int.Max(Seen, packet.Acknowledges);
    }

    private void Break(bool isBroken, string violation) => Broken = isBroken && !Broken.Contains(violation) ? [.. Broken, violation] : Broken;

    /// <summary>A real router's answers: it keeps nothing but its fence that these depend on.</summary>
    private static class Fences
    {
        private static readonly ConcurrentDictionary<(ulong, ulong), RouteVerdict> s_verdicts = [];
        private static readonly ConcurrentDictionary<(ulong, ulong), ulong> s_fences = [];
        private static readonly ConcurrentDictionary<(ulong, ulong, ulong), RouteVerdict> s_releases = [];

        public static RouteVerdict Judge(ulong fence, ulong epoch) =>
            s_verdicts.GetOrAdd((fence, epoch), static at => NewRouter(at.Item1).OnNode(Header(at.Item2), [1], default));

        public static ulong Raise(ulong fence, ulong epoch) => s_fences.GetOrAdd((fence, epoch), static at =>
        {
            Router router = NewRouter(at.Item1);
            router.OnRecord(Record(at.Item2), default);
            return router.Fence(1);
        });

        public static RouteVerdict Release(ulong fence, ulong held, ulong epoch) => s_releases.GetOrAdd((fence, held, epoch), static at =>
        {
            Router router = NewRouter(at.Item1);
            Assert.AreEqual(RouteVerdict.Held, router.OnNode(Header(at.Item2), [1], default));
            router.OnRecord(Record(at.Item3), default);
            while (router.TryTakeOutput(out RouterOutput output))
            {
                if (output.Kind is RouterOutputKind.ToClient)
                {
                    return RouteVerdict.Forward;
                }
            }

            return router.Counters.Fenced > 0 ? RouteVerdict.Drop : RouteVerdict.Held;
        });

        private static Router NewRouter(ulong fence)
        {
            Router router = new(new(), ProtectionSuites.BaseLibrary, new([]), 1, 2);
            if (fence > 0)
            {
                router.OnRecord(Record(fence), default);
            }

            return router;
        }

        private static IngressHeader Header(ulong epoch) => new() { Type = IngressDatagram.Data, Epoch = epoch, Shard = 1 };

        private static OwnershipRecord Record(ulong epoch) => new("web", HandOverModel.Alpha, Member.None, epoch, 1, SnapshotHash.None);
    }
}
