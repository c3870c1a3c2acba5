using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>Everything that happens in a test, in one thread, on virtual time, out of one seed: what is to happen when, and the network.</summary>
/// <remarks>A run is replayed by its seed: <c>SEED=n dotnet test --filter NAME</c> (see <see cref="SeedsAttribute"/>).</remarks>
internal sealed class World(ulong seed)
{
    private const long MaxEvents = 5_000_000;

    private readonly PriorityQueue<Action, (long At, long Order)> _agenda = new();
    private readonly Dictionary<UdpAddress, Action<Datagram>> _receivers = [];
    private long _order;
    private long _events;

    public SimulatedRandom Random { get; } = new(seed);

    public Instant Now { get; private set; } = new(TimeSpan.TicksPerHour);

    /// <summary>What the network does to datagrams; by default nothing but delay.</summary>
    public NetworkConditions Network { get; set; } = new();

    public NetworkTotals Totals { get; } = new();

    /// <summary>Sees every datagram as it is sent, before the network has its way with it.</summary>
    public Sighting? Sending { get; set; }

    public delegate void Sighting(UdpAddress from, UdpAddress to, ReadOnlySpan<byte> bytes);

    public void Attach(UdpAddress address, Action<Datagram> receiver) => _receivers[address] = receiver;

    public void Detach(UdpAddress address) => _receivers.Remove(address);

    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    public void At(Instant when, Action action) => _agenda.Enqueue(action, (long.Max(when.Ticks, Now.Ticks), _order++));

    public void Send(UdpAddress from, UdpAddress to, ReadOnlySpan<byte> bytes, Ecn ecn = Ecn.NotEct)
    {
        Totals.Sent++;
        Sending?.Invoke(from, to, bytes);
        if (Random.OneIn(Network.LossOneIn))
        {
            Totals.Lost++;
            return;
        }

        int copies = Random.OneIn(Network.DuplicateOneIn) ? 2 : 1;
        Totals.Duplicated += copies - 1;
        for (int i = 0; i < copies; i++)
        {
            byte[] copy = bytes.ToArray();
            if (copy.Length > 0 && Random.OneIn(Network.CorruptOneIn))
            {
                copy[Random.Below(copy.Length)] ^= (byte)(1 << Random.Below(8));
                Totals.Corrupted++;
            }

            After(Random.Between(Network.MinDelay, Network.MaxDelay), () =>
            {
                if (_receivers.TryGetValue(to, out Action<Datagram>? receiver))
                {
                    receiver(new(from, to, copy, ecn));
                }
            });
        }
    }

    /// <summary>Lets time pass until <paramref name="condition"/> holds.</summary>
    /// <exception cref="AssertFailedException">It does not within <paramref name="limit"/> of virtual time, or nothing is left to happen.</exception>
    public void RunUntil(Func<bool> condition, TimeSpan limit)
    {
        Instant end = Now + limit;
        while (!condition())
        {
            if (!TryStep(end))
            {
                Assert.Fail($"seed {seed}: the condition did not come true within {limit} of virtual time");
            }
        }
    }

    /// <summary>Lets an amount of time pass.</summary>
    public void Run(TimeSpan span)
    {
        Instant end = Now + span;
        while (TryStep(end))
        {
        }

        Now = end;
    }

    /// <returns>False when nothing happens before <paramref name="end"/>.</returns>
    public bool TryStep(Instant end)
    {
        if (!_agenda.TryPeek(out _, out (long At, long Order) next) || next.At > end.Ticks)
        {
            return false;
        }

        if (++_events > MaxEvents)
        {
            Assert.Fail($"seed {seed}: more than {MaxEvents} events: something never comes to rest");
        }

        Action action = _agenda.Dequeue();
        Now = new(next.At);
        action();
        return true;
    }
}

/// <summary>A datagram on its way. Its bytes are the receiver's to change.</summary>
internal readonly record struct Datagram(UdpAddress From, UdpAddress To, byte[] Bytes, Ecn Ecn);

/// <summary>One in so many datagrams suffers; 0 = none.</summary>
internal sealed record NetworkConditions
{
    public int LossOneIn { get; init; }

    public int DuplicateOneIn { get; init; }

    public int CorruptOneIn { get; init; }

    public TimeSpan MinDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Above <see cref="MinDelay"/> datagrams overtake each other.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    public static NetworkConditions Bad { get; } = new()
    {
        LossOneIn = 20,
        DuplicateOneIn = 50,
        CorruptOneIn = 100,
        MinDelay = TimeSpan.FromMilliseconds(20),
        MaxDelay = TimeSpan.FromMilliseconds(35),
    };
}

/// <summary>What the network did, so that a test can show that it was put to one.</summary>
internal sealed class NetworkTotals
{
    public long Sent { get; set; }

    public long Lost { get; set; }

    public long Duplicated { get; set; }

    public long Corrupted { get; set; }
}
