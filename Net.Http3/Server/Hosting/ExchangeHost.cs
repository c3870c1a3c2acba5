using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Qpack;
using Net.Http3.Sessions;

namespace Net.Http3.Server.Hosting;

/// <summary>How handlers run.</summary>
internal sealed record ExchangeHostOptions
{
    /// <summary>Handlers run inside the connection's thread, in the order of its steps: for the simulator. Else on the thread pool.</summary>
    public bool Inline { get; init; }

    /// <summary>Which authorities the component answers for; others get 421 (RFC 9110, section 15.5.20). <c>null</c>: all.</summary>
    public Func<string, bool>? Serves { get; init; }

    /// <summary>What clients may take and how slow they may be; <c>null</c>: nobody looks.</summary>
    public Http3ServerLimits? Limits { get; init; }

    /// <summary>Header compression of new connections.</summary>
    public QpackOptions Qpack { get; init; } = QpackOptions.Default;

    /// <summary>Whether clients are sent what they have to ignore.</summary>
    public bool SendsGrease { get; init; }

    /// <summary>The <c>date</c> of responses; <c>null</c>: they have none unless the component sets it.</summary>
    public Func<string>? Date { get; init; }

    /// <summary>What becomes of running requests in a move; <see cref="RunningRequests.Default"/>: they are resumed, or waited for.</summary>
    public RunningRequests Running { get; init; }

    /// <summary>Carries the tethers of requests whose handlers stay; <c>null</c>: none may.</summary>
    public ITetherCarrier? Tethers { get; init; }

    /// <summary>Told of exceptions that handlers let escape.</summary>
    public Action<Exception>? OnFault { get; init; }
}

/// <summary>All exchanges of one component on one shard, and the brake that a move applies to them.</summary>
/// <remarks>
/// <code>
/// Running --Hold--> Held (until IsQuiet) --Release--> Running     the move failed: handlers go on
///                       '---------------- --Abandon--> Abandoned  the move succeeded: handlers never go on here
/// </code>
/// While held, operations that handlers start stay pending, cancellations wait, and new requests are taken but not handled; once
/// <see cref="IsQuiet"/>, its connections may be exported. Handlers that are resumed come to rest in an operation. Those that are tethered go on, but
/// their operations wait, none is in the component's state, and when it is abandoned they go on at the end of a tether. All others must have ended.
/// All members are called on the shard's thread.
/// </remarks>
internal sealed class ExchangeHost(IComponent component, IShardQueue queue, ExchangeHostOptions options) : IShardWork, IDisposable
{
    private static readonly TimeSpan s_sweepPeriod = TimeSpan.FromSeconds(1);

    private Timer? _timer;
    private Instant _timerDue = Instant.Never;
    private Instant _nextSweep = Instant.Never;

    private readonly HashSet<ServerConnection> _connections = [];
    private readonly PriorityQueue<ExchangeRunner, Instant> _delays = new();
    private readonly HashSet<ExchangeRunner> _stayed = [];

    public IComponent Component => component;

    public IShardQueue Queue => queue;

    public ExchangeHostOptions Options => options;

    public IReadOnlyCollection<ServerConnection> Connections => _connections;

    /// <summary>Handlers rest at safe points, and go on elsewhere.</summary>
    public bool IsResumable => options.Running == RunningRequests.Default ? component is IResumableComponent : options.Running == RunningRequests.Resume;

    /// <summary>Handlers stay, and finish what they do here.</summary>
    public bool IsTethering => options is { Running: RunningRequests.Tether, Tethers: not null };

    /// <summary>The door to the component's state for handlers that may stay behind.</summary>
    public StateGate State { get; } = new(options.Inline);

    /// <summary>What a body must bring while its handler waits for it; <c>null</c> for nothing.</summary>
    public DataRate? BodyRate => component is IPacedComponent ? null : options.Limits?.MinRequestBodyRate;

    /// <summary>A handler that has stayed runs.</summary>
    public bool HasStayed => _stayed.Count > 0;

    public bool IsHeld { get; private set; }

    public bool IsAbandoned { get; private set; }

    /// <summary>Whether operations of running handlers are held back.</summary>
    public bool Holds => IsHeld && (IsResumable || IsTethering);

    /// <summary>Held, and no handler runs.</summary>
    public bool IsQuiet => IsHeld && (IsResumable ? Exchanges.All(exchange => exchange.IsQuiet) : IsTethering ? State.IsEmpty : RunningHandlers == 0);

    /// <summary>Handlers that have begun and not ended; for a component that is not resumable they must end before it can move.</summary>
    public int RunningHandlers => Exchanges.Count(exchange => exchange.IsRunning);

