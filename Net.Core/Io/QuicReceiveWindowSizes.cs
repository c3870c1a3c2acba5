using Net.Core.Connections;
using Net.Core.Streams;

namespace Net.Core.Io;

/// <summary>Bytes that a peer may send ahead of the readers at first (RFC 9000, section 4.1). All at least 1, at most 256 MiB.</summary>
/// <remarks>They need not be chosen for the fastest path: windows grow, see <see cref="QuicConnectionOptions.MaxStreamReceiveWindow"/>.</remarks>
public sealed class QuicReceiveWindowSizes
{
    /// <summary>On all streams together; 1 MiB by default.</summary>
    public int Connection { get; set; } = (int)ConnectionOptions.Default.Streams.ConnectionWindow;

    /// <summary>On a bidirectional stream that this side has opened; 256 KiB by default.</summary>
    public int LocallyInitiatedBidirectionalStream { get; set; } = (int)ConnectionOptions.Default.Streams.StreamWindow;

    /// <summary>On a bidirectional stream that the peer has opened; 256 KiB by default.</summary>
    public int RemotelyInitiatedBidirectionalStream { get; set; } = (int)ConnectionOptions.Default.Streams.StreamWindow;

    /// <summary>On a unidirectional stream that the peer has opened; 256 KiB by default.</summary>
    public int UnidirectionalStream { get; set; } = (int)ConnectionOptions.Default.Streams.StreamWindow;

    internal static void ThrowIfUnusable(int window, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)window, ReceiveBuffer.MaxWindow, name);
    }

    internal void ThrowIfUnusable()
    {
        ThrowIfUnusable(Connection, nameof(Connection));
        ThrowIfUnusable(LocallyInitiatedBidirectionalStream, nameof(LocallyInitiatedBidirectionalStream));
        ThrowIfUnusable(RemotelyInitiatedBidirectionalStream, nameof(RemotelyInitiatedBidirectionalStream));
        ThrowIfUnusable(UnidirectionalStream, nameof(UnidirectionalStream));
    }
}
