using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Which thread of a port has a connection, written into its IDs: any thread of the port can read it, and nobody else.</summary>
/// <remarks>
/// <para>
/// The last octet of an ID's nonce is the thread's number, masked by a keyed hash of all octets before it (<c>CidLayout</c>'s octets 0 to 11; 4 to 11
/// differ in every ID). So two IDs of one connection, told for two paths, have no more in common than before (RFC 9000, section 9.5), and whoever makes
/// IDs up meets a thread by chance only: with N threads N times in 256.
/// </para>
/// <para>Where connections move between nodes a component has one thread, and its IDs no mark: a mark would have to be kept by every later owner.</para>
/// </remarks>
/// <param name="key0">First half of the key, random per port.</param>
/// <param name="key1">Second half of the key.</param>
/// <param name="thread">From 0.</param>
/// <param name="threads">Of the port, at most <see cref="MaxThreads"/>.</param>
internal sealed class ThreadMark(ulong key0, ulong key1, int thread, int threads)
{
    /// <summary>Half of what an octet holds: so that at least every other made-up ID is seen to be none.</summary>
    public const int MaxThreads = 128;

    private readonly ConnectionIdComparer _hash = new(key0, key1);

    /// <summary>The ID with the mark in place of its last octet.</summary>
    public ConnectionId Write(ConnectionId id)
    {
        Span<byte> bytes = stackalloc byte[ConnectionId.MaxLength];
        id.Span.CopyTo(bytes);
        bytes[id.Length - 1] = (byte)(thread ^ MaskOf(id));
        return new(bytes[..id.Length]);
    }

    /// <param name="id">Of the layout of our own.</param>
    /// <param name="owner">Whose connection it may be.</param>
    /// <returns>False: no thread of this port has made it.</returns>
    public bool TryRead(ConnectionId id, out int owner)
    {
        owner = (byte)(id.Span[^1] ^ MaskOf(id));
        return owner < threads;
    }

    private int MaskOf(ConnectionId id) => _hash.GetHashCode(new(id.Span[..^1])) & 0xFF;
}
