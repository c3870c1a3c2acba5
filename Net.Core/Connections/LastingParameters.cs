using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What transport parameters still matter once the handshake is confirmed: they alone travel.</summary>
/// <remarks>
/// The IDs that the handshake authenticates, the versions, and the first ID's reset token, which is kept with that ID, have done their work. The
/// first limits of streams are written down with the streams.
/// </remarks>
internal static class LastingParameters
{
    /// <param name="limits">As the streams know them; where the parameters say the same, they do not say it again.</param>
    public static TransportParameters Of(TransportParameters parameters, in PeerStreamLimits limits)
    {
        TransportParameters lasting = parameters with
        {
            OriginalDestinationConnectionId = null,
            InitialSourceConnectionId = null,
            RetrySourceConnectionId = null,
            StatelessResetToken = null,
            VersionInformation = null,
        };
        return LimitsOf(parameters) == limits ? With(lasting, default) : lasting;
    }

    /// <summary>As they were, without what has done its work.</summary>
    public static TransportParameters Complete(TransportParameters lasting, in PeerStreamLimits limits) =>
        LimitsOf(lasting) == default ? With(lasting, limits) : lasting;

    private static PeerStreamLimits LimitsOf(TransportParameters p) => new(
        p.InitialMaxData, p.InitialMaxStreamDataBidiLocal, p.InitialMaxStreamDataBidiRemote, p.InitialMaxStreamDataUni, p.InitialMaxStreamsBidi, p.InitialMaxStreamsUni);

    private static TransportParameters With(TransportParameters parameters, in PeerStreamLimits limits) => parameters with
    {
        InitialMaxData = limits.MaxData,
        InitialMaxStreamDataBidiLocal = limits.MaxStreamDataBidiLocal,
        InitialMaxStreamDataBidiRemote = limits.MaxStreamDataBidiRemote,
        InitialMaxStreamDataUni = limits.MaxStreamDataUni,
        InitialMaxStreamsBidi = limits.MaxStreamsBidi,
        InitialMaxStreamsUni = limits.MaxStreamsUni,
    };
}
