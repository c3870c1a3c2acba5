using System.Buffers.Binary;

namespace Interop.Netem;

/// <summary>Packets in a file that tcpdump and Wireshark read (pcap, raw IP); with the keys.log beside it they see into our connections.</summary>
internal sealed class PacketLog : IDisposable
{
    private const uint Magic = 0xA1B2_C3D4;
    private const uint RawIp = 101;
    private const int MaxPacket = 65_536;

    private readonly Lock _gate = new();
    private readonly FileStream _file;
    private bool _isOver;

    public PacketLog(string path)
    {
        _file = new(path, FileMode.Create, FileAccess.Write, FileShare.Read, MaxPacket);
        // Version 2.4, no offset of the clock.
        foreach (uint word in (ReadOnlySpan<uint>)[Magic, 0x0004_0002, 0, 0, MaxPacket, RawIp])
        {
            Write(word);
        }
    }

    public void Add(ReadOnlySpan<byte> packet)
    {
        lock (_gate)
        {
            if (_isOver)
            {
                return;
            }

            long microseconds = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            Write((uint)(microseconds / 1_000_000));
            Write((uint)(microseconds % 1_000_000));
            Write((uint)packet.Length);
            Write((uint)packet.Length);
            _file.Write(packet);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            _file.Dispose();
        }
    }

    private void Write(uint word)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, word);
        _file.Write(bytes);
    }
}
