using System.Collections.Immutable;
using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Which version a connection speaks, and that nobody has talked its ends into another one (RFC 9368).</summary>
/// <remarks>
/// A server changes the version of a client that names its preferred one (compatible negotiation, section 2.3): from its first words on, both
/// speak that one. A client whose version is turned down by a Version Negotiation packet begins again, once, with another of its own.
/// Either way both say under the protection of the handshake what they had heard, and a contradiction ends the connection (section 4).
/// </remarks>
internal static class Versions
{
    /// <summary>What is spoken here, in the order in which a client falls back.</summary>
    public static ImmutableArray<uint> Ours { get; } = [QuicVersion.V1, QuicVersion.V2];

    /// <param name="inUse">The version of the connection.</param>
    /// <param name="preferred">Where a client would rather be, perhaps: a server without a wish of its own goes by the client's order.</param>
    /// <param name="mayChange">A client lets the server change to any version of ours; else it names but the one.</param>
    /// <param name="random">A reserved version is among those that are named, to keep the field open (RFC 9000, section 15).</param>
    public static VersionInformation Announce(bool isServer, uint inUse, uint? preferred, bool mayChange, uint random)
    {
        if (!isServer && !mayChange)
        {
            return new(inUse, [inUse]);
        }

        // A client's order is its preference; a server's says nothing (RFC 9368, section 3).
        uint first = preferred is uint wish && Ours.Contains(wish) ? wish : inUse;
        return new(inUse, [first, .. Ours.Remove(first), QuicVersion.Reserved(random)]);
    }

    /// <summary>What the peer says must fit what is spoken (RFC 9368, section 4). Who says nothing knows no version but the first.</summary>
    /// <param name="tried">The version that a client tried before the server turned it down; null when that did not happen.</param>
    /// <param name="wasChanged">The server has changed the version, without turning anything down.</param>
    public static TransportError Check(VersionInformation? peer, bool fromServer, uint inUse, uint? tried = null, bool wasChanged = false)
    {
        if (peer is null)
        {
            // Section 8: such a server speaks version 1, and would have been heard if it had been asked for that.
            bool isPossible = !wasChanged && (tried is null || inUse == QuicVersion.V1);
            return isPossible ? TransportError.None : Changed();
        }

        if (!fromServer && !peer.Available.Contains(peer.Chosen))
        {
            return TransportError.Of(TransportErrorCode.TransportParameterError, "a version is chosen that is not available", FrameType.Crypto);
        }

        // The packet that turned our version down was not the server's, if the server speaks it after all, or says nothing of what it speaks.
        bool wasForged = tried is uint first && (peer.Available.IsEmpty || peer.Available.Contains(first));
        return peer.Chosen == inUse && !wasForged ? TransportError.None : Changed();
    }

    /// <summary>The version that a server changes to; null to stay.</summary>
    /// <param name="client">What the client says; null when it says nothing.</param>
    public static uint? Better(VersionInformation? client, uint inUse, uint? preferred) =>
        preferred is uint version && version != inUse && Ours.Contains(version) && client is not null && client.Available.Contains(version)
            ? version
            : null;

    /// <summary>The version that a client tries next; null when the server speaks none of ours.</summary>
    public static uint? Next(in VersionNegotiationPacket packet, uint tried)
    {
        foreach (uint version in Ours)
        {
            if (version != tried && packet.Contains(version))
            {
                return version;
            }
        }

        return null;
    }

    private static TransportError Changed() =>
        TransportError.Of(TransportErrorCode.VersionNegotiationError, "the version was changed on the way", FrameType.Crypto);
}
