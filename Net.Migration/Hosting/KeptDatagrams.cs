using System.Buffers.Binary;
using Net.Migration.Ingress;

namespace Net.Migration.Hosting;

/// <summary>Clients' datagrams that an ingress had read and could not pass on before it ended, on their way to the process that reads from its port next.</summary>
/// <remarks>
/// What waits in the socket goes with the socket. But half a ClientHello, and whatever is for an owner that is just frozen or not there, has been read, and waits in
/// the ingress: lost, each would cost its client a probe timeout.
/// <code>
/// length of the rest (4) | for each: length (4) | an ingress's header without a tag (80) | the datagram
/// </code>
/// </remarks>
internal static class KeptDatagrams
{
    /// <summary>Bytes in all. The port has no reader while they pass; what is more is lost, as datagrams are.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    public const int PrefixLength = sizeof(int);

    /// <summary>The first ones that fit.</summary>
    public static byte[] Write(IReadOnlyList<HeldDatagram> datagrams)
    {
        int count = 0, length = 0;
        for (; count < datagrams.Count && LengthOf(datagrams[count]) <= MaxBytes - length; count++)
        {
            length += LengthOf(datagrams[count]);
        }

        byte[] written = new byte[PrefixLength + length];
        Span<byte> rest = written;
        rest = WriteLength(rest, length);
        foreach (HeldDatagram datagram in datagrams.Take(count))
        {
            rest = WriteLength(rest, IngressHeader.Length + datagram.Bytes.Length);
            IngressHeader header = new()
            {
                Type = IngressDatagram.Data,
                Epoch = 0,
                Shard = 0,
                Client = datagram.Client,
                Public = datagram.Public,
                Ecn = datagram.Ecn,
                ReceiveMicroseconds = datagram.ReceiveMicroseconds,
            };
            header.WriteTagged(rest);
            header.WriteHints(rest[IngressHeader.PrefixLength..]);
            datagram.Bytes.CopyTo(rest[IngressHeader.Length..]);
            rest = rest[(IngressHeader.Length + datagram.Bytes.Length)..];
        }

        return written;
    }

    /// <returns>How many bytes follow; less than 0: more than can be meant.</returns>
    public static int ReadPrefix(ReadOnlySpan<byte> prefix) => BinaryPrimitives.ReadInt32BigEndian(prefix) is int length and >= 0 and <= MaxBytes ? length : -1;

    /// <param name="rest">What follows the prefix.</param>
    /// <param name="datagrams">In their order.</param>
    /// <returns>False: that is none of what <see cref="Write"/> makes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> rest, out IReadOnlyList<HeldDatagram> datagrams)
    {
        List<HeldDatagram> read = [];
        datagrams = read;
        while (!rest.IsEmpty)
        {
            int length = rest.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32BigEndian(rest);
            if (length < 0 || length > rest.Length - sizeof(int)
                || !IngressHeader.TryRead(rest.Slice(sizeof(int), length), out IngressHeader header) || header.Type != IngressDatagram.Data)
            {
                return false;
            }

            byte[] bytes = rest.Slice(sizeof(int), length)[IngressHeader.Length..].ToArray();
            read.Add(new(header.Client, header.Public, header.Ecn, header.ReceiveMicroseconds, bytes));
            rest = rest[(sizeof(int) + length)..];
        }

        return true;
    }

    private static int LengthOf(HeldDatagram datagram) => sizeof(int) + IngressHeader.Length + datagram.Bytes.Length;

    private static Span<byte> WriteLength(Span<byte> destination, int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(destination, length);
        return destination[sizeof(int)..];
    }
}
