using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Net.Core.Paths;
using Net.Core.Wire;
using static Net.Core.Io.Libc;

namespace Net.Core.Io;

/// <summary>UDP with what Linux has for QUIC: many datagrams per call (GSO, GRO), ECN, and the local address of each datagram.</summary>
/// <remarks>
/// The cost of UDP is first of all per packet inside the kernel: GSO and GRO are what makes it cheap. Then per call, so what is left is sent and received
/// many at a time (<see cref="LinuxSender"/>, <see cref="LinuxReceiver"/>): on a virtual machine without hardware for it, that takes a third of the time.
/// Fragmentation is off and the kernel's path MTU is not consulted (IP_PMTUDISC_PROBE): forged ICMP messages cannot make packets small
/// (CVE-2024-53259), and the connection searches its path MTU itself (RFC 9000, section 14.3).
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class LinuxUdpChannel : IDatagramChannel
{
    /// <summary>Datagrams in one GSO call: the kernel's UDP_MAX_SEGMENTS was 64 until Linux 6.9.</summary>
    private const int MaxSegments = 64;

    /// <summary>Bytes in one GSO call: an IP packet's 65,535 without the headers of IPv4 and UDP.</summary>
    private const int MaxBurst = 65_507;

    private const int MicrosecondsPerSecond = 1_000_000;

    private const int WaitsInPoll = 1, WaitsInReceive = 2;

    private readonly Socket _socket;
    private readonly PortLock? _portLock;
    private readonly bool _isIPv6;
    private readonly LinuxReceiver _receiver;
    private readonly LinuxSender _sender;
    private readonly SafeFileHandle _wakeEvent = CreateEvent();
    private readonly int _descriptor;
    private readonly bool _hearsRefusals;

    /// <summary>Whatever it is, the socket's queue of errors knows.</summary>
    private bool _hasErrors;

    private bool _mayBurst;
    private bool _isBlocked;

    /// <summary>Bytes of the transmit at hand that are on their way: a full queue can interrupt it between two bursts.</summary>
    private int _progress;

    /// <summary>0, or how somebody waits.</summary>
    private int _waits;

    private TimeSpan _receiveTimeout;
    private bool _cannotWaitInReceive;
    private int _woken;
    private int _disposed;

    /// <param name="socket">Bound; the channel owns it.</param>
    /// <param name="options">Which of the kernel's means are used.</param>
    /// <param name="portLock">Released together with the socket.</param>
    public LinuxUdpChannel(Socket socket, UdpChannelOptions options, PortLock? portLock)
    {
        _socket = socket;
        _portLock = portLock;
        _descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        _isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        Local = UdpAddress.FromEndPoint((IPEndPoint)socket.LocalEndPoint!);
        _receiver = new(_descriptor, Local, Local.IsAny);
        _sender = new(_descriptor, _isIPv6, Local.IsAny);

        // IPv4's options also hold for IPv4 on a dual-stack socket. None of them is vital: an old kernel may lack any of them.
        _ = TrySetOption(_descriptor, SolIp, IpMtuDiscover, PmtudiscProbe);
        _ = TrySetOption(_descriptor, SolIp, IpRecvTos, 1);
        _ = TrySetOption(_descriptor, SolIp, IpPktInfo, 1);
        if (_isIPv6)
        {
            _ = TrySetOption(_descriptor, SolIpv6, Ipv6MtuDiscover, PmtudiscProbe);
            _ = TrySetOption(_descriptor, SolIpv6, Ipv6RecvTclass, 1);
            _ = TrySetOption(_descriptor, SolIpv6, Ipv6RecvPktInfo, 1);
        }

        _hearsRefusals = options.HearsRefusals && TrySetOption(_descriptor, SolIp, IpRecvErr, 1);
        if (_hearsRefusals && _isIPv6)
        {
            _ = TrySetOption(_descriptor, SolIpv6, Ipv6RecvErr, 1);
        }

        ReceivesBursts = options.Offload && TrySetOption(_descriptor, SolUdp, UdpGro, 1);
        // Size 0 = no segmentation by default: only asks whether the option exists (Linux 4.18).
        _mayBurst = options.Offload && TrySetOption(_descriptor, SolUdp, UdpSegment, 0);
    }

    /// <summary>Whether this process runs on a Linux whose ABI has the numbers of <see cref="Libc"/>.</summary>
    [SupportedOSPlatformGuard("linux")]
    public static bool IsSupported => OperatingSystem.IsLinux() && BitConverter.IsLittleEndian && RuntimeInformation.ProcessArchitecture
        is Architecture.X64 or Architecture.Arm64 or Architecture.Arm or Architecture.X86 or Architecture.RiscV64 or Architecture.LoongArch64;

    public UdpAddress Local { get; }

    public int Headroom => 0;

    /// <summary>Whether the kernel joins datagrams of one peer (GRO).</summary>
    public bool ReceivesBursts { get; }

    /// <summary>Whether the kernel cuts a burst into datagrams (GSO); turns false for good when the device refuses.</summary>
    public bool SendsBursts => _mayBurst;

    public bool TryReceive(ReceiveBatch batch)
    {
        batch.Clear();
        while (_receiver.TryReceive(batch, wait: false, out int error) || MayGoOn(error))
        {
        }

        return !batch.IsEmpty;
    }

    public bool TryTakeRefusal(out UdpAddress remote)
    {
        remote = default;
        _hasErrors = _hasErrors && LinuxErrorQueue.TryTakeRefusal(_descriptor, out remote);
        return _hasErrors;
    }

    public bool TrySend(Span<byte> buffer, in Transmit transmit)
    {
        int length = transmit.Length;
        int segmentSize = transmit.Segments > 1 ? transmit.SegmentSize : length;
        if (!HasWay(transmit))
        {
            // No way from this socket: lost, like any datagram without a route.
            return true;
        }

        while (_progress < length)
        {
            int rest = length - _progress;
            int burst = _mayBurst ? int.Min(rest, segmentSize * int.Min(MaxSegments, int.Max(1, MaxBurst / segmentSize))) : int.Min(rest, segmentSize);
            switch (Send(buffer.Slice(_progress, burst), segmentSize, transmit))
            {
                case 0:
                    _progress += burst;
                    break;
                case Eagain:
                    _isBlocked = true;
                    return false;
                case Eio or Einval when burst > segmentSize:
                    if (!SendSingly(buffer.Slice(_progress, burst), segmentSize, transmit))
                    {
                        return false;
                    }

                    break;
                default:
                    // Too large for the device (a path MTU probe), no route, or forbidden by a firewall: lost, like any other datagram.
                    _progress += burst;
                    break;
            }
        }

        _progress = 0;
        return true;
    }

    public void Forget() => _progress = 0;

    public int TrySendMany(ReadOnlySpan<SendPiece> pieces, ReadOnlySpan<Transmit> transmits)
    {
        int sent = 0;
        for (int piece = 0; sent < transmits.Length;)
        {
            int together = CountTogether(transmits[sent..]);
            int many = together == 0 ? 0 : _sender.SendMany(pieces[piece..], transmits.Slice(sent, together));
            foreach (ref readonly Transmit gone in transmits.Slice(sent, many))
            {
                piece += SendPiece.Count(pieces[piece..], gone.Length);
            }

            sent += many;
            if (many > 0)
            {
                continue;
            }

            // The first that is left is not one burst, or was refused: why, it learns alone.
            _hasErrors |= _hearsRefusals;
            using SendPiece.Joined joined = SendPiece.Join(pieces[piece..], transmits[sent].Length);
            if (!TrySend(joined.Bytes, transmits[sent]))
            {
                break;
            }

            piece += joined.Pieces;
            sent++;
        }

        return sent;
    }

    public bool Receive(ReceiveBatch batch, TimeSpan timeout)
    {
        if (!CanWaitInReceive(timeout))
        {
            return TryReceive(batch) || WaitAndReceive(batch, timeout);
        }

        batch.Clear();
        // As in Wait; but who waits in a receive call is woken by a datagram.
        _ = Interlocked.Exchange(ref _waits, WaitsInReceive);
        int error;
        // Empty datagrams, the wake's own among them, may take all the room of a call and leave the batch empty.
        while (_receiver.TryReceive(batch, wait: batch.IsEmpty && Volatile.Read(ref _woken) == 0, out error) || MayGoOn(error))
        {
        }

        Volatile.Write(ref _waits, 0);
        _ = Interlocked.Exchange(ref _woken, 0);
        // It is shared with whoever lent the socket.
        _cannotWaitInReceive = error == Eagain && IsNonBlocking(_descriptor);
        return !batch.IsEmpty;
    }

    public void Wait(TimeSpan timeout) => Wait(timeout, null);

    /// <summary>Waits for another socket as well.</summary>
    public void Wait(TimeSpan timeout, LinuxUdpChannel? other)
    {
        // Whoever wakes us either finds that we wait, and writes to the event, or left its mark before we look at it here.
        _ = Interlocked.Exchange(ref _waits, WaitsInPoll);
        bool forever = timeout == Timeout.InfiniteTimeSpan || timeout > TimeSpan.FromDays(1);
        bool skip = Volatile.Read(ref _woken) != 0 || (!forever && timeout <= TimeSpan.Zero);
        if (!skip)
        {
            Poll(forever, timeout, other);
        }

        Volatile.Write(ref _waits, 0);
        // A full fence: the caller's look at its queue of work must not come before this.
        _ = Interlocked.Exchange(ref _woken, 0);
        _isBlocked = false;
        if (other is not null)
        {
            other._isBlocked = false;
        }
    }

    public void Wake()
    {
        if (Interlocked.Exchange(ref _woken, 1) != 0)
        {
            return;
        }

        try
        {
            switch (Volatile.Read(ref _waits))
            {
                case WaitsInPoll:
                    ulong one = 1;
                    _ = Write(_wakeEvent, &one, sizeof(ulong));
                    break;
                case WaitsInReceive:
                    // An empty datagram from ourselves, which is of no use to anybody. If it does not get through, the wait's time is over some day.
                    IPAddress self = !Local.IsAny ? Local.ToEndPoint().Address : _isIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback;
                    _ = _socket.SendTo([], new IPEndPoint(self, Local.Port));
                    break;
            }
        }
        catch (SocketException)
        {
            // As said.
        }
        catch (ObjectDisposedException)
        {
            // Nobody waits any more.
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _socket.Dispose();
            _wakeEvent.Dispose();
            _portLock?.Dispose();
        }
    }

    /// <summary>How many of the transmits, from the first on, the kernel takes as one burst each.</summary>
    private int CountTogether(ReadOnlySpan<Transmit> transmits)
    {
        int count = 0;
        while (count < transmits.Length && count < LinuxSender.MaxMessages && _progress == 0 && IsOneBurst(transmits[count]))
        {
            count++;
        }

        return count;
    }

    private bool IsOneBurst(in Transmit transmit) =>
        transmit.Length <= MaxBurst && (transmit.Segments <= 1 || (_mayBurst && transmit.Segments <= MaxSegments)) && HasWay(transmit);

    private bool HasWay(in Transmit transmit) => !transmit.Path.Remote.IsNone && (_isIPv6 || !transmit.Path.Remote.IsIPv6);

    /// <summary>After an error that an earlier datagram left behind (ICMP), which comes instead of data, once: what arrived is still behind it.</summary>
    private bool MayGoOn(int error)
    {
        _hasErrors |= _hearsRefusals && error is not (0 or Eintr or Eagain);
        return error is Eintr or Econnrefused or Ehostunreach;
    }

    private bool WaitAndReceive(ReceiveBatch batch, TimeSpan timeout)
    {
        Wait(timeout);
        return TryReceive(batch);
    }

    /// <summary>One call of the system then waits and receives. Its timeout is the socket's.</summary>
    private bool CanWaitInReceive(TimeSpan timeout)
    {
        if (!_cannotWaitInReceive && timeout > TimeSpan.Zero && timeout != _receiveTimeout)
        {
            // Up, for none at all means for ever.
            long microseconds = ((timeout.Ticks - 1) / TimeSpan.TicksPerMicrosecond) + 1;
            TimeValue value = new()
            {
                Seconds = (nint)(microseconds / MicrosecondsPerSecond),
                Microseconds = (nint)(microseconds % MicrosecondsPerSecond),
            };
            _cannotWaitInReceive = SetSocketOption(_descriptor, SolSocket, SoReceiveTimeout, &value, (uint)sizeof(TimeValue)) != 0;
            _receiveTimeout = timeout;
        }

        return !_cannotWaitInReceive && timeout > TimeSpan.Zero;
    }

    private int Send(ReadOnlySpan<byte> bytes, int segmentSize, in Transmit transmit)
    {
        int error = _sender.Send(bytes, segmentSize, transmit, out bool hasSkipped);
        _hasErrors |= _hearsRefusals && hasSkipped;
        return error;
    }

    private void Poll(bool forever, TimeSpan timeout, LinuxUdpChannel? other)
    {
        PollDescriptor* descriptors = stackalloc PollDescriptor[3];
        descriptors[0] = new() { Descriptor = _descriptor, Events = (short)(_isBlocked ? PollIn | PollOut : PollIn) };
        descriptors[1] = new() { Descriptor = (int)_wakeEvent.DangerousGetHandle(), Events = PollIn };
        if (other is not null)
        {
            descriptors[2] = new() { Descriptor = other._descriptor, Events = (short)(other._isBlocked ? PollIn | PollOut : PollIn) };
        }

        TimeSpec time = new()
        {
            Seconds = (nint)(timeout.Ticks / TimeSpan.TicksPerSecond),
            Nanoseconds = (nint)(timeout.Ticks % TimeSpan.TicksPerSecond * 100),
        };
        if (Libc.Poll(descriptors, other is null ? 2u : 3u, forever ? null : &time, null) <= 0)
        {
            return;
        }

        _hasErrors |= _hearsRefusals && (descriptors[0].Returned & PollErr) != 0;
        if (descriptors[1].Returned != 0)
        {
            ulong count;
            _ = Read(_wakeEvent, &count, sizeof(ulong));
        }
    }

    /// <summary>Sends a burst that was refused as such one datagram at a time. If that works, bursts are what the device cannot do.</summary>
    private bool SendSingly(Span<byte> burst, int segmentSize, in Transmit transmit)
    {
        int end = _progress + burst.Length;
        bool allWent = true;
        for (int at = 0; at < burst.Length; at += segmentSize)
        {
            int error = Send(burst.Slice(at, int.Min(segmentSize, burst.Length - at)), segmentSize, transmit);
            if (error == Eagain)
            {
                _isBlocked = true;
                return false;
            }

            allWent &= error == 0;
            _progress = int.Min(end, _progress + segmentSize);
        }

        _mayBurst &= !allWent;
        return true;
    }
}
