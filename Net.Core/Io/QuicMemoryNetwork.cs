using System.Net;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>A network in memory, for tests: listeners and clients that name it in their options meet on it, without sockets or ports of the system.</summary>
/// <remarks>
/// Everything else is as on a real network: handshakes, threads, time. Addresses are whatever the tests choose; any address has all ports.
/// Not part of System.Net.Quic.
/// </remarks>
public sealed class QuicMemoryNetwork
{
    private const ushort FirstChosenPort = 49_152;

    private readonly Lock _gate = new();
    private readonly Dictionary<UdpAddress, List<MemoryChannel>> _bound = [];
    private readonly List<TaskCompletionSource> _awaitingEmpty = [];
    private long _carried;
    private long _lost;

    /// <summary>Whether to lose a datagram of the given length on its way from one address to another; null loses none. Called on the sender's thread.</summary>
    public Func<IPEndPoint, IPEndPoint, int, bool>? Drops { get; set; }

    /// <summary>UDP datagrams that have arrived so far.</summary>
    public long DatagramsCarried => Interlocked.Read(ref _carried);

    /// <summary>UDP datagrams that were dropped, or went where nobody is bound.</summary>
    public long DatagramsLost => Interlocked.Read(ref _lost);

    /// <summary>Addresses in use: each listener has one until it and its last connection are gone, each client one.</summary>
    public int BoundAddresses
    {
        get
        {
            lock (_gate)
            {
                return _bound.Count;
            }
        }
    }

    /// <summary>Ends when nothing is bound any more: all threads of listeners and clients have ended then.</summary>
    internal Task Emptied
    {
        get
        {
            lock (_gate)
            {
                if (_bound.Count == 0)
                {
                    return Task.CompletedTask;
                }

                TaskCompletionSource empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
                _awaitingEmpty.Add(empty);
                return empty.Task;
            }
        }
    }

    /// <exception cref="AddressInUseException">The address is taken on this network.</exception>
    internal IDatagramChannel Bind(UdpAddress address) => BindAll(address, 1)[0];

    /// <summary>Several channels on one address: which one a datagram comes to is decided by the port that it comes from.</summary>
    /// <exception cref="AddressInUseException">The address is taken on this network.</exception>
    internal IDatagramChannel[] BindAll(UdpAddress address, int count)
    {
        lock (_gate)
        {
            // A port that nobody has at any address: what is bound to all addresses must not be taken for somebody else.
            for (int port = FirstChosenPort; address.Port == 0 && port <= ushort.MaxValue; port++)
            {
                address = _bound.Keys.Any(bound => bound.Port == port) ? address : address.WithPort((ushort)port);
            }

            List<MemoryChannel> channels = [.. Enumerable.Range(0, count).Select(_ => new MemoryChannel(address, Carry, onDisposed: Unbind))];
            return address.Port != 0 && _bound.TryAdd(address, channels) ? [.. channels] : throw new AddressInUseException(address);
        }
    }

    private static UdpAddress AnyOf(UdpAddress address, IPAddress any) => UdpAddress.FromEndPoint(new(any, address.Port));

    private static bool IsWildcard(UdpAddress address) => address.ToEndPoint().Address is IPAddress ip && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any));

    /// <summary>What is bound to all addresses sends from the one that it was spoken to on, or else from loopback.</summary>
    private static UdpAddress SourceOf(MemoryChannel from, in NetworkPath path)
    {
        UdpAddress local = path.Local.IsNone ? from.Local : path.Local;
        return IsWildcard(local)
            ? UdpAddress.FromEndPoint(new(path.Remote.IsIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, from.Local.Port))
            : local.WithPort(from.Local.Port);
    }

    private void Carry(MemoryChannel from, in NetworkPath path, byte[] datagram, Ecn ecn)
    {
        UdpAddress source = SourceOf(from, path);
        bool isLost = Drops?.Invoke(source.ToEndPoint(), path.Remote.ToEndPoint(), datagram.Length) == true;
        if (isLost || Find(path.Remote, source.Port) is not MemoryChannel to)
        {
            Interlocked.Increment(ref _lost);
            return;
        }

        Interlocked.Increment(ref _carried);
        to.Arrive(datagram, new(source, path.Remote, 0), ecn);
    }

    private MemoryChannel? Find(UdpAddress address, ushort from)
    {
        lock (_gate)
        {
            List<MemoryChannel>? channels = _bound.GetValueOrDefault(address)
                ?? _bound.GetValueOrDefault(AnyOf(address, address.IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any))
                ?? _bound.GetValueOrDefault(AnyOf(address, IPAddress.IPv6Any));
            return channels?[from % channels.Count];
        }
    }

    private void Unbind(MemoryChannel channel)
    {
        lock (_gate)
        {
            if (_bound.TryGetValue(channel.Local, out List<MemoryChannel>? channels) && channels.Remove(channel) && channels.Count == 0)
            {
                _ = _bound.Remove(channel.Local);
            }

            if (_bound.Count == 0)
            {
                _awaitingEmpty.ForEach(empty => empty.SetResult());
                _awaitingEmpty.Clear();
            }
        }
    }
}
