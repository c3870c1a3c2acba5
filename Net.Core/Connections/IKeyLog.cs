namespace Net.Core.Connections;

/// <summary>Is given the secrets of TLS, so that captured packets can be read: for debugging alone, and never by default.</summary>
internal interface IKeyLog
{
    /// <param name="label">As in a key log file, such as <c>CLIENT_TRAFFIC_SECRET_0</c> (RFC 9850, section 2.1).</param>
    /// <param name="clientRandom">32 bytes that name the connection in it.</param>
    /// <param name="secret">Not to be kept.</param>
    void Log(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret);
}
