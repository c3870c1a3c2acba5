using System.Net;
using System.Net.Security;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Tests.Core.Io;

namespace Net.Tests.Http3.Client;

/// <summary>A server on a socket of 127.0.0.1 for a handler under test: a component, or bytes as a script sends them.</summary>
internal sealed class ClientSite : IAsyncDisposable
{
    /// <summary>Called for the first bytes of each request: the connection's number from 0, the connection, and the request's stream.</summary>
    public delegate void Script(int number, Connection connection, StreamId id);

    /// <summary>Told when a client wants no more of a response, with its code; with a script alone.</summary>
    public Action<StreamId, ulong>? OnStopped { get; set; }

    /// <summary>Told when a connection is over; with a script alone.</summary>
    public Action? OnClosed { get; set; }

    private readonly TaskCompletionSource<ExchangeHost?> _exchanges = new();
    private readonly ShardHost _host;
    private int _connections;

    public ClientSite(IComponent component, ulong maxRequests = 100) : this(maxRequests, null) =>
        _exchanges.SetResult(new(component, new ShardQueue(_host.Shard), new()));

    public ClientSite(Script script) : this(100, script) => _exchanges.SetResult(null);

    private ClientSite(ulong maxRequests, Script? script)
    {
        SslServerAuthenticationOptions tls = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() };
        ConnectionOptions options = new() { Streams = new() { MaxBidirectional = maxRequests } };
        _host = new(
            UdpAddress.FromEndPoint(new(IPAddress.Loopback, 0)), options, new() { AlpnProtocols = ["h3"u8.ToArray()] }, new SslHost(tls),
            (_, _, connection) =>
            {
                int number = Interlocked.Increment(ref _connections) - 1;
                IConnectionOwner owner = script is null ? new ServerOwner(_exchanges.Task.Result!, connection) : new ScriptOwner(this, number, script);
                return OnClientAt is Action<IPEndPoint> tell ? new AddressOwner(owner, tell) : owner;
            });
    }

    /// <summary>Told of each address at which a client has proven to be; to be set before the first one comes.</summary>
    public Action<IPEndPoint>? OnClientAt { get; set; }

    /// <summary>Connections that were made so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public int Port => _host.Shard.Channel.Local.ToEndPoint().Port;

    public Uri At(string path, string host = "127.0.0.1") => new($"https://{host}:{Port}{path}");

    /// <summary>A handler that trusts the tests' root.</summary>
    public static Http3Handler NewHandler() => new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } };

    public static HttpClient NewClient(Http3Handler? handler = null) => new(handler ?? NewHandler())
    {
        DefaultRequestVersion = HttpVersion.Version30,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    public async ValueTask DisposeAsync()
    {
        _host.Release();
        await _host.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _exchanges.Task.Result?.Dispose();
    }

    private sealed class AddressOwner(IConnectionOwner owner, Action<IPEndPoint> tell) : IConnectionOwner
    {
        private UdpAddress _at;

        public ICryptoHost? Crypto => owner.Crypto;

        public void OnEvents(Connection connection, Instant now)
        {
            owner.OnEvents(connection, now);
            UdpAddress at = connection.ValidatedPath.Remote;
            if (connection.IsConfirmed && at != _at)
            {
                _at = at;
                tell(at.ToEndPoint());
            }
        }

        public void OnShardStopped(Exception? fault) => owner.OnShardStopped(fault);
    }

    private sealed class ScriptOwner(ClientSite site, int number, Script script) : IConnectionOwner
    {
        private readonly HashSet<StreamId> _seen = [];

        public void OnEvents(Connection connection, Instant now)
        {
            while (connection.TryTakeEvent(out ConnectionEvent e))
            {
                if (e.Kind == ConnectionEventKind.HandshakeCompleted)
                {
                    Assert.IsTrue(connection.TryOpen(unidirectional: true, out StreamId control));
                    connection.Write(control, Frames.Control(), fin: false);
                }
                else if (e.Kind == ConnectionEventKind.Closed)
                {
                    site.OnClosed?.Invoke();
                }
                else if (e.Kind == ConnectionEventKind.Stream && e.Stream.Kind == StreamEventKind.StoppedByPeer)
                {
                    site.OnStopped?.Invoke(e.Stream.Id, e.Stream.Code);
                }
                else if (e.Kind == ConnectionEventKind.Stream && !e.Stream.Id.IsUnidirectional
                    && e.Stream.Kind is StreamEventKind.Opened or StreamEventKind.Readable && _seen.Add(e.Stream.Id))
                {
                    script(number, connection, e.Stream.Id);
                }
            }
        }

        public void OnShardStopped(Exception? fault) { }
    }
}

/// <summary>A clock that the test turns.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private long _now = 1;

    /// <summary>Told of each timer that is made, with the time until it rings; to be set before the first one.</summary>
    public Action<TimeSpan>? OnTimer { get; init; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Volatile.Read(ref _now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timer timer = new(this, () => callback(state));
        timer.Change(dueTime, period);
        OnTimer?.Invoke(dueTime);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        Timer[] due;
        lock (_lock)
        {
            _now += by.Ticks;
            due = [.. _timers.Where(timer => timer.Due <= _now)];
            foreach (Timer timer in due)
            {
                timer.Due = timer.Period > TimeSpan.Zero ? _now + timer.Period.Ticks : long.MaxValue;
            }
        }

        foreach (Timer timer in due)
        {
            timer.Ring();
        }
    }

    private sealed class Timer(ManualTime time, Action ring) : ITimer
    {
        public long Due { get; set; }

        public TimeSpan Period { get; private set; }

        public void Ring() => ring();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                (Due, Period) = (dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : time._now + dueTime.Ticks, period);
                if (!time._timers.Contains(this))
                {
                    time._timers.Add(this);
                }
            }

            return true;
        }

        public void Dispose()
        {
            lock (time._lock)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
