using Net.Core.Connections;
using Net.Migration.Hosting;

namespace Net.Migration.Envelope;

/// <summary>Limits of what a source writes down in one hand-over. What is beyond them stays behind, connection by connection.</summary>
internal sealed record ExportLimits
{
    /// <summary>Bytes of one connection, of its copy ahead and what completes that, unpacked: more is restored nowhere.</summary>
    public int MaxConnectionBytes { get; init; } = ConnectionImage.MaxBytes;

    /// <summary>
    /// Bytes of all connections in the copy ahead, and as many in what completes it: well below <see cref="MessageLink.MaxNodeQueue"/>, where the latter waits to be
    /// sent. The destination has decoded all of the first when the second begins.
    /// </summary>
    public long MaxBytes { get; init; } = 768L << 20;
}