    /// <summary>When <see cref="Tick"/> is next to be called. Only with inline handlers: else the host has a timer of its own.</summary>
    public Instant Deadline =>
        Instant.Min(!Holds && _delays.TryPeek(out _, out Instant first) ? first : Instant.Never, IsHeld ? Instant.Never : _nextSweep);

    private IEnumerable<ExchangeRunner> Exchanges => _connections.SelectMany(connection => connection.Exchanges);

    public void Hold()
    {
        IsHeld = true;
        if (IsTethering)
        {
            State.Close();
        }
    }

    /// <summary>Lets everything go on that was held.</summary>
    public void Release(Instant now)
    {
        IsHeld = false;
        State.Open();
        foreach (ExchangeRunner exchange in Exchanges.ToArray())
        {
            exchange.Release(now);
        }

        foreach (ServerConnection connection in _connections.ToArray())
        {
            connection.Pump();
        }

        // What was held back was no client's fault.
        _nextSweep = Instant.Never;
        Watch(now);
        Tick(now);
        Arm(now);
    }

    /// <summary>Begins to look after connections, if there are any and there are limits.</summary>
    public void Watch(Instant now)
    {
        if (_nextSweep.IsNever && options.Limits is not null && _connections.Count > 0 && !IsHeld)
        {
            _nextSweep = now + s_sweepPeriod;
            Arm(now);
        }
    }

    /// <summary>The exchanges live elsewhere now: their handlers here are dropped where they wait, or stay at the end of tethers.</summary>
    public void Abandon(Instant now)
    {
        (IsAbandoned, IsHeld, _nextSweep) = (true, false, Instant.Never);
        State.Leave();
        ServerConnection[] connections = [.. _connections];
        _connections.Clear();
        _delays.Clear();
        foreach (ServerConnection connection in connections)
        {
            ExchangeRunner[] stays = IsTethering ? [.. connection.Exchanges.Where(exchange => exchange.IsRunning)] : [];
            _stayed.UnionWith(stays);
            connection.Peer.Stayed += stays.Length;
            foreach (ExchangeRunner exchange in stays)
            {
                exchange.Stay(options.Tethers!, connection.Session, now);
            }

            if (connection.Peer.Stayed == 0)
            {
                connection.Peer.End();
            }
        }

        DisposeIfDone();
    }

    /// <summary>A handler that has stayed has ended.</summary>
    public void OnStayedEnded(ExchangeRunner exchange)
    {
        if (_stayed.Remove(exchange) && --exchange.Peer.Stayed == 0)
        {
            exchange.Peer.End();
        }

        DisposeIfDone();
    }

    public void Tick(Instant now)
    {
        while (!Holds && _delays.TryPeek(out ExchangeRunner? exchange, out Instant due) && due <= now)
        {
            _delays.Dequeue();
            exchange.OnTick(now);
        }

        if (!IsHeld && now >= _nextSweep)
        {
            TimeSpan elapsed = s_sweepPeriod + (now - _nextSweep);
            _nextSweep = Instant.Never;
            foreach (ServerConnection connection in _connections.ToArray())
            {
                connection.Sweep(elapsed);
            }

            Watch(now);
        }
    }

    /// <summary>The timer has rung.</summary>
    public void Run(Instant now)
    {
        _timerDue = Instant.Never;
        Tick(now);
        Arm(now);
    }

    public void Dispose() => _timer?.Dispose();

    private void DisposeIfDone()
    {
        if (IsAbandoned && !HasStayed)
        {
            Dispose();
        }
    }

    public void Add(ServerConnection connection) => _connections.Add(connection);

    public void Remove(ServerConnection connection) => _connections.Remove(connection);

    /// <summary>An exchange waits for this moment. One that ends sooner is woken for nothing, which does no harm.</summary>
    public void WakeAt(ExchangeRunner exchange, Instant due, Instant now)
    {
        _delays.Enqueue(exchange, due);
        Arm(now);
    }

    private void Arm(Instant now)
    {
        if (options.Inline || Deadline >= _timerDue)
        {
            return;
        }

        _timerDue = Deadline;
        _timer ??= new(static host => ((ExchangeHost)host!).Ring(), this, Timeout.Infinite, Timeout.Infinite);
        // Rounded up, so that it does not ring just before the moment.
        _timer.Change(long.Max(0, (long)Math.Ceiling((_timerDue - now).TotalMilliseconds)), Timeout.Infinite);
    }

    private void Ring() => queue.Post(this);
}
