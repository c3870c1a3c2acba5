using System.Buffers.Binary;
using Net.Core.Wire;

namespace Net.Migration.Ingress;

/// <summary>What a datagram between ingress and node is.</summary>
internal enum IngressDatagram : byte
{
    /// <summary>A client's datagram on its way to the owner, or the owner's to the client.</summary>
    Data = 1,

    /// <summary>The source's last word before a freeze: from here on the ingress buffers. Body: <see cref="IngressHeader.MarkerLength"/> bytes.</summary>
    Marker = 2,

    /// <summary>The source goes on: the ingress passes on what it has buffered. Body as above.</summary>
    ResumeMarker = 3,

    /// <summary>A client's datagram that the node does not own: the ingress routes it again.</summary>
    HandBack = 4,

    /// <summary>A client's datagram that was handed back once: nobody hands it back again.</summary>
    Rerouted = 5,
}

/// <summary>The fixed header of every datagram between ingress and node, written into headroom that the packetizer leaves.</summary>
/// <remarks>
/// <code>
/// octet  0     version (1)                 these are constant for a flow, and the tag covers them:
/// octet  1     type                        (type, epoch, shard, client, public address)
/// octet  2     number of the tag key
/// octet  3     0
/// octets 4-11  epoch
/// octets 12-15 shard
/// octets 16-34 client address
/// octets 35-53 public address
/// octets 54-69 tag: HMAC-SHA-256 cut to 16 bytes over octets 0-53; over the body too in markers
/// octet  70    ECN                         hints, outside the tag
/// octets 71-78 receive time in microseconds on the sender's clock
/// octet  79    0
/// </code>
/// Two octets must be zero and both ends check it, so that they can get a meaning with a higher version.
/// </remarks>
internal readonly record struct IngressHeader
{
    public const byte Version = 1;

    public const int Length = 80;

    /// <summary>Octets that the tag covers.</summary>
    public const int TaggedLength = 54;

    public const int TagLength = 16;

    /// <summary>Octets that are equal in all datagrams of a flow.</summary>
    public const int PrefixLength = TaggedLength + TagLength;

    /// <summary>Body of a marker: its number, which grows with every freeze under an epoch, so that an old one that comes late does nothing.</summary>
    public const int MarkerLength = sizeof(ulong);

    public required IngressDatagram Type { get; init; }

    /// <summary>Set by <see cref="IngressTags"/>.</summary>
    public byte KeyNumber { get; init; }

    /// <summary>The owner's epoch, as the sender knows it.</summary>
    public required ulong Epoch { get; init; }

    public required uint Shard { get; init; }

    public UdpAddress Client { get; init; }

    public UdpAddress Public { get; init; }

    public Ecn Ecn { get; init; }

    public ulong ReceiveMicroseconds { get; init; }

    public bool IsMarker => Type is IngressDatagram.Marker or IngressDatagram.ResumeMarker;

    /// <summary>Octets 0-53.</summary>
    public void WriteTagged(Span<byte> destination)
    {
        ByteWriter writer = new(destination);
        writer.WriteByte(Version);
        writer.WriteByte((byte)Type);
        writer.WriteByte(KeyNumber);
        writer.WriteByte(0);
        writer.WriteUInt64(Epoch);
        writer.WriteUInt32(Shard);
        Client.Write(ref writer);
        Public.Write(ref writer);
    }

    /// <summary>Octets 70-79.</summary>
    public void WriteHints(Span<byte> destination)
    {
        destination[0] = (byte)Ecn;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], ReceiveMicroseconds);
        destination[9] = 0;
    }

    /// <summary>Reads the fields; whether the tag is right is <see cref="IngressTags"/>' matter.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out IngressHeader header)
    {
        header = default;
        if (datagram.Length < Length)
        {
            return false;
        }

        ByteReader reader = new(datagram);
        _ = reader.TryReadByte(out byte version);
        _ = reader.TryReadByte(out byte type);
        _ = reader.TryReadByte(out byte key);
        _ = reader.TryReadByte(out byte reserved);
        _ = reader.TryReadUInt64(out ulong epoch);
        _ = reader.TryReadUInt32(out uint shard);
        if (!UdpAddress.TryRead(ref reader, out UdpAddress client) || !UdpAddress.TryRead(ref reader, out UdpAddress publicAddress))
        {
            return false;
        }

        header = new()
        {
            Type = (IngressDatagram)type,
            KeyNumber = key,
            Epoch = epoch,
            Shard = shard,
            Client = client,
            Public = publicAddress,
            Ecn = (Ecn)(datagram[PrefixLength] & 3),
            ReceiveMicroseconds = BinaryPrimitives.ReadUInt64BigEndian(datagram[(PrefixLength + 1)..]),
        };
        return version == Version && reserved == 0 && datagram[Length - 1] == 0 && datagram[PrefixLength] <= 3
            && header.Type is >= IngressDatagram.Data and <= IngressDatagram.Rerouted
            && (header.IsMarker ? datagram.Length == Length + MarkerLength : !client.IsNone);
    }
}
