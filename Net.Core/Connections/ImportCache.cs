using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What is equal for most connections of a component, and never changes: read once for all of them. For one import after the other.</summary>
/// <remarks>The latest of each end alone is kept, so no snapshot makes it grow; each time all of the section is compared.</remarks>
internal sealed class ImportCache
{
    private Known _local, _peer;

    /// <summary>An end's transport parameters.</summary>
    /// <param name="reader">Of their section.</param>
    /// <param name="limits">See <see cref="LastingParameters.Complete"/>.</param>
    /// <exception cref="SnapshotException">They are malformed.</exception>
    public TransportParameters Local(SnapshotReader reader, in PeerStreamLimits limits) => Read(ref _local, reader, limits);

    /// <inheritdoc cref="Local"/>
    public TransportParameters Peer(SnapshotReader reader, in PeerStreamLimits limits) => Read(ref _peer, reader, limits);

    private static TransportParameters Read(ref Known known, SnapshotReader reader, in PeerStreamLimits limits)
    {
        if (known.Parameters is null || known.Limits != limits || !reader.Rest.SequenceEqual(known.Section))
        {
            byte[] section = reader.Rest.ToArray();
            TransportParameters parameters = LastingParameters.Complete(TransportParameters.Import(reader), limits);
            reader.End();
            known = new(section, limits, parameters);
        }

        return known.Parameters;
    }

    private readonly record struct Known(byte[] Section, PeerStreamLimits Limits, TransportParameters Parameters);
}
