using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Server.Hosting;

/// <summary>
/// Ends what a client holds up: heads and bodies that do not come, responses that are not taken, connections without requests, and the making
/// and dropping of requests (checklist S53, S54, S59, S60).
/// </summary>
/// <remarks>
/// It keeps no clock per stream: <see cref="Sweep"/> comes once in a while and adds what has passed to whoever waits. So bytes cost nothing here,
/// and a packet that is no progress, such as a PING, extends nothing. What it has counted does not travel: a move forgives.
/// </remarks>
internal sealed class ConnectionGuard(ServerConnection connection, IStreamTransport transport, Http3ServerLimits limits)
{
    private readonly Dictionary<StreamId, Watch> _watches = [];
    private readonly List<(StreamId Id, Action<StreamId> Remedy)> _offenders = [];
    private TimeSpan _idle;
    private int _cancelled;
    private int _sweeps;
    private bool _isClosing;

    /// <summary>The client gave a request up, or broke a rule, before its response had arrived. Counted once: giving up often takes two frames.</summary>
    public void OnCancelled(StreamId id)
    {
        Watch watch = WatchOf(id);
        _cancelled += watch.IsCancelled ? 0 : 1;
        watch.IsCancelled = true;
        if (_cancelled > limits.MaxCancelledRequests)
        {
            Close(Http3ErrorCode.ExcessiveLoad, "too many requests that were given up");
        }
    }

    /// <summary>A handler has ended, and has written so much.</summary>
    public void OnFinished(StreamId id, long written) => WatchOf(id).Written = written;

    /// <param name="elapsed">Since the last call.</param>
    public void Sweep(TimeSpan elapsed)
    {
        _sweeps++;
        _cancelled /= 2;
        foreach (StreamId id in transport.OpenStreams)
        {
            if (!id.IsUnidirectional)
            {
                Look(id, WatchOf(id), elapsed);
            }
        }

        // Only now: remedies change what is open.
        foreach ((StreamId id, Action<StreamId> remedy) in _offenders)
        {
            remedy(id);
        }

        _offenders.Clear();
        foreach (StreamId id in _watches.Where(entry => entry.Value.SeenIn != _sweeps).Select(entry => entry.Key).ToArray())
        {
            _watches.Remove(id);
        }

        _idle = connection.IsIdle ? _idle + elapsed : TimeSpan.Zero;
        if (_idle >= limits.KeepAliveTimeout)
        {
            Close(Http3ErrorCode.NoError, "no request for too long");
        }
    }

    private void Look(StreamId id, Watch watch, TimeSpan elapsed)
    {
        watch.SeenIn = _sweeps;
        ExchangeRunner? exchange = connection.FindExchange(id);
        if (connection.Session.Requests.TryGetValue(id, out RequestStream? request) && request.Reader.Phase == ReadPhase.Head)
        {
            watch.HeadWaited += elapsed;
            if (watch.HeadWaited >= limits.RequestHeadersTimeout)
            {
                _offenders.Add((id, connection.TimeOut));
            }

            return;
        }

        // A handler that is elsewhere is watched there.
        if (exchange is { IsReading: true, Host.BodyRate: DataRate bodyRate } && watch.Body.IsTooSlow(exchange.State.RequestOffset, elapsed, bodyRate))
        {
            _offenders.Add((id, connection.TimeOut));
        }

        // The handler of a tethered one writes elsewhere: what came of it is seen here.
        watch.Written = exchange?.State.ResponseOffset ?? request?.Writer.BodySent ?? watch.Written;
        long waiting = (long)transport.Unacknowledged(id), taken = watch.Written - waiting;
        if (limits.MinResponseRate is not DataRate rate || waiting == 0)
        {
            watch.Response.Rest(taken);
        }
        else if (watch.Response.IsTooSlow(taken, elapsed, rate))
        {
            _offenders.Add((id, connection.Drop));
        }
    }

    private Watch WatchOf(StreamId id)
    {
        if (!_watches.TryGetValue(id, out Watch? watch))
        {
            _watches.Add(id, watch = new() { SeenIn = _sweeps });
        }

        return watch;
    }

    private void Close(Http3ErrorCode code, string reason)
    {
        if (!_isClosing)
        {
            _isClosing = true;
            transport.Close((ulong)code, reason);
        }
    }

    private sealed class Watch
    {
        /// <summary>Bytes of the response that the transport took.</summary>
        public long Written { get; set; }

        public TimeSpan HeadWaited { get; set; }

        public int SeenIn { get; set; }

        public bool IsCancelled { get; set; }

        public ref RateMeter Body => ref _body;

        public ref RateMeter Response => ref _response;

        private RateMeter _body, _response;
    }
}
