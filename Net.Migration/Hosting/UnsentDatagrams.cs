using Net.Core.Paths;

namespace Net.Migration.Hosting;

/// <summary>A node's datagrams for clients that wait while one ingress ends and the next begins, in order. On its shard's thread only.</summary>
/// <remarks>To send them into the void would cost each client that waits for an answer, or for an acknowledgement, a probe timeout.</remarks>
internal sealed class UnsentDatagrams
{
    /// <summary>Bytes that wait; what comes then is lost, as datagrams are. Who has something to send is held up by its congestion window long before.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private readonly Queue<(byte[] Bytes, Transmit Transmit)> _waiting = new();
    private int _bytes;

    public bool IsEmpty => _waiting.Count == 0;

    /// <param name="buffer">Ready to be sent.</param>
    /// <param name="transmit">As it was to be sent.</param>
    public void Keep(ReadOnlySpan<byte> buffer, in Transmit transmit)
    {
        if (transmit.Length <= MaxBytes - _bytes)
        {
            _bytes += transmit.Length;
            _waiting.Enqueue((buffer[..transmit.Length].ToArray(), transmit));
        }
    }

    /// <summary>The next one, which waits no longer.</summary>
    public bool TryTake(out byte[] bytes, out Transmit transmit)
    {
        bool any = _waiting.TryDequeue(out (byte[] Bytes, Transmit Transmit) next);
        (bytes, transmit) = (any ? next.Bytes : [], next.Transmit);
        _bytes -= bytes.Length;
        return any;
    }

    public void Clear()
    {
        _waiting.Clear();
        _bytes = 0;
    }
}
