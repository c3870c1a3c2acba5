using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;

namespace Interop.Netem;

/// <summary>Gives the client's UDP ports other ones outside, and at certain times others again. Nothing comes in by those that were left.</summary>
internal sealed class Nat(LinkScenario scenario, IPAddress client)
{
    /// <summary>More than a handshake takes: time counts from then on, as a busy machine may need seconds for one, and no client moves before its end.</summary>
    private const int HandshakePackets = 20;

    private readonly Lock _gate = new();
    private readonly uint _client = BinaryPrimitives.ReadUInt32BigEndian(client.GetAddressBytes());
    private readonly Dictionary<ushort, ushort> _outside = [];
    private readonly Dictionary<ushort, ushort> _inside = [];
    private uint _address = BinaryPrimitives.ReadUInt32BigEndian(client.GetAddressBytes());
    private ushort _next = 20_000;
    private int _skipped, _seen;
    private long _started;

    public int Rebinds { get; private set; }

    public void Outgoing(Span<byte> packet)
    {
        if (scenario.FirstRebind == TimeSpan.Zero || !Packet.IsUdp(packet))
        {
            return;
        }

        lock (_gate)
        {
            RebindIfDue();
            ushort inside = Packet.SourcePort(packet);
            if (!_outside.TryGetValue(inside, out ushort outside))
            {
                outside = _next++;
                _outside[inside] = outside;
                _inside[outside] = inside;
            }

            Packet.SetSource(packet, _address, outside);
        }
    }

    /// <returns>False: nobody is behind this port.</returns>
    public bool Incoming(Span<byte> packet)
    {
        if (scenario.FirstRebind == TimeSpan.Zero || !Packet.IsUdp(packet))
        {
            return true;
        }

        lock (_gate)
        {
            if (Packet.Destination(packet) != _address || !_inside.TryGetValue(Packet.DestinationPort(packet), out ushort inside))
            {
                return false;
            }

            Packet.SetDestination(packet, _client, inside);
            return true;
        }
    }

    private void RebindIfDue()
    {
        if (++_seen <= HandshakePackets)
        {
            _started = Stopwatch.GetTimestamp();
        }

        TimeSpan age = Stopwatch.GetElapsedTime(_started);
        int due = age < scenario.FirstRebind ? 0 : 1 + (int)((age - scenario.FirstRebind) / scenario.RebindEvery);
        // Those that nobody was there for count for nothing.
        if (due > Rebinds + _skipped && _outside.Count > 0)
        {
            _skipped = due - ++Rebinds;
            _outside.Clear();
            _inside.Clear();
            _address += scenario.RebindsAddress ? 1u : 0;
        }
    }
}
