namespace Net.Core.Streams;

/// <summary>What the peer's transport parameters allow us at first (RFC 9000, section 18.2), named from the peer's point of view as there.</summary>
internal readonly record struct PeerStreamLimits(
    ulong MaxData,
    ulong MaxStreamDataBidiLocal,
    ulong MaxStreamDataBidiRemote,
    ulong MaxStreamDataUni,
    ulong MaxStreamsBidi,
    ulong MaxStreamsUni);
