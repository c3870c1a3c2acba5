using System.Diagnostics;

namespace Interop.Netem;

/// <summary>One direction of a link: packets wait their turn, are lost or damaged, and arrive later.</summary>
internal sealed class Link : IDisposable
{
    private const int MaxPacket = 65_536;
    private const int PollMilliseconds = 50;

    private readonly LinkScenario _scenario;
    private readonly int _from;
    private readonly int _to;
    private readonly Nat _nat;
    private readonly bool _towardsServer;
    private readonly Random _random = new();
    private readonly Queue<(byte[] Bytes, TimeSpan At)> _flying = new();
    private readonly Queue<TimeSpan> _leaving = new();
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _arrivals = new(0);
    private readonly Thread _reader;
    private readonly Thread _writer;
    private readonly long _started = Stopwatch.GetTimestamp();
    private TimeSpan _freeAt;
    private int _seen, _inRow;
    private volatile bool _mustStop;

    public Link(LinkScenario scenario, int from, int to, Nat nat, bool towardsServer)
    {
        (_scenario, _from, _to, _nat, _towardsServer) = (scenario, from, to, nat, towardsServer);
        _reader = new(Read) { IsBackground = true, Name = "link in" };
        _writer = new(Write) { IsBackground = true, Name = "link out" };
        _reader.Start();
        _writer.Start();
    }

    /// <summary>Gets what was sent into the link, before anything happens to it.</summary>
    public PacketLog? Sent { get; set; }

    /// <summary>Gets what arrives.</summary>
    public PacketLog? Arrived { get; set; }

    public int Passed { get; private set; }

    public int Dropped { get; private set; }

    public int Corrupted { get; private set; }

    public int Rebinds => _nat.Rebinds;

    private TimeSpan Now => Stopwatch.GetElapsedTime(_started);

    public void Dispose()
    {
        _mustStop = true;
        _arrivals.Release();
        _reader.Join();
        _writer.Join();
        _arrivals.Dispose();
    }

    private void Read()
    {
        byte[] buffer = new byte[MaxPacket];
        while (!_mustStop)
        {
            if (!Kernel.Wait(_from, PollMilliseconds))
            {
                continue;
            }

            int length = Kernel.Read(_from, buffer);
            // Nothing but IPv4 crosses: the kernel talks to its IPv6 neighbours all by itself.
            if (length > 0 && Packet.IsIPv4(buffer.AsSpan(0, length)))
            {
                Take(buffer.AsSpan(0, length));
            }
        }
    }

    private void Take(Span<byte> packet)
    {
        TimeSpan now = Now;
        Sent?.Add(packet);
        _seen++;
        if (_towardsServer)
        {
            _nat.Outgoing(packet);
        }

        bool isDead = _scenario.Off > TimeSpan.Zero && now.Ticks % (_scenario.On + _scenario.Off).Ticks >= _scenario.On.Ticks;
        bool isListed = _towardsServer && _scenario.DropsToServer.Contains(_seen);
        TimeSpan length = TimeSpan.FromSeconds(packet.Length * 8.0 / _scenario.Bandwidth);
        while (_leaving.TryPeek(out TimeSpan gone) && gone <= now)
        {
            _ = _leaving.Dequeue();
        }

        // Counted in packets: measured by how long this one would take, a queue kept full by larger ones would have no room for smaller ones, ever.
        bool isFull = _leaving.Count > _scenario.Queue;
        bool isHit = Packet.IsUdp(packet) && Hits(_scenario.DropPercent + _scenario.CorruptPercent);
        if (isDead || isListed || isFull || (isHit && _scenario.DropPercent > 0) || (!_towardsServer && !_nat.Incoming(packet)))
        {
            Dropped++;
            return;
        }

        if (isHit)
        {
            Packet.Corrupt(packet, _random);
            Corrupted++;
        }

        _freeAt = (_freeAt > now ? _freeAt : now) + length;
        _leaving.Enqueue(_freeAt);
        Passed++;
        lock (_gate)
        {
            _flying.Enqueue((packet.ToArray(), _freeAt + _scenario.Delay));
        }

        _arrivals.Release();
    }

    private bool Hits(int percent)
    {
        bool hits = percent > 0 && _random.Next(100) < percent && (_scenario.Burst == 0 || _inRow < _scenario.Burst);
        _inRow = hits ? _inRow + 1 : 0;
        return hits;
    }

    private void Write()
    {
        while (true)
        {
            _arrivals.Wait();
            if (_mustStop)
            {
                return;
            }

            (byte[] bytes, TimeSpan at) next;
            lock (_gate)
            {
                next = _flying.Dequeue();
            }

            TimeSpan wait = next.at - Now;
            if (wait > TimeSpan.Zero)
            {
                Thread.Sleep(wait);
            }

            Arrived?.Add(next.bytes);
            Kernel.Write(_to, next.bytes);
        }
    }
}
