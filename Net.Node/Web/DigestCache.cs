namespace Net.Node.Web;

/// <summary>Digests by what they are of; the oldest leaves first. A digest is made once, not once per request.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class DigestCache<TKey>
    where TKey : notnull
{
    /// <summary>Digests kept, finished or not: names and sizes are the client's choice.</summary>
    public const int MaxEntries = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, DigestJob> _jobs = [];
    private readonly Queue<TKey> _order = new();

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _jobs.Count;
            }
        }
    }

    /// <param name="key">Says all that the digest depends on.</param>
    /// <param name="length">Of the content.</param>
    public DigestJob Get(TKey key, long length)
    {
        lock (_lock)
        {
            if (!_jobs.TryGetValue(key, out DigestJob? job))
            {
                if (_jobs.Count == MaxEntries)
                {
                    _jobs.Remove(_order.Dequeue());
                }

                job = new(length);
                _jobs.Add(key, job);
                _order.Enqueue(key);
            }

            return job;
        }
    }

    /// <summary>Drops a job that failed: the next request tries anew.</summary>
    public void Forget(TKey key, DigestJob job)
    {
        lock (_lock)
        {
            if (_jobs.TryGetValue(key, out DigestJob? present) && present == job)
            {
                _jobs.Remove(key);
                TKey[] kept = [.. _order.Where(other => !other.Equals(key))];
                _order.Clear();
                foreach (TKey other in kept)
                {
                    _order.Enqueue(other);
                }
            }
        }
    }
}
