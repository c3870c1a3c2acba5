using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Versions, said again under the protection of the handshake, so that nobody can talk two ends into an older one (RFC 9368).</summary>
internal static class Versions
{
    /// <param name="inUse">The version of the connection.</param>
    public static VersionInformation Announce(bool isServer, uint inUse) => isServer
        ? new(inUse, [QuicVersion.V1, QuicVersion.V2])
        // A server may change to any version that a client names (section 2.3), and this client does not follow.
        : new(inUse, [inUse]);

    /// <summary>What the peer says must fit what is spoken (RFC 9368, section 4). Who says nothing knows no version but the first.</summary>
    public static TransportError Check(VersionInformation? peer, bool fromServer, uint inUse)
    {
        if (peer is null)
        {
            return TransportError.None;
        }

        if (!fromServer && !peer.Available.Contains(peer.Chosen))
        {
            return TransportError.Of(TransportErrorCode.TransportParameterError, "a version is chosen that is not available", FrameType.Crypto);
        }

        return peer.Chosen == inUse
            ? TransportError.None
            : TransportError.Of(TransportErrorCode.VersionNegotiationError, "the version was changed on the way", FrameType.Crypto);
    }
}
