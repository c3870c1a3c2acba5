using Net.Node.Etcd;

namespace Net.Tests.Node.Etcd;

/// <summary>An etcd cluster in memory. The test makes it silent, lose answers, hold back what it tells, end leases, and forget.</summary>
internal sealed class FakeEtcd
{
    private readonly Lock _lock = new();
    private readonly List<Watcher> _watchers = [];
    private readonly HashSet<long> _leases = [];
    private Dictionary<string, (byte[] Value, long Revision, long Lease)> _keys = new(StringComparer.Ordinal);
    private long _revision = 1;
    private long _lastLease;
    private bool _isHolding;

    /// <summary>Nobody answers.</summary>
    public bool IsDown { get; set; }

    /// <summary>So many transactions are carried out, and their answers lost.</summary>
    public int AnswersToLose { get; set; }

    public IReadOnlyCollection<long> Leases
    {
        get
        {
            lock (_lock)
            {
                return [.. _leases];
            }
        }
    }

    public IEtcd Connect() => new Client(this);

    public IReadOnlyList<string> Keys()
    {
        lock (_lock)
        {
            return [.. _keys.Keys.Order(StringComparer.Ordinal)];
        }
    }

    public byte[] Value(string key)
    {
        lock (_lock)
        {
            return _keys[key].Value;
        }
    }

    /// <summary>Somebody else writes.</summary>
    public void Put(string key, byte[]? value) => _ = Change(() => Write(key, value, 0));

    /// <summary>Changes are told later, when it is set back.</summary>
    public void HoldWatches(bool hold)
    {
        lock (_lock)
        {
            _isHolding = hold;
            Tell();
        }
    }

    /// <summary>Every watch ends, as with the member that served it.</summary>
    public void EndWatches()
    {
        lock (_lock)
        {
            foreach (Watcher watcher in _watchers.ToArray())
            {
                _ = watcher.Ended.TrySetException(new EtcdException("fake ended a watch"));
            }
        }
    }

    public void Expire(long lease) => _ = Change(() => End(lease));

    /// <summary>Back to nothing: a cluster whose data was lost.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            (_keys, _revision) = (new(StringComparer.Ordinal), 1);
            _leases.Clear();
        }
    }

    private long Change(Func<List<EtcdEntry>> change)
    {
        lock (_lock)
        {
            _revision++;
            List<EtcdEntry> entries = change();
            foreach (Watcher watcher in _watchers)
            {
                watcher.Pending.AddRange(entries.Where(entry => entry.Key.StartsWith(watcher.Prefix, StringComparison.Ordinal)));
            }

            Tell();
            return _revision;
        }
    }

    private void Tell()
    {
        foreach (Watcher watcher in _isHolding ? [] : _watchers.ToArray())
        {
            if (watcher.Pending.Count > 0)
            {
                EtcdEntry[] entries = [.. watcher.Pending];
                watcher.Pending.Clear();
                watcher.Changed(entries);
            }
        }
    }

    private List<EtcdEntry> Write(string key, byte[]? value, long lease)
    {
        if (value is null)
        {
            return _keys.Remove(key) ? [new(key, null, _revision)] : [];
        }

        _keys[key] = (value, _revision, lease);
        return [new(key, value, _revision)];
    }

    private List<EtcdEntry> End(long lease)
    {
        _ = _leases.Remove(lease);
        return [.. _keys.Where(key => key.Value.Lease == lease).Select(key => key.Key).ToArray().SelectMany(key => Write(key, null, 0))];
    }

    private EtcdEntry Read(string key) => _keys.TryGetValue(key, out (byte[] Value, long Revision, long Lease) found) ? new(key, found.Value, found.Revision) : new(key, null, 0);

    private sealed class Watcher(string prefix, Action<IReadOnlyList<EtcdEntry>> changed)
    {
        public string Prefix => prefix;

        public Action<IReadOnlyList<EtcdEntry>> Changed => changed;

        public List<EtcdEntry> Pending { get; } = [];

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Client(FakeEtcd etcd) : IEtcd
    {
        public Task<EtcdSnapshot> ListAsync(string prefix, CancellationToken cancellationToken) => Do(() => new EtcdSnapshot(
            etcd._revision, [.. etcd._keys.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(etcd.Read)]));

        public Task<EtcdOutcome> TransactAsync(EtcdTransaction transaction, CancellationToken cancellationToken) => Do(() =>
        {
            bool holds = transaction.If.All(condition => etcd.Read(condition.Key).Revision == condition.Revision);
            if (holds && transaction.Then.Count > 0)
            {
                _ = etcd.Change(() => [.. transaction.Then.SelectMany(write => etcd.Write(write.Key, write.Value?.ToArray(), write.Lease))]);
                if (etcd.AnswersToLose > 0)
                {
                    etcd.AnswersToLose--;
                    throw new EtcdException("fake does not answer");
                }

                return new EtcdOutcome(true, etcd._revision, []);
            }

            return new EtcdOutcome(holds, etcd._revision, [.. transaction.Read.Select(etcd.Read)]);
        });

        public Task<long> GrantAsync(TimeSpan life, CancellationToken cancellationToken) => Do(() =>
        {
            _ = etcd._leases.Add(++etcd._lastLease);
            return etcd._lastLease;
        });

        public Task<bool> KeepAliveAsync(long lease, CancellationToken cancellationToken) => Do(() => etcd._leases.Contains(lease));

        public Task RevokeAsync(long lease, CancellationToken cancellationToken) => Do(() => etcd.Change(() => etcd.End(lease)));

        public async Task WatchAsync(string prefix, long fromRevision, Action<IReadOnlyList<EtcdEntry>> changed, CancellationToken cancellationToken)
        {
            Watcher watcher = new(prefix, changed);
            _ = await Do(() =>
            {
                // What has come since the list.
                watcher.Pending.AddRange(etcd._keys.Where(key => key.Key.StartsWith(prefix, StringComparison.Ordinal) && key.Value.Revision >= fromRevision).Select(key => etcd.Read(key.Key)));
                etcd._watchers.Add(watcher);
                etcd.Tell();
                return true;
            });
            try
            {
                await watcher.Ended.Task.WaitAsync(cancellationToken);
            }
            finally
            {
                lock (etcd._lock)
                {
                    _ = etcd._watchers.Remove(watcher);
                }
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private Task<T> Do<T>(Func<T> work)
        {
            try
            {
                lock (etcd._lock)
                {
                    return etcd.IsDown ? Task.FromException<T>(new EtcdException("fake does not answer")) : Task.FromResult(work());
                }
            }
            catch (EtcdException e)
            {
                return Task.FromException<T>(e);
            }
        }
    }
}
