namespace Net.Tests.Core.Connections;

/// <summary>A client's first datagram.</summary>
internal static class ConnectionPairInitial
{
    public static byte[] Bytes(ulong seed)
    {
        ConnectionPair pair = new(seed: seed);
        return pair.Take(pair.Client)[0].Bytes;
    }
}
