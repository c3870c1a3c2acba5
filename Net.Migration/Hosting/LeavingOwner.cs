using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Server.Hosting;

namespace Net.Migration.Hosting;

/// <summary>Passes a connection's events on, and forgets the connection with its last one. On its shard's thread.</summary>
internal sealed class LeavingOwner(ComponentShard shard, ServerOwner owner) : IConnectionOwner
{
    // One that was imported shook hands elsewhere.
    private bool _isHandshakeTold = owner.Connection.IsConfirmed;

    /// <summary>It was restored, and nobody has looked at it yet.</summary>
    public bool IsAsleep { get; set; }

    /// <summary>Unless something else has, or it has gone.</summary>
    public void Wake(Instant now)
    {
        if (IsAsleep && owner.Connection is { IsFrozen: false, IsOpen: true } connection)
        {
            IsAsleep = false;
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
            shard.OnHandshake();
        }

        if (connection.IsClosed)
        {
            shard.OnClosed(connection);
        }
    }

    public void OnShardStopped(Exception? fault) => owner.OnShardStopped(fault);
}
