using System.Net;
using System.Net.Sockets;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>UDP with the base library's sockets alone, for every system that has them: one datagram per call, no ECN.</summary>
internal sealed class PortableUdpChannel : IDatagramChannel
{
    private const int ConnectionResetControl = unchecked((int)0x9800000C);

    private readonly Socket _socket;
    private readonly Socket _wakeSocket;
    private readonly PortLock? _portLock;
    private readonly List<Socket> _readers = new(2);
    private readonly List<Socket> _writers = new(1);
    private readonly SocketAddress _remote;
    private bool _isBlocked;
    private int _progress;
    private int _waits;
    private int _woken;
    private int _disposed;

    /// <param name="socket">Bound; the channel owns it.</param>
    /// <param name="portLock">Released together with the socket.</param>
    public PortableUdpChannel(Socket socket, PortLock? portLock)
    {
        _socket = socket;
        _portLock = portLock;
        _socket.Blocking = false;
        Local = UdpAddress.FromEndPoint((IPEndPoint)socket.LocalEndPoint!);
        _remote = new(socket.AddressFamily);
        if (OperatingSystem.IsWindows())
        {
            // SIO_UDP_CONNRESET off: else one ICMP message makes the next receive fail.
            _ = socket.IOControl(ConnectionResetControl, [0, 0, 0, 0], null);
        }

        if (socket.AddressFamily == AddressFamily.InterNetwork)
        {
            TryDisableFragmentation();
        }

        // A socket that talks to itself is the portable way to interrupt a wait for other sockets.
        _wakeSocket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        _wakeSocket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _wakeSocket.Connect(_wakeSocket.LocalEndPoint!);
        _wakeSocket.Blocking = false;
    }

    public UdpAddress Local { get; }

    public int Headroom => 0;

    public bool TryReceive(ReceiveBatch batch)
    {
        batch.Clear();
        try
        {
            // Available first: a receive that would block is an exception in the base library.
            while (batch.TryReserve(out Span<byte> room) && _socket.Poll(0, SelectMode.SelectRead))
            {
                int length = _socket.ReceiveFrom(room, SocketFlags.None, _remote);
                batch.Commit(length, 0, new(Remote(), Local, 0), Ecn.NotEct);
            }
        }
        catch (SocketException)
        {
            // An ICMP message for an earlier datagram, a datagram that is too long, or nothing there after all.
        }

        return !batch.IsEmpty;
    }

    public bool TrySend(Span<byte> buffer, in Transmit transmit)
    {
        int segmentSize = transmit.Segments > 1 ? transmit.SegmentSize : transmit.Length;
        SocketAddress to = Serialize(transmit.Path.Remote);
        while (_progress < transmit.Length)
        {
            int length = int.Min(segmentSize, transmit.Length - _progress);
            try
            {
                _ = _socket.SendTo(buffer.Slice(_progress, length), SocketFlags.None, to);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.IOPending)
            {
                _isBlocked = true;
                return false;
            }
            catch (SocketException)
            {
                // Too large, no route, forbidden: lost, like any other datagram.
            }

            _progress += length;
        }

        _progress = 0;
        return true;
    }

    public void Forget() => _progress = 0;

    public void Wait(TimeSpan timeout)
    {
        _ = Interlocked.Exchange(ref _waits, 1);
        bool forever = timeout == Timeout.InfiniteTimeSpan || timeout > TimeSpan.FromDays(1);
        if (Volatile.Read(ref _woken) == 0 && (forever || timeout > TimeSpan.Zero))
        {
            Select(forever ? Timeout.InfiniteTimeSpan : TimeSpan.FromMicroseconds(double.Ceiling(timeout.TotalMicroseconds)));
        }

        Volatile.Write(ref _waits, 0);
        _ = Interlocked.Exchange(ref _woken, 0);
        _isBlocked = false;
    }

    public void Wake()
    {
        if (Interlocked.Exchange(ref _woken, 1) != 0 || Volatile.Read(ref _waits) == 0)
        {
            return;
        }

        try
        {
            _ = _wakeSocket.Send([1]);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Its queue is full of wakes, or nobody waits any more.
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _socket.Dispose();
            _wakeSocket.Dispose();
            _portLock?.Dispose();
        }
    }

    private void Select(TimeSpan timeout)
    {
        _readers.Clear();
        _readers.Add(_socket);
        _readers.Add(_wakeSocket);
        _writers.Clear();
        if (_isBlocked)
        {
            _writers.Add(_socket);
        }

        try
        {
            Socket.Select(_readers, _writers, null, timeout);
            Span<byte> one = stackalloc byte[1];
            while (_wakeSocket.Available > 0)
            {
                _ = _wakeSocket.Receive(one);
            }
        }
        catch (SocketException)
        {
            // Interrupted: a wait may end for no reason.
        }
    }

    private UdpAddress Remote()
    {
        ReadOnlySpan<byte> bytes = _remote.Buffer.Span;
        ushort port = (ushort)((bytes[2] << 8) | bytes[3]);
        return _remote.Family == AddressFamily.InterNetworkV6
            ? UdpAddress.FromBytes(bytes.Slice(8, 16), port)
            : UdpAddress.FromBytes(bytes.Slice(4, 4), port);
    }

    private SocketAddress Serialize(UdpAddress address)
    {
        IPEndPoint endPoint = address.ToEndPoint();
        return _socket.AddressFamily == AddressFamily.InterNetworkV6 && !address.IsIPv6
            ? new IPEndPoint(endPoint.Address.MapToIPv6(), endPoint.Port).Serialize()
            : endPoint.Serialize();
    }

    private void TryDisableFragmentation()
    {
        try
        {
            _socket.DontFragment = true;
        }
        catch (SocketException)
        {
            // Not every system can: the connection's packets then start at the size that always passes.
        }
    }
}
