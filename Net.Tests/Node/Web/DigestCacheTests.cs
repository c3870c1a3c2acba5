using System.Security.Cryptography;
using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Goal: a digest is made once, in short steps, and clients cannot make the cache grow.</summary>
[TestClass]
public sealed class DigestCacheTests
{
    [TestMethod]
    public void A_digest_is_made_in_steps_and_kept()
    {
        const int Length = DigestJob.StepLength * 2 + 5;
        DigestCache<long> cache = new();
        KeyStream content = new(Length);
        DigestJob job = cache.Get(Length, Length);
        int steps = 0;
        while (job.Digest is null)
        {
            Assert.IsTrue(job.TryStep(content));
            steps++;
        }

        byte[] bytes = new byte[Length];
        content.Read(0, bytes);
        Assert.AreEqual(3, steps);
        CollectionAssert.AreEqual(SHA256.HashData(bytes), job.Digest);
        Assert.AreSame(job, cache.Get(Length, Length));
    }

    [TestMethod]
    public void The_oldest_leaves_when_it_is_full()
    {
        DigestCache<long> cache = new();
        DigestJob first = cache.Get(0, 1), second = cache.Get(1, 1);
        for (long key = 2; key <= DigestCache<long>.MaxEntries; key++)
        {
            cache.Get(key, 1);
        }

        Assert.AreEqual(DigestCache<long>.MaxEntries, cache.Count);
        Assert.AreSame(second, cache.Get(1, 1));
        Assert.AreNotSame(first, cache.Get(0, 1));
    }

    [TestMethod]
    public void A_job_that_failed_is_forgotten_and_only_that_one()
    {
        DigestCache<long> cache = new();
        DigestJob job = cache.Get(0, 1);
        cache.Forget(0, new(1));
        Assert.AreSame(job, cache.Get(0, 1));
        cache.Forget(0, job);
        Assert.AreNotSame(job, cache.Get(0, 1));
        Assert.AreEqual(1, cache.Count);
    }
}
