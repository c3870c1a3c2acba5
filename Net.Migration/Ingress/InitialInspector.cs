using Net.Core.Crypto;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Migration.Ingress;

internal enum Inspection
{
    /// <summary>The ClientHello is not complete, and its server name is not known.</summary>
    NeedsMore,

    /// <summary>All that is looked for was read: the server name, or that there is none.</summary>
    Complete,

    /// <summary>Nothing in the datagram opens with this connection's Initial keys.</summary>
    Foreign,

    /// <summary>What stands there is no ClientHello, or is beyond a limit: whoever serves will say so to the client.</summary>
    Malformed,

    /// <summary>The ClientHello is not complete, and the client does not send the rest without an answer: somebody has to give one.</summary>
    Overdue,
}

/// <summary>Reads the server name out of one client's first flight, which may span datagrams and be cut and shuffled (as Chromium's is).</summary>
/// <remarks>
/// The only type of the ingress that touches packet keys, and the only keys it makes are those of client Initials, which everybody who
/// sees the packet can derive (RFC 9001, section 5.2): a test holds both. On overlap the first bytes win, as in any receiver.
/// </remarks>
internal sealed class InitialInspector : IDisposable
{
    /// <summary>Bytes of CRYPTO stream that are put together at most.</summary>
    public const int MaxCrypto = 32 * 1024;

    private readonly PacketProtection _keys;
    private readonly uint _version;
    private readonly ConnectionId _destination;
    private byte[] _stream = new byte[2048];
    private bool[] _has = new bool[2048];
    private int _prefix;
    private int _filled;

    /// <param name="protection">How packets are opened.</param>
    /// <param name="version">Of the first Initial.</param>
    /// <param name="destination">Its destination, which the keys derive from.</param>
    public InitialInspector(IProtectionSuite protection, uint version, ConnectionId destination)
    {
        Span<byte> client = stackalloc byte[InitialSecrets.Length];
        Span<byte> server = stackalloc byte[InitialSecrets.Length];
        InitialSecrets.Derive(version, destination, client, server);
        _keys = protection.Create(InitialSecrets.Suite, client, client, version);
        (_version, _destination) = (version, destination);
    }

    /// <summary>In lower case; null when there is none.</summary>
    public string? ServerName { get; private set; }

    /// <summary>The latest datagram had a part of the ClientHello that was not there yet.</summary>
    public bool HasGrown { get; private set; }

    /// <summary>Bytes that it takes.</summary>
    public int Memory => _stream.Length + _has.Length;

    /// <param name="datagram">As it came; not changed.</param>
    public Inspection OnDatagram(ReadOnlySpan<byte> datagram)
    {
        bool opened = false;
        bool sound = true;
        int filled = _filled;
        while (!datagram.IsEmpty && LongHeader.TryRead(datagram, out LongHeader header) && header.PacketLength > 0)
        {
            if (header.Type is LongPacketType.Initial && header.Version == _version && header.Destination == _destination)
            {
                opened |= TryOpen(datagram[..header.PacketLength], header, ref sound);
            }

            datagram = datagram[header.PacketLength..];
        }

        if (!opened)
        {
            return Inspection.Foreign;
        }

        HasGrown = _filled > filled;
        bool complete = ClientHelloPeek.TryRead(_stream.AsSpan(0, _prefix), out ClientHelloPeek peek);
        ServerName = peek.ServerName;
        // Whoever gets the beginning of a ClientHello acknowledges it, and some clients send no lost part again before that.
        return complete || (ServerName is not null && sound) ? Inspection.Complete : peek.NeedsMore && sound ? Inspection.NeedsMore : Inspection.Malformed;
    }

    public void Dispose() => _keys.Dispose();

    private bool TryOpen(ReadOnlySpan<byte> sealedPacket, in LongHeader header, ref bool sound)
    {
        byte[] packet = sealedPacket.ToArray();
        if (!_keys.TryUnmask(packet, header.PacketNumberOffset, out int numberLength, out uint truncated))
        {
            return false;
        }

        int headerLength = header.PacketNumberOffset + numberLength;
        // A first flight is short: its numbers are near zero.
        if (!_keys.TryOpen(packet, headerLength, PacketNumber.Decode(null, truncated, numberLength)))
        {
            return false;
        }

        sound &= ReadFrames(packet.AsSpan(headerLength, packet.Length - headerLength - PacketProtection.TagLength));
        return true;
    }

    private bool ReadFrames(ReadOnlySpan<byte> payload)
    {
        ByteReader reader = new(payload);
        while (reader.TryReadVarInt(out ulong type))
        {
            switch ((FrameType)type)
            {
                case FrameType.Padding or FrameType.Ping:
                    break;
                case FrameType.Crypto when CryptoFrame.TryRead(ref reader, out CryptoFrame crypto):
                    if (!Insert(crypto.Offset, crypto.Data))
                    {
                        return false;
                    }

                    break;
                case FrameType.Ack or FrameType.AckEcn when AckFrame.TryRead((FrameType)type, ref reader, out _):
                    break;
                default:
                    // CONNECTION_CLOSE, or what has no place in an Initial: no more of the ClientHello follows here.
                    return true;
            }
        }

        return true;
    }

    private bool Insert(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset + (ulong)data.Length > MaxCrypto)
        {
            return false;
        }

        int end = (int)offset + data.Length;
        if (end > _stream.Length)
        {
            int length = int.Min(MaxCrypto, int.Max(end, 2 * _stream.Length));
            Array.Resize(ref _stream, length);
            Array.Resize(ref _has, length);
        }

        for (int i = 0; i < data.Length; i++)
        {
            int at = (int)offset + i;
            if (!_has[at])
            {
                (_stream[at], _has[at]) = (data[i], true);
                _filled++;
            }
        }

        while (_prefix < _has.Length && _has[_prefix])
        {
            _prefix++;
        }

        return true;
    }
}
