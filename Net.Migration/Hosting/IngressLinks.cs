using System.Net;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Keeps a link to each ingress of the federation: the one that was named at the start, and those that any ingress tells of.</summary>
/// <param name="join">Opens a link and holds it until it is lost. Told the ingress's number when it has welcomed this node.</param>
/// <param name="options">Whose ingresses, and who is told of what goes wrong.</param>
/// <param name="stop">Ends all.</param>
/// <param name="time">By which it is tried again; null: the system's.</param>
internal sealed class IngressLinks(Func<IPEndPoint, TimeSpan, Action<uint>, Task> join, NodeOptions options, CancellationToken stop, TimeProvider? time = null)
{
    /// <summary>Addresses that are tried at a time; more are not believed.</summary>
    public const int MaxIngresses = 64;

    private static readonly TimeSpan s_joinInterval = TimeSpan.FromSeconds(1);

    /// <summary>Once it was a member: its clients wait meanwhile.</summary>
    private static readonly TimeSpan s_rejoinInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>An ingress that has said no is not asked again at once: each time costs it a handshake.</summary>
    private static readonly TimeSpan s_refusedInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A name that is still in use then is somebody else's. A process that was killed, and whose link the ingress still holds, has it until the failure detector says so; twice as
    /// long, as an ingress that was busy itself forgives the silence of that time.
    /// </summary>
    private static readonly TimeSpan s_inUse = 2 * FailureDetector.Timeout;

    private static readonly TimeSpan s_rejoinPatience = TimeSpan.FromSeconds(1.5);

    /// <summary>For whatever answer there is to be.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _lock = new();
    private readonly List<Dialer> _dialers = [];
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _wasJoined;
    private volatile NodeJoinException? _refused;

    /// <summary>Ends with the first welcome; faults when nobody answers in time, or the federation does not want this node.</summary>
    public Task Joined => _joined.Task;

    public void Start()
    {
        Add(options.Join, 0);
        if (options.FindIngresses is { } find)
        {
            _ = SearchAsync(find);
        }
    }

    /// <summary>What an ingress tells of another, or of itself.</summary>
    public void OnTold(IngressUpdateMessage told)
    {
        IPEndPoint control = told.Control.ToEndPoint();
        lock (_lock)
        {
            if (!told.IsAlive)
            {
                _dialers.FindAll(dialer => dialer.Number == told.Number && dialer.EndPoint.Equals(control)).ForEach(dialer => dialer.IsGone = true);
                return;
            }

            Dialer? known = _dialers.Find(dialer => dialer.EndPoint.Equals(control)) ?? _dialers.Find(dialer => dialer.Number == told.Number && dialer.IsLinked);
            if (known is not null)
            {
                known.IsGone = false;
                return;
            }
        }

        Add(control, told.Number);
    }

    /// <summary>There is one ingress, and it is here now: links to others are not opened again.</summary>
    /// <returns>Ends when it has welcomed this node.</returns>
    public Task FollowAsync(IPEndPoint control)
    {
        // It is there for certain.
        Add(control, 0, s_patience);
        lock (_lock)
        {
            _dialers.ForEach(dialer => dialer.IsGone = !dialer.EndPoint.Equals(control));
            return _dialers.Find(dialer => dialer.EndPoint.Equals(control))?.Welcomed.Task
                ?? Task.FromException(new IOException($"{MaxIngresses} ingresses are known already"));
        }
    }

    private void Add(IPEndPoint control, uint number, TimeSpan? patience = null)
    {
        Dialer dialer = new(control) { Number = number, Patience = patience };
        lock (_lock)
        {
            if (_dialers.Count >= MaxIngresses || _dialers.Exists(other => other.EndPoint.Equals(control)))
            {
                return;
            }

            _dialers.Add(dialer);
        }

        _ = StayJoinedAsync(dialer);
    }

    /// <summary>While there is no link at all: the ingresses may have other addresses by now than those that this node has heard of.</summary>
    private async Task SearchAsync(Func<CancellationToken, Task<IReadOnlyList<IPEndPoint>>> find)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(s_joinInterval, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (IsLinked())
            {
                continue;
            }

            try
            {
                foreach (IPEndPoint control in await find(stop).ConfigureAwait(false))
                {
                    Add(control, 0);
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                options.JoinFailed?.Invoke(e.Message);
            }
        }
    }

