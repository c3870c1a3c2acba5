using System.Net;
using System.Net.Sockets;
using Net.Core.Connections;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>A client's move to another local address, or to the server's preferred one: from the new socket to its proof.</summary>
/// <param name="owner">Of the connection.</param>
/// <param name="local">To bind; null for a port that the system chooses.</param>
/// <param name="remote">The server's address there; null for the present one.</param>
internal sealed class MigrateWork(IPathOwner owner, IPEndPoint? local, UdpAddress? remote = null)
    : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), IShardWork
{
    /// <summary>How long what was sent to the old address is still received.</summary>
    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(3);

    private ushort _left;
    private ushort _taken;
    private UdpAddress _newLocal;

    private PathSockets Sockets => (PathSockets)owner.Shard.Channel;

    private bool OwnsSocket => _left != _taken;

    /// <summary>The server would rather be reached elsewhere (RFC 9000, section 9.6): of the family in use, else of the other one.</summary>
    /// <param name="driver">Of a client's connection whose handshake is confirmed.</param>
    /// <param name="mayFollow">From the address called to the one preferred; null for <see cref="AddressScope"/>'s rule.</param>
    /// <param name="now">The time.</param>
    public static void FollowPreferred(ConnectionDriver driver, Func<IPEndPoint, IPEndPoint, bool>? mayFollow, Instant now)
    {
        if (driver.Connection.PeerParameters?.PreferredAddress is not PreferredAddress offered)
        {
            return;
        }

        UdpAddress called = driver.Connection.Path.Remote;
        (UdpAddress same, UdpAddress other) = called.IsIPv6 ? (offered.IPv6, offered.IPv4) : (offered.IPv4, offered.IPv6);
        UdpAddress target = same.IsNone ? other : same;
        bool isWelcome = !target.IsNone && target != called
            && (mayFollow?.Invoke(called.ToEndPoint(), target.ToEndPoint()) ?? AddressScope.IsPlausible(called, target));
        if (isWelcome)
        {
            MigrateWork work = new(driver, null, target);
            work.Run(now);
            // Whoever is not reached there is still reached here.
            _ = work.Task.ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
        }
    }

    public void Run(Instant now)
    {
        Connection connection = owner.Connection;
        if (!connection.IsOpen || connection.IsFrozen)
        {
            _ = TrySetException(owner.Fault ?? Faults.Stopped());
            return;
        }

        if (owner.Move is not null)
        {
            _ = TrySetException(new InvalidOperationException("the connection is on its way to another path already"));
            return;
        }

        NetworkPath path = connection.Path;
        _left = path.Local.Port;
        _taken = _left;
        _newLocal = path.Local;
        UdpAddress server = remote ?? path.Remote;
        try
        {
            if (remote is null || server.IsIPv6 != path.Remote.IsIPv6)
            {
                Bind(server);
            }
        }
        catch (Exception e) when (e is SocketException or AddressInUseException)
        {
            _ = TrySetException(e);
            return;
        }

        MigrationRefusal refusal = connection.TryMigrate(new(server, _newLocal, 0), now);
        if (refusal == MigrationRefusal.None)
        {
            owner.Move = this;
            return;
        }

        Abandon();
        _ = TrySetException(new InvalidOperationException(refusal switch
        {
            MigrationRefusal.NotConfirmed => "only a client whose handshake is confirmed can move",
            MigrationRefusal.ForbiddenByPeer => "the server has asked its clients not to move",
            MigrationRefusal.NoConnectionId => "the server has given no connection ID for another path",
            _ => "there is no other path to go to",
        }));
    }

    public void Abandon(Exception fault) => TrySetException(Faults.Internal(fault));

    /// <summary>The server answers there.</summary>
    public void OnChanged()
    {
        owner.Move = null;
        _ = TrySetResult();
        if (OwnsSocket)
        {
            _ = LingerAsync();
        }
    }

    /// <summary>It does not; or the connection is over.</summary>
    public void OnFailed(QuicException? fault)
    {
        owner.Move = null;
        Abandon();
        _ = TrySetException(fault ?? new QuicException(QuicError.ConnectionTimeout, null, "the new path does not answer; the connection goes on by the old one"));
    }

    private void Bind(UdpAddress server)
    {
        if (Sockets.HasSecond)
        {
            // The socket that was left by the move before.
            Sockets.KeepOnly(_left);
        }

        IPEndPoint endPoint = local ?? new(server.IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        IDatagramChannel channel = Sockets.Bind(UdpAddress.FromEndPoint(endPoint));
        Sockets.Add(channel);
        _newLocal = channel.Local;
        _taken = channel.Local.Port;
    }

    private void Abandon()
    {
        if (OwnsSocket)
        {
            Sockets.KeepOnly(_left);
        }
    }

    private async Task LingerAsync()
    {
        await Task.Delay(s_linger).ConfigureAwait(false);
        _ = owner.Shard.Post(new CloseWork(this));
    }

    private void Leave()
    {
        if (owner.Move is null && owner.Connection.Path.Local.Port == _taken)
        {
            Sockets.KeepOnly(_taken);
        }
    }

    private sealed class CloseWork(MigrateWork move) : IShardWork
    {
        public void Run(Instant now) => move.Leave();
    }
}
