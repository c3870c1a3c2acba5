using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>A channel and, beside it, a second one: for a client that moves to another local address, or a server with a preferred one.</summary>
/// <remarks>A datagram leaves by the channel that is bound to its path's local address; it says itself by which one it came.</remarks>
internal sealed class PathSockets(IDatagramChannel first, QuicMemoryNetwork? network = null) : IDatagramChannel
{
    /// <summary>Where two channels cannot be waited for at once.</summary>
    private static readonly TimeSpan s_slice = TimeSpan.FromMilliseconds(2);

    private volatile IDatagramChannel _first = first;
    private volatile IDatagramChannel? _second;
    private bool _secondsTurn;

    public UdpAddress Local => _first.Local;

    public int Headroom => _first.Headroom;

    /// <summary>Binds an address of a network in memory, or of the system's.</summary>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    public static IDatagramChannel Bind(UdpAddress address, QuicMemoryNetwork? network, UdpChannelOptions? options = null) =>
        network?.Bind(address) ?? UdpChannel.Bind(address, options);

    /// <summary>As <see cref="Bind(UdpAddress, QuicMemoryNetwork?, UdpChannelOptions?)"/>, with several channels on the port.</summary>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="PlatformNotSupportedException">See <see cref="UdpChannel.CanShare"/>.</exception>
    public static IDatagramChannel[] BindAll(UdpAddress address, int count, QuicMemoryNetwork? network, UdpChannelOptions? options = null) =>
        network?.BindAll(address, count) ?? UdpChannel.BindAll(address, count, options);

    /// <summary>Binds another address of the network that the first one is of.</summary>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    public IDatagramChannel Bind(UdpAddress address) => Bind(address, network);

    /// <summary>Two are open.</summary>
    public bool HasSecond => _second is not null;

    /// <summary>In the shard's thread: opens the second one for good or until it is asked to close one. It must not need more headroom than the first.</summary>
    /// <exception cref="InvalidOperationException">There are two already.</exception>
    public void Add(IDatagramChannel second)
    {
        if (_second is not null || second.Headroom != Headroom)
        {
            throw new InvalidOperationException("there is a second channel already, or it has another headroom");
        }

        _second = second;
    }

    /// <summary>In the shard's thread: closes the one that is not bound to this port, and goes on with the other alone.</summary>
    public void KeepOnly(ushort port)
    {
        if (_second is not IDatagramChannel second)
        {
            return;
        }

        IDatagramChannel closed = second.Local.Port == port ? _first : second;
        _first = closed == second ? _first : second;
        _second = null;
        closed.Dispose();
        // Somebody may have woken the one that is gone.
        _first.Wake();
    }

    public bool TryReceive(ReceiveBatch batch)
    {
        if (_second is not IDatagramChannel second)
        {
            return _first.TryReceive(batch);
        }

        // In turn, so that neither starves the other.
        _secondsTurn = !_secondsTurn;
        return _secondsTurn
            ? second.TryReceive(batch) || _first.TryReceive(batch)
            : _first.TryReceive(batch) || second.TryReceive(batch);
    }

    public bool TryUnwrap(ref Span<byte> datagram, ref NetworkPath path, ref Ecn ecn) => _first.TryUnwrap(ref datagram, ref path, ref ecn);

    /// <summary>A second one is there only once a server has answered: what it hears of refusals means nothing.</summary>
    public bool TryTakeRefusal(out UdpAddress remote) => _first.TryTakeRefusal(out remote);

    public bool TrySend(Span<byte> buffer, in Transmit transmit) => Of(transmit.Path.Local).TrySend(buffer, transmit);

    public void Forget()
    {
        _first.Forget();
        _second?.Forget();
    }

    public void Wait(TimeSpan timeout)
    {
        if (_second is not IDatagramChannel second)
        {
            _first.Wait(timeout);
            return;
        }

        if (_first is LinuxUdpChannel main && second is LinuxUdpChannel other && OperatingSystem.IsLinux())
        {
            main.Wait(timeout, other);
            return;
        }

        _first.Wait(timeout > TimeSpan.Zero && timeout < s_slice ? timeout : timeout == Timeout.InfiniteTimeSpan || timeout > s_slice ? s_slice : timeout);
    }

    public void Wake()
    {
        _first.Wake();
        _second?.Wake();
    }

    public void Dispose()
    {
        _first.Dispose();
        _second?.Dispose();
    }

    private IDatagramChannel Of(UdpAddress local)
    {
        if (_second is not IDatagramChannel second || local == _first.Local)
        {
            return _first;
        }

        bool isSeconds = local == second.Local
            || (local.Port == second.Local.Port && local.Port != _first.Local.Port)
            || (local.Port == second.Local.Port && local.IsIPv6 == second.Local.IsIPv6 && local.IsIPv6 != _first.Local.IsIPv6);
        return isSeconds ? second : _first;
    }
}
