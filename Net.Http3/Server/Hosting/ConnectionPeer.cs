using System.Net;
using Net.Core.Paths;

namespace Net.Http3.Server.Hosting;

/// <summary>A connection to handlers: one object for all of its requests, with the addresses that it had when it came here.</summary>
internal sealed class ConnectionPeer
{
    private readonly Lock _gate = new();
    private List<Action>? _whenEnded = [];

    public NetworkPath Path { get; set; }

    /// <summary>Handlers of its requests that have stayed here when it moved away. On the shard's thread.</summary>
    public int Stayed { get; set; }

    /// <summary>See <see cref="WhenEnded"/>.</summary>
    public bool HasEnded
    {
        get
        {
            lock (_gate)
            {
                return _whenEnded is null;
            }
        }
    }

    public IPEndPoint? Local => Path.Local.IsNone ? null : Path.Local.ToEndPoint();

    public IPEndPoint? Remote => Path.Remote.IsNone ? null : Path.Remote.ToEndPoint();

    /// <summary>
    /// Has something done when no request comes from here any more and none runs: the connection is closed, or has moved away and its last handler has ended.
    /// At once when that is so already. From any thread; what is to be done must not wait.
    /// </summary>
    public void WhenEnded(Action action)
    {
        lock (_gate)
        {
            if (_whenEnded is not null)
            {
                _whenEnded.Add(action);
                return;
            }
        }

        action();
    }

    /// <inheritdoc cref="WhenEnded"/>
    public void End()
    {
        List<Action>? actions;
        lock (_gate)
        {
            (actions, _whenEnded) = (_whenEnded, null);
        }

        actions?.ForEach(static action => action());
    }
}
