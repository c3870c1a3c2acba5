using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Node.Etcd;

/// <summary>The ownership directory in etcd, for any number of ingresses.</summary>
/// <remarks>
/// A request is decided over the record as it is known here (<see cref="Ownership.Decide(OwnershipRequest, Member, OwnershipRecord?, OwnershipCounts, out OwnershipRecord?)"/>),
/// and written by one transaction on that record's revision. When it has changed meanwhile, the same transaction reads it, and the request is
/// decided anew. What changes nothing is answered only over a record that was read after the request had come. An answer that does not come
/// is silence to whoever asked: the write may have happened, and its repetition finds out.
///
/// One task decides, one watches, one keeps the lease alive under which the other ingresses see this one, and whom it sees. While etcd does
/// not answer, <see cref="Trouble"/> says so; what is known stays known, and everything that needs no write goes on.
/// </remarks>
internal sealed class EtcdDirectory : ISharedDirectory
{
    /// <summary>Requests that have not been decided; more are dropped, as silence is always safe.</summary>
    public const int MaxQueued = 1024;

    /// <summary>Tries of one request against others that change the same record.</summary>
    private const int MaxTries = 16;

    /// <summary>Watches that end at once, one after the other, before that is trouble: one that ends with its member is not.</summary>
    private const int MaxEndedWatches = 10;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    private readonly IEtcd _etcd;
    private readonly EtcdKeys _keys;
    private readonly EtcdView _view;
    private readonly EtcdPresence _presence;
    private readonly string _name;
    private readonly TimeProvider _time;
    private readonly Lock _lock;
    private readonly Channel<Asked> _asked = Channel.CreateBounded<Asked>(new BoundedChannelOptions(MaxQueued) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly Queue<OwnershipAnswer> _answers = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly ReadOnlyMemory<byte> _secret;
    private FederationKeys _federation;
    private ReadOnlyMemory<byte> _opened;
    private Action _changed = static () => { };
    private string? _silence;

    private EtcdDirectory(
        IEtcd etcd, EtcdKeys keys, EtcdView view, EtcdPresence presence, FederationKeys federation, ReadOnlyMemory<byte> secret, string name, TimeProvider time, Lock gate)
    {
        (_etcd, _keys, _view, _presence, _federation, _secret, _name, _time, _lock) = (etcd, keys, view, presence, federation, secret, name, time, gate);
        _opened = view.SealedKeys;
    }

    /// <summary>What cannot be opened is not taken: the former ones go on.</summary>
    public FederationKeys Keys
    {
        get
        {
            lock (_lock)
            {
                if (!_opened.Equals(_view.SealedKeys))
                {
                    _opened = _view.SealedKeys;
                    FederationKeys? stored = _keys.Open(_opened.Span, _secret.Span);
                    _federation = stored is null || stored.Equals(_federation) ? _federation : FederationKeys.Latest(_federation, stored);
                }

                return _federation;
            }
        }
    }

    public string? Roster
    {
        get
        {
            lock (_lock)
            {
                return _view.Roster;
            }
        }
    }

    /// <summary>Let go of at the end: what keeps other processes from being this ingress.</summary>
    public IDisposable? Held { get; init; }

    public uint Number => _presence.Number;

    public IReadOnlyCollection<OwnershipRecord> Records
    {
        get
        {
            lock (_lock)
            {
                return [.. _view.Records.Values];
            }
        }
    }

    public IReadOnlyCollection<IngressInfo> Ingresses
    {
        get
        {
            lock (_lock)
            {
                return [.. _view.Ingresses.Values];
            }
        }
    }

    public string? Trouble
    {
        get
        {
            lock (_lock)
            {
                return _view.Lost is { } lost ? $"{_name} has lost what it knew of {lost}: nothing moves any more; restore its data, then start the ingresses again"
                    : _presence.Trouble ?? (_silence is null ? null : $"{_silence}: nothing moves until it does, clients are served meanwhile");
            }
        }
    }

    /// <summary>Reads everything, finds or makes the federation's keys, and takes a number.</summary>
    /// <param name="etcd">Owned from here on, also when this fails.</param>
    /// <param name="prefix">Of all keys.</param>
    /// <param name="name">Of the cluster, for people.</param>
    /// <param name="self">Who this ingress is.</param>
    /// <param name="secret">32 bytes that all ingresses of the federation have, and nobody else.</param>
    /// <param name="time">For pauses and the lease.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="held">See <see cref="Held"/>; owned when this succeeds.</param>
    /// <exception cref="IOException">etcd does not answer, or holds something else.</exception>
    public static async Task<EtcdDirectory> OpenAsync(
        IEtcd etcd, string prefix, string name, EtcdIdentity self, ReadOnlyMemory<byte> secret, TimeProvider time, CancellationToken cancellationToken,
        IDisposable? held = null)
    {
        EtcdKeys keys = new(prefix);
        EtcdView view = new(keys);
        Lock gate = new();
        EtcdPresence presence = new(etcd, keys, view, gate, self, name);
        try
        {
            view.Apply(await etcd.ListAsync(prefix, cancellationToken).ConfigureAwait(false), 0);
            if (view.Lost is not null)
            {
                throw new EtcdException($"{name} holds something at {keys.Record(view.Lost)} that this release cannot read");
            }

            FederationKeys federation = await LoadOrCreateAsync(etcd, keys, view, name, secret, cancellationToken).ConfigureAwait(false);
            await presence.BeginAsync(cancellationToken).ConfigureAwait(false);
            view.IngressChanges.Clear();
            return new(etcd, keys, view, presence, federation, secret, name, time, gate) { Held = held };
        }
        catch
        {
            await etcd.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public void Start(Action changed)
    {
        _changed = changed;
        _running.Add(DecideAllAsync());
        _running.Add(WatchAsync());
        _running.Add(BeatAsync());
    }

    public void Submit(OwnershipRequest request, Member requester) => _ = _asked.Writer.TryWrite(new(request, requester, _time.GetTimestamp(), null));

    public void Store(FederationKeys keys, string? roster)
    {
        lock (_lock)
        {
            EtcdCondition[] same = [new(_keys.Sealed, _view.RevisionOf(_keys.Sealed)), new(_keys.Trust, _view.RevisionOf(_keys.Trust))];
            EtcdWrite write = new(_keys.Sealed, _keys.Seal(keys, _secret.Span));
            EtcdWrite[] writes = roster is null ? [write] : [write, new(_keys.Trust, Encoding.ASCII.GetBytes(roster))];
            _ = _asked.Writer.TryWrite(new(null, Member.None, _time.GetTimestamp(), new(same, writes, [_keys.Sealed, _keys.Trust])));
        }
    }

    public bool TryTakeAnswer([NotNullWhen(true)] out OwnershipAnswer? answer)
    {
        lock (_lock)
        {
            return _answers.TryDequeue(out answer);
        }
    }

    public bool TryTakeChange([NotNullWhen(true)] out OwnershipRecord? record)
    {
        lock (_lock)
        {
            return _view.Changes.TryDequeue(out record);
        }
    }

    public bool TryTakeIngress([NotNullWhen(true)] out IngressInfo? ingress, out bool isAlive)
    {
        lock (_lock)
        {
            bool any = _view.IngressChanges.TryDequeue(out (IngressInfo Ingress, bool IsAlive) change);
            (ingress, isAlive) = any ? change : (null, false);
            return ingress is not null;
        }
    }

    public void Report(Member member, bool isAlive) => _presence.Report(member, isAlive);

    public bool IsSeenElsewhere(Member member)
    {
        lock (_lock)
        {
            return _view.IsSeen(member, Number);
        }
    }

    /// <summary>Says goodbye to the other ingresses, if etcd answers.</summary>
    public async ValueTask DisposeAsync()
    {
        _asked.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _presence.EndAsync().ConfigureAwait(false);
        await _etcd.DisposeAsync().ConfigureAwait(false);
        Held?.Dispose();
        _stop.Dispose();
    }

    private static async Task<FederationKeys> LoadOrCreateAsync(
        IEtcd etcd, EtcdKeys keys, EtcdView view, string name, ReadOnlyMemory<byte> secret, CancellationToken cancellationToken)
    {
        byte[] entropy = RandomNumberGenerator.GetBytes(FederationKeys.EntropyLength);
        FederationKeys made = FederationKeys.Create(entropy);
        CryptographicOperations.ZeroMemory(entropy);
        EtcdTransaction create = new([new(keys.Sealed, 0)], [new(keys.Sealed, keys.Seal(made, secret.Span))], [keys.Sealed]);
        EtcdOutcome outcome = await etcd.TransactAsync(create, cancellationToken).ConfigureAwait(false);
        view.Apply(outcome.IsDone ? new(keys.Sealed, create.Then[0].Value, outcome.Revision) : outcome.Read[0]);
        return outcome.IsDone ? made
            : keys.Open(outcome.Read[0].Value!.Value.Span, secret.Span) ?? throw new EtcdException(
                $"the federation's keys in {name} are sealed with another secret: give this ingress the trust folder (or the data directory) of the others");
    }

    private async Task DecideAllAsync()
    {
        await foreach (Asked asked in _asked.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            // Whoever asked has given up, and asks again.
            if (_stop.IsCancellationRequested || _time.GetElapsedTime(asked.At) >= ControlRequests.Patience)
            {
                continue;
            }

            await GuardedAsync(() => asked.Request is { } request ? DecideAsync(request, asked.Requester) : StoreAsync(asked.Store!)).ConfigureAwait(false);
            _changed();
        }
    }

    private async Task DecideAsync(OwnershipRequest request, Member requester)
    {
        string key = _keys.Record(request.Component);
        bool isFresh = false;
        for (int tries = 0; tries < MaxTries; tries++)
        {
            OwnershipAnswer answer;
            EtcdTransaction transaction;
            OwnershipRecord? changed;
            long before;
            lock (_lock)
            {
                if (_view.Lost is not null)
                {
                    return;
                }

                before = _view.Revision;
                answer = Ownership.Decide(request, requester, _view.Records.GetValueOrDefault(request.Component), _view.Counts, out changed);
                if (changed is null && isFresh)
                {
                    _answers.Enqueue(answer);
                    return;
                }

                transaction = changed is null ? EtcdTransaction.ReadOnly(key, _keys.Shard) : Write(request, key, changed);
            }

            EtcdOutcome outcome = await _etcd.TransactAsync(transaction, _stop.Token).ConfigureAwait(false);
            lock (_lock)
            {
                _view.OnAnswer(outcome.Revision, before);
                foreach (EtcdEntry entry in outcome.Read)
                {
                    _view.Apply(entry);
                }

                if (changed is not null && outcome.IsDone)
                {
                    foreach (EtcdWrite write in transaction.Then)
                    {
                        _view.Apply(new EtcdEntry(write.Key, write.Value, outcome.Revision));
                    }

                    _answers.Enqueue(answer);
                    return;
                }
            }

            isFresh = true;
        }
    }

    /// <summary>Whoever was faster, this ingress or another, has written: what stands there then is what holds.</summary>
    private async Task StoreAsync(EtcdTransaction store)
    {
        EtcdOutcome outcome = await _etcd.TransactAsync(store, _stop.Token).ConfigureAwait(false);
        lock (_lock)
        {
            foreach (EtcdEntry entry in outcome.IsDone ? store.Then.Select(write => new EtcdEntry(write.Key, write.Value, outcome.Revision)) : outcome.Read)
            {
                _view.Apply(entry);
            }
        }
    }

    private EtcdTransaction Write(OwnershipRequest request, string key, OwnershipRecord changed)
    {
        EtcdCondition same = new(key, _view.RevisionOf(key));
        EtcdWrite write = new(key, EtcdKeys.Write(changed));
        // A new record takes the next shard, which nobody else may take at the same time.
        return request is CreateOwnership
            ? new([same, new(_keys.Shard, _view.RevisionOf(_keys.Shard))], [write, new(_keys.Shard, EtcdKeys.Write(changed.Shard))], [key, _keys.Shard])
            : new([same], [write], [key]);
    }

    /// <summary>Lists, and watches from there; again and again, as a watch ends with the member that serves it.</summary>
    private async Task WatchAsync()
    {
        int ended = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                long revision = await ListAsync().ConfigureAwait(false);
                await _etcd.WatchAsync(
                    _keys.Prefix, revision + 1,
                    entries =>
                    {
                        ended = 0;
                        OnWatched(entries);
                    },
                    _stop.Token).ConfigureAwait(false);
            }
            catch (EtcdException e) when (++ended > MaxEndedWatches)
            {
                // Whether etcd answers at all is the others' word; that it tells nothing is this one's.
                Note(e.Message);
            }
            catch (Exception e) when (e is EtcdException or OperationCanceledException)
            {
                // Tried again, elsewhere.
            }
#pragma warning disable CA1031 // A watch that ended for good would leave stale records.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Note(e.Message);
            }

            await Task.Delay(s_pause, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<long> ListAsync()
    {
        long before;
        lock (_lock)
        {
            before = _view.Revision;
        }

        EtcdSnapshot snapshot = await _etcd.ListAsync(_keys.Prefix, _stop.Token).ConfigureAwait(false);
        lock (_lock)
        {
            _view.Apply(snapshot, before);
        }

        _changed();
        return snapshot.Revision;
    }

    private void OnWatched(IReadOnlyList<EtcdEntry> entries)
    {
        lock (_lock)
        {
            foreach (EtcdEntry entry in entries)
            {
                _view.OnAnswer(entry.Revision, 0);
                _view.Apply(entry);
            }
        }

        _changed();
    }

    private async Task BeatAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            bool isDone = await GuardedAsync(() => _presence.BeatAsync(_stop.Token)).ConfigureAwait(false);
            Task pause = Task.Delay(isDone ? EtcdPresence.Interval : s_pause, _time, _stop.Token);
            await (isDone ? Task.WhenAny(pause, _presence.Reported(_stop.Token)) : pause).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Notes whether etcd answers, and tells when that changes.</summary>
    private async Task<bool> GuardedAsync(Func<Task> ask)
    {
        string? silence = null;
        try
        {
            await ask().ConfigureAwait(false);
        }
        catch (EtcdException e)
        {
            silence = e.Message;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return false;
        }
#pragma warning disable CA1031 // A loop that ended for any reason would be a member that nobody hears: it is told, and tried again.
        catch (Exception e)
#pragma warning restore CA1031
        {
            silence = e.Message;
        }

        Note(silence);
        return silence is null;
    }

    private void Note(string? silence)
    {
        string? before = Trouble;
        lock (_lock)
        {
            _silence = silence;
        }

        if (Trouble != before)
        {
            _changed();
        }
    }

    private readonly record struct Asked(OwnershipRequest? Request, Member Requester, long At, EtcdTransaction? Store);
}
