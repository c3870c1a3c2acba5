using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Wire;

namespace Net.Tests.Core.Connections;

[TestClass]
public sealed class ThreadMarkTests
{
    private static readonly byte[] s_secret = [.. Enumerable.Range(1, 16).Select(i => (byte)i)];

    /// <summary>Goal: any thread of a port reads from any ID whose it is; the IDs keep the layout that routers know, with the same shard.</summary>
    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(ThreadMark.MaxThreads)]
    public void Every_thread_reads_every_mark(int threads)
    {
        ThreadMark reader = new(1, 2, 0, threads);
        for (int thread = 0; thread < threads; thread++)
        {
            for (ulong number = 0; number < 5; number++)
            {
                ConnectionId id = Ids().Derive(Keys(new(1, 2, thread, threads)), number);
                Assert.IsTrue(reader.TryRead(id, out int owner));
                Assert.AreEqual(thread, owner);
                Assert.IsTrue(CidLayout.TryReadShard(id.Span, null, out uint shard));
                Assert.AreEqual(7u, shard);
                ConnectionId unmarked = Ids().Derive(Keys(null), number);
                Assert.IsTrue(unmarked.Span[..^1].SequenceEqual(id.Span[..^1]), "nothing but the last octet");
            }
        }
    }

    /// <summary>Goal: without the key an ID says nothing of its thread: IDs of one thread end in all sorts of octets, and another key reads what chance has it.</summary>
    [TestMethod]
    public void Nobody_else_reads_a_mark()
    {
        const int Count = 512;
        ThreadMark mark = new(1, 2, 1, 2), stranger = new(1, 3, 1, 2);
        LocalConnectionIds ids = Ids();
        HashSet<byte> last = [];
        int read = 0;
        for (ulong number = 0; number < Count; number++)
        {
            ConnectionId id = ids.Derive(Keys(mark), number);
            _ = last.Add(id.Span[^1]);
            read += stranger.TryRead(id, out _) ? 1 : 0;
        }

        Assert.IsGreaterThan(200, last.Count);
        Assert.IsLessThan(20, read, $"of {Count}, where 4 are expected by chance");
    }

    private static LocalConnectionIds Ids() => new(7, s_secret);

    private static ConnectionKeys Keys(ThreadMark? mark) => new(1, 0, new byte[32], new byte[32]) { Thread = mark };
}
