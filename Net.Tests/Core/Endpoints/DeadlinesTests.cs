using Net.Core.Endpoints;
using Net.Core.Time;
using Net.Tests.Core.Connections;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Endpoints;

[TestClass]
public sealed class DeadlinesTests
{
    /// <summary>Goal: entries come out in the order of their times, each once, under any order of settings and removals; the list never outgrows them.</summary>
    [TestMethod]
    [Seeds(20)]
    public void Entries_come_out_in_order(ulong seed)
    {
        SimulatedRandom random = new(seed);
        ConnectionPair pair = new();
        Endpoint endpoint = new(Peer.DefaultOptions, new SimulatedCrypto(new World(1)));
        ConnectionEntry[] entries = [.. Enumerable.Range(0, 30).Select(_ => new ConnectionEntry(pair.Client, endpoint))];
        Deadlines deadlines = new();
        Dictionary<ConnectionEntry, long> model = [];
        for (int i = 0; i < 2000; i++)
        {
            ConnectionEntry entry = entries[random.Below(entries.Length)];
            long at = random.Below(1000);
            switch (random.Below(4))
            {
                case 0:
                    deadlines.Remove(entry);
                    model.Remove(entry);
                    break;
                case 1:
                    bool any = deadlines.TryTakeDue(new Instant(at), out ConnectionEntry? due);
                    Assert.AreEqual(model.Values.Any(v => v <= at), any);
                    if (any)
                    {
                        Assert.AreEqual(model.Values.Min(), model[due!]);
                        model.Remove(due!);
                    }

                    break;
                default:
                    deadlines.Set(entry, new Instant(at));
                    model[entry] = long.Min(at, model.GetValueOrDefault(entry, long.MaxValue));
                    break;
            }

            Assert.AreEqual(model.Count, deadlines.Count);
            Assert.AreEqual(model.Count > 0 ? model.Values.Min() : Instant.Never.Ticks, deadlines.Next.Ticks);
        }
    }
}
