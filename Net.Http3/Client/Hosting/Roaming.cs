using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Time;

namespace Net.Http3.Client.Hosting;

/// <summary>Moves a client's connection to another path when the network has changed (RFC 9000, section 9). On the shard's thread.</summary>
/// <remarks>
/// | state             | the network changed  | handshake confirmed | the server gave an ID | path proven, or given up    | closed |
/// |-------------------|----------------------|---------------------|-----------------------|-----------------------------|--------|
/// | handshaking       | wanted               | wanted: asks        |                       |                             | over   |
/// | at rest, no ID    | wanted               |                     | wanted: asks          |                             | over   |
/// | at rest           | asks another path    |                     |                       |                             | over   |
/// | asks another path | wanted               |                     |                       | at rest; wanted: asks again | over   |
/// However many addresses come and go at once, one question follows them. A path that does not answer costs nothing: the connection goes on by
/// the old one, which the system leads where it can.
/// </remarks>
internal sealed class Roaming(Shard shard, Connection connection) : IPathOwner
{
    private bool _isWanted;

    public Shard Shard => shard;

    public Connection Connection => connection;

    public MigrateWork? Move { get; set; }

    public QuicException? Fault => null;

    /// <summary>Moves that were begun: for the tests.</summary>
    public int Begun { get; private set; }

    /// <summary>Addresses of this machine have come or gone.</summary>
    public void OnNetworkChanged(Instant now)
    {
        _isWanted = true;
        Continue(now);
    }

    /// <summary>Told of all events of the connection; the others are nothing to it.</summary>
    public void OnEvent(ConnectionEventKind kind, Instant now)
    {
        switch (kind)
        {
            case ConnectionEventKind.PathChanged:
                Move?.OnChanged();
                break;
            case ConnectionEventKind.PathFailed or ConnectionEventKind.Closed:
                Move?.OnFailed(null);
                break;
            default:
                break;
        }
    }

    /// <summary>Asks another path if that is wanted, and can be done now: after whatever happened to the connection.</summary>
    public void Continue(Instant now)
    {
        if (!_isWanted || Move is not null || !connection.IsOpen || !connection.IsConfirmed || !connection.Parts.PeerIds.HasSpare)
        {
            return;
        }

        _isWanted = false;
        MigrateWork work = new(this, local: null);
        work.Run(now);
        Begun++;
        // Refused, or without an answer: the old path is still there.
        _ = work.Task.ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
    }
}
