using System.Threading.Channels;
using Net.Migration.Directory;

namespace Net.Node.Etcd;

/// <summary>Who an ingress is to the others of its federation.</summary>
/// <param name="Id">Its own for as long as its state directory exists: with it, it gets its number again.</param>
/// <param name="Control">Where members reach it, as text.</param>
internal sealed record EtcdIdentity(string Id, string Control);

/// <summary>Tells the other ingresses that this one lives, and which members it sees: keys under a lease, which end with it.</summary>
internal sealed class EtcdPresence(IEtcd etcd, EtcdKeys keys, EtcdView view, Lock gate, EtcdIdentity self, string name)
{
    /// <summary>Ingresses of one federation.</summary>
    public const uint MaxIngresses = 64;

    /// <summary>How long the others believe in an ingress that says nothing; more than a send lease, so that nobody whom only that ingress heard sends any more.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(6);

    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly HashSet<Member> _seen = [];
    private readonly HashSet<string> _put = new(StringComparer.Ordinal);
    private readonly Channel<bool> _reported = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private long _lease;

    /// <summary>Of this ingress; known once it has begun.</summary>
    public uint Number { get; private set; }

    /// <summary>Another ingress has got its number; null: all is well.</summary>
    public string? Trouble { get; private set; }

    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        Number = await ClaimAsync(cancellationToken).ConfigureAwait(false);
        await RenewAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>From any thread.</summary>
    public void Report(Member member, bool isAlive)
    {
        lock (gate)
        {
            if (!(isAlive ? _seen.Add(member) : _seen.Remove(member)))
            {
                return;
            }
        }

        _ = _reported.Writer.TryWrite(true);
    }

    /// <summary>Ends when something was reported that etcd has not been told.</summary>
    public Task Reported(CancellationToken cancellationToken) => _reported.Reader.WaitToReadAsync(cancellationToken).AsTask();

    /// <summary>Keeps the lease, makes a new one when it has ended, and brings what is under it up to date.</summary>
    public async Task BeatAsync(CancellationToken cancellationToken)
    {
        if (!await etcd.KeepAliveAsync(_lease, cancellationToken).ConfigureAwait(false))
        {
            uint number = await ClaimAsync(cancellationToken).ConfigureAwait(false);
            if (number != Number)
            {
                Trouble = $"another ingress has taken number {Number} in {name} while this one was away: start this one again";
                return;
            }

            await RenewAsync(cancellationToken).ConfigureAwait(false);
        }

        string[] wanted;
        _ = _reported.Reader.TryRead(out _);
        lock (gate)
        {
            wanted = [.. _seen.Select(member => keys.Seen(member, Number))];
        }

        foreach (string key in wanted.Except(_put).ToArray())
        {
            await PutAsync([new(key, EtcdKeys.Write("alive"), _lease)], cancellationToken).ConfigureAwait(false);
            _ = _put.Add(key);
        }

        foreach (string key in _put.Except(wanted).ToArray())
        {
            await PutAsync([new(key, null)], cancellationToken).ConfigureAwait(false);
            _ = _put.Remove(key);
        }
    }

    /// <summary>The others need not wait.</summary>
    public async Task EndAsync()
    {
        try
        {
            await etcd.RevokeAsync(_lease, CancellationToken.None).ConfigureAwait(false);
        }
        catch (EtcdException)
        {
            // Then it ends by itself.
        }
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        _lease = await etcd.GrantAsync(Life, cancellationToken).ConfigureAwait(false);
        _put.Clear();
        await PutAsync([new(keys.Ingress(Number), EtcdKeys.Write(self.Control), _lease)], cancellationToken).ConfigureAwait(false);
    }

    private async Task PutAsync(EtcdWrite[] writes, CancellationToken cancellationToken)
    {
        long before = Revision();
        EtcdOutcome outcome = await etcd.TransactAsync(new([], writes, []), cancellationToken).ConfigureAwait(false);
        lock (gate)
        {
            view.OnAnswer(outcome.Revision, before);
        }
    }

    /// <summary>Its own number, else one that nobody has had, else one of an ingress that is gone.</summary>
    private async Task<uint> ClaimAsync(CancellationToken cancellationToken)
    {
        for (uint tries = 0; tries < 2 * MaxIngresses; tries++)
        {
            (uint number, bool isOwn) = Choose();
            if (isOwn)
            {
                return number;
            }

            string key = keys.Number(number);
            long known, before;
            lock (gate)
            {
                (known, before) = (view.RevisionOf(key), view.Revision);
            }

            EtcdWrite write = new(key, EtcdKeys.Write(self.Id));
            EtcdOutcome outcome = await etcd.TransactAsync(new([new(key, known)], [write], [key]), cancellationToken).ConfigureAwait(false);
            lock (gate)
            {
                view.OnAnswer(outcome.Revision, before);
                view.Apply(outcome.IsDone ? new(key, write.Value, outcome.Revision) : outcome.Read[0]);
            }
        }

        throw new EtcdException($"{name} is too busy to give this ingress a number");
    }

    private (uint Number, bool IsOwn) Choose()
    {
        lock (gate)
        {
            uint fresh = 0, idle = 0;
            for (uint number = 1; number <= MaxIngresses; number++)
            {
                if (!view.Numbers.TryGetValue(number, out string? identity))
                {
                    fresh = fresh == 0 ? number : fresh;
                }
                else if (identity == self.Id)
                {
                    return (number, true);
                }
                else if (idle == 0 && !view.Ingresses.ContainsKey(number))
                {
                    idle = number;
                }
            }

            return fresh > 0 ? (fresh, false) : idle > 0 ? (idle, false)
                : throw new EtcdException($"{name} has {MaxIngresses} ingresses already, which is the most of one federation");
        }
    }

    private long Revision()
    {
        lock (gate)
        {
            return view.Revision;
        }
    }
}