    private bool IsLinked()
    {
        lock (_lock)
        {
            return _dialers.Exists(dialer => dialer.IsLinked);
        }
    }

    private async Task StayJoinedAsync(Dialer dialer)
    {
        long begun = _time.GetTimestamp();
        long? inUseSince = null;
        while (!stop.IsCancellationRequested)
        {
            TimeSpan pause = _wasJoined ? s_rejoinInterval : s_joinInterval;
            try
            {
                await join(dialer.EndPoint, dialer.Patience ?? (_wasJoined ? s_rejoinPatience : s_patience), number => OnJoined(dialer, number)).ConfigureAwait(false);
            }
            catch (NodeJoinException refused) when (!_wasJoined && options.FindIngresses is null && !IsNameInUse(refused))
            {
                _ = _joined.TrySetException(refused);
                return;
            }
#pragma warning disable CA1031 // Whatever it was, it is tried again: a node that owns something never gives up.
            catch (Exception e)
#pragma warning restore CA1031
            {
                if (stop.IsCancellationRequested)
                {
                    return;
                }

                // One of several ingresses may not have heard yet of who has been added: another takes this node, or this one later.
                _refused = e as NodeJoinException;
                options.JoinFailed?.Invoke($"{dialer.EndPoint}: {e.Message}");
                inUseSince = IsNameInUse(e) ? inUseSince ?? _time.GetTimestamp() : null;
                pause = inUseSince is not null ? s_joinInterval : e is NodeJoinException ? s_refusedInterval : pause;
            }

            if (!TryGoOn(dialer))
            {
                return;
            }

            bool isOthers = inUseSince is long since && _time.GetElapsedTime(since) >= s_inUse;
            if (!_wasJoined && (isOthers || _time.GetElapsedTime(begun) >= options.JoinTimeout))
            {
                _ = _joined.TrySetException(WhyNot(inUseSince is not null));
                return;
            }

            await Task.Delay(pause, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private bool IsNameInUse(Exception e) => e is NodeJoinException && e.Message == JoinRefusedMessage.NameInUse(options.Name);

    private NodeJoinException WhyNot(bool isNameInUse) =>
        isNameInUse ? new($"{JoinRefusedMessage.NameInUse(options.Name)}: another process has that name, stop it or choose another one")
        : _refused ?? new(options.FindIngresses is null ? "nobody answers: start `continuum ingress` there, or name its control address with --join"
            : "no ingress answers: start `continuum ingress` with the same --directory");

    private void OnJoined(Dialer dialer, uint number)
    {
        lock (_lock)
        {
            (dialer.Number, dialer.IsLinked, dialer.IsGone) = (number, true, false);
        }

        _wasJoined = true;
        _ = dialer.Welcomed.TrySetResult();
        _ = _joined.TrySetResult();
        options.Log?.Invoke($"joined at {dialer.EndPoint}");
    }

    /// <summary>False for an ingress that is gone, or that another dialer has reached by another address: two would take each other's link away.</summary>
    private bool TryGoOn(Dialer dialer)
    {
        lock (_lock)
        {
            dialer.IsLinked = false;
            bool isOver = dialer.IsGone || (dialer.Number > 0 && _dialers.Exists(other => other != dialer && other.Number == dialer.Number && other.IsLinked));
            // The last one never gives up: there is nobody to tell of others.
            isOver &= _dialers.Count > 1;
            if (isOver)
            {
                _ = _dialers.Remove(dialer);
            }

            return !isOver;
        }
    }

    private sealed class Dialer(IPEndPoint endPoint)
    {
        public IPEndPoint EndPoint => endPoint;

        /// <summary>For a link to come about; null: shorter when this node was a member before.</summary>
        public TimeSpan? Patience { get; init; }

        /// <summary>Ends with the first welcome.</summary>
        public TaskCompletionSource Welcomed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>0 while it is not known.</summary>
        public uint Number { get; set; }

        public bool IsLinked { get; set; }

        /// <summary>The others say so; it is let go as soon as its link is lost.</summary>
        public bool IsGone { get; set; }
    }
}
