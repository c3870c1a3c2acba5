namespace Net.Node.Etcd;

/// <summary>The little that is asked of an etcd cluster. Every call ends in a bounded time; whoever answers, the answer is the cluster's.</summary>
/// <remarks>An <see cref="EtcdException"/> means that there was no answer: a transaction may have happened, or may still happen.</remarks>
internal interface IEtcd : IAsyncDisposable
{
    /// <summary>All keys below a prefix at one revision, as the quorum has them.</summary>
    Task<EtcdSnapshot> ListAsync(string prefix, CancellationToken cancellationToken);

    Task<EtcdOutcome> TransactAsync(EtcdTransaction transaction, CancellationToken cancellationToken);

    /// <summary>A lease: keys that are put under it vanish when it has not been kept alive for that long.</summary>
    Task<long> GrantAsync(TimeSpan life, CancellationToken cancellationToken);

    /// <returns>False: there is no such lease any more.</returns>
    Task<bool> KeepAliveAsync(long lease, CancellationToken cancellationToken);

    /// <summary>Ends a lease, and what is under it.</summary>
    Task RevokeAsync(long lease, CancellationToken cancellationToken);

    /// <summary>Tells of every change below a prefix, in order, from a revision on. Ends only with an exception; then list again, and watch from there.</summary>
    Task WatchAsync(string prefix, long fromRevision, Action<IReadOnlyList<EtcdEntry>> changed, CancellationToken cancellationToken);
}

/// <summary>A key as it is, or as it became.</summary>
/// <param name="Key">Whole.</param>
/// <param name="Value">Null: it was deleted, or never was.</param>
/// <param name="Revision">Of the cluster, when it last changed; 0: it does not exist.</param>
internal sealed record EtcdEntry(string Key, ReadOnlyMemory<byte>? Value, long Revision);

/// <param name="Revision">At which all of this held.</param>
internal sealed record EtcdSnapshot(long Revision, IReadOnlyList<EtcdEntry> Entries);

/// <summary>A condition: the key last changed at that revision; 0: it does not exist.</summary>
internal sealed record EtcdCondition(string Key, long Revision);

/// <param name="Value">Null: delete it.</param>
/// <param name="Lease">0: it stays.</param>
internal sealed record EtcdWrite(string Key, ReadOnlyMemory<byte>? Value, long Lease = 0);

/// <summary>When all conditions hold, all writes are done at one instant; else nothing is. Either way, without writes, or when a condition does not hold, the keys are read.</summary>
internal sealed record EtcdTransaction(IReadOnlyList<EtcdCondition> If, IReadOnlyList<EtcdWrite> Then, IReadOnlyList<string> Read)
{
    public static EtcdTransaction ReadOnly(params string[] keys) => new([], [], keys);
}

/// <param name="IsDone">The conditions held.</param>
/// <param name="Revision">Of the cluster, afterwards.</param>
/// <param name="Read">As asked for; empty when writes were done.</param>
internal sealed record EtcdOutcome(bool IsDone, long Revision, IReadOnlyList<EtcdEntry> Read);

/// <summary>The cluster did not answer, or does not want this.</summary>
internal sealed class EtcdException : IOException
{
    public EtcdException(string message) : base(message) { }

    public EtcdException(string message, Exception innerException) : base(message, innerException) { }
}
