using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Server.Hosting;

namespace Net.Migration.Hosting;

/// <summary>Passes a connection's events on, and forgets the connection with its last one. On its shard's thread.</summary>
internal sealed class LeavingOwner(ComponentShard shard, ServerOwner owner) : IConnectionOwner, ISleeper
{
    // One that was imported shook hands elsewhere.
    private bool _isHandshakeTold = owner.Connection.IsConfirmed;
    private bool _isAsleep;

    public ServerOwner Owner => owner;

    public Connection Connection => owner.Connection;

    /// <summary>It stands by, or was restored, and nobody has looked at it yet.</summary>
    public bool IsAsleep { init => _isAsleep = value; }

    /// <summary>See <see cref="SleepingConnections"/>.</summary>
    public void Rise(Instant now)
    {
        if (_isAsleep && owner.Connection is { IsFrozen: true, IsClosed: false })
        {
            shard.Rise(this, now);
        }
    }

    /// <summary>Unless something else has, or it has gone.</summary>
    public void Wake(Instant now)
    {
        Rise(now);
        if (_isAsleep && owner.Connection is { IsFrozen: false, IsOpen: true } connection)
        {
            _isAsleep = false;
            owner.Resume(now);
            connection.Touch();
        }
    }

    public void OnEvents(Connection connection, Instant now)
    {
        Wake(now);
        owner.OnEvents(connection, now);
        if (!_isHandshakeTold && connection.IsHandshakeComplete)
        {
            _isHandshakeTold = true;
            shard.Callbacks.OnHandshake();
        }

        if (connection.IsClosed)
        {
            shard.OnClosed(connection);
        }
    }

    public void OnFault(Connection connection, Exception fault)
    {
        shard.OnClosed(connection);
        owner.OnShardStopped(fault);
    }

    public void OnShardStopped(Exception? fault) => owner.OnShardStopped(fault);
}
